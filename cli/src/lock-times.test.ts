import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraceWindow, lockTimes } from './lock-times.ts';

test('at least half of the TTL stays for renewals, and the margin covers the grace', () => {
  for (let ttl = 2; ttl <= 120; ttl++) {
    const { marginMs, graceMs } = lockTimes({ ttl: String(ttl) }, true);
    assert.ok(marginMs <= ttl * 500, `${ttl}: margin ${marginMs}`);
    assert.ok(marginMs - graceMs >= Math.max(500, ttl * 100), `${ttl}: grace ${graceMs}`);
    assert.equal(graceMs, Math.min(5_000, ttl * 250));
  }
  assert.deepEqual(lockTimes({ ttl: '10' }, false), { ttl: 10, marginMs: 1_000, graceMs: 0 });
  assert.deepEqual(lockTimes({ ttl: '1m', grace: '20s' }, true), {
    ttl: 60,
    marginMs: 26_000,
    graceMs: 20_000,
  });
});

test('a grace that does not fit is refused with what would, and that does', () => {
  for (const [ttl, grace, enough, most] of [
    ['10', '4001ms', '11', '4000ms'],
    ['10', '30s', '75', '4000ms'],
    ['2', '501ms', '3', '500ms'],
    ['4', '2s', '5', '1500ms'],
  ] as const) {
    assert.throws(() => lockTimes({ ttl, grace }, true), {
      message: new RegExp(`give --ttl ${enough} or more, or --grace ${most} or less$`),
    });
    lockTimes({ ttl: enough, grace }, true);
    lockTimes({ ttl, grace: most }, true);
    const less = String(Number(enough) - 1);
    assert.throws(() => lockTimes({ ttl: less, grace }, true), /does not fit/);
  }
});

test('a loss that is noticed late has used up the grace, by either clock', () => {
  let [now, wall, left] = [50, 1_000, 300];
  const window = new GraceWindow(500, () => left, { now: () => now, wall: () => wall });
  try {
    left = 0;
    // Whatever was removed by hand may be lost early.
    assert.equal(window.leftMs(), 500);
    [now, wall] = [350, 1_300];
    assert.equal(window.leftMs(), 500);
    window.look();
    [now, wall] = [450, 1_300];
    assert.equal(window.leftMs(), 400);
    wall = 1_700;
    assert.equal(window.leftMs(), 100);
    now = 10_000;
    assert.equal(window.leftMs(), 0);
  } finally {
    window.close();
  }
});
