import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PolicyError } from './fault.ts';
import { parseLimit, showLimit, slotsOf } from './limit.ts';

test('a limit is a number of hosts or a share of them', () => {
  assert.deepEqual(parseLimit('2'), { count: 2 });
  assert.deepEqual(parseLimit(2), { count: 2 });
  assert.deepEqual(parseLimit('20%'), { percent: 20 });
  assert.deepEqual(parseLimit(' 100 % '), { percent: 100 });
});

test('what cannot be a limit is refused with what would be right', () => {
  const bad: readonly (readonly [string | number, RegExp])[] = [
    [0, /cannot be 0: .*to stop a group, pause it/],
    ['0', /to stop a group, pause it/],
    ['0%', /cannot be "0%": .*to stop a group, pause it/],
    [-1, /at least 1/],
    ['-20%', /at least 1/],
    [1.5, /whole number/],
    ['12.5%', /whole number/],
    ['101%', /at most 100%/],
    ['150%', /at most 100%/],
    ['', /cannot be "": write a whole number of hosts, as 2, or a share of them, as 20%/],
    ['all', /whole number/],
    ['%', /whole number/],
    ['2 hosts', /whole number/],
    ['0x10', /whole number/],
    ['99999999999999999999', /whole number/],
    [Number.NaN, /whole number/],
    [Number.POSITIVE_INFINITY, /whole number/],
  ];
  for (const [text, message] of bad) {
    assert.throws(() => parseLimit(text), { name: 'PolicyError', message }, String(text));
  }
  assert.throws(() => parseLimit(0), PolicyError);
});

test('a share of the hosts is rounded down, and is at least one', () => {
  const shares = [0, 1, 4, 5, 9, 10, 100].map((hosts) => slotsOf({ percent: 20 }, hosts));
  assert.deepEqual(shares, [1, 1, 1, 1, 1, 2, 20]);
  assert.equal(slotsOf({ percent: 58 }, 50), 29);
  assert.equal(slotsOf({ percent: 100 }, 7), 7);
  assert.equal(slotsOf({ count: 3 }, 1), 3);
});

test('a limit is shown as it is read', () => {
  const limit = fc.oneof(
    fc.integer({ min: 1 }).map((count) => ({ count })),
    fc.integer({ min: 1, max: 100 }).map((percent) => ({ percent })),
  );
  fc.assert(fc.property(limit, (each) => assert.deepEqual(parseLimit(showLimit(each)), each)));
  assert.equal(showLimit({ count: 2 }), '2');
  assert.equal(showLimit({ percent: 20 }), '20%');
});
