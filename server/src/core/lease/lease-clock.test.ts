import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type LeaseCheckpoint, LeaseClock } from './lease-clock.ts';
import type { LeaseId, LeaseMark, LeaseRecord } from './types.ts';

const all = Number.POSITIVE_INFINITY;

function record(id: LeaseId, renewals = 0): LeaseRecord {
  return { id, ttl: 1, remaining: 0, renewals };
}

function run(clock: LeaseClock, ticks: number): void {
  for (let at = 0; at < ticks; at++) clock.tick();
}

const ids = (marks: readonly LeaseMark[]) => marks.map(({ id }) => id);

test('a lease is due after its seconds and a tick more, and never before', () => {
  const clock = new LeaseClock({ ticksPerSecond: 10 });
  clock.counts(record('1', 3), 2);
  run(clock, 20);
  assert.deepEqual([clock.hasDue, clock.due(all)], [false, []]);
  run(clock, 1);
  assert.deepEqual([clock.hasDue, clock.due(all)], [true, [{ id: '1', renewals: 3 }]]);
});

test('what is due stays due, oldest first, until it is gone or renewed', () => {
  const clock = new LeaseClock({ ticksPerSecond: 1 });
  clock.counts(record('a'), 3);
  clock.counts(record('b'), 1);
  clock.counts(record('c'), 2);
  run(clock, 10);
  assert.deepEqual(ids(clock.due(2)), ['b', 'c']);
  assert.deepEqual(ids(clock.due(all)), ['b', 'c', 'a']);
  clock.counts(record('b', 1), 5);
  clock.gone('c');
  assert.deepEqual(ids(clock.due(all)), ['a']);
  run(clock, 6);
  assert.deepEqual(clock.due(all), [
    { id: 'a', renewals: 0 },
    { id: 'b', renewals: 1 },
  ]);
});

test('what remains is in whole seconds that are certain', () => {
  const clock = new LeaseClock({ ticksPerSecond: 4 });
  assert.equal(clock.remainingSeconds('1'), undefined);
  clock.counts(record('1'), 3);
  const seen = Array.from({ length: 16 }, () => {
    const remaining = clock.remainingSeconds('1');
    clock.tick();
    return remaining;
  });
  assert.deepEqual(seen, [3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
  assert(clock.hasDue);
  clock.gone('1');
  assert.equal(clock.remainingSeconds('1'), undefined);
});

test('counting may begin again with less than was left', () => {
  const clock = new LeaseClock({ ticksPerSecond: 1 });
  clock.counts(record('1'), 100);
  clock.counts(record('1'), 5);
  run(clock, 6);
  assert.deepEqual(ids(clock.due(all)), ['1']);
});

test('a lease of the longest TTL and a fraction of a tick a second work', () => {
  const clock = new LeaseClock({ ticksPerSecond: 0.3 });
  clock.counts(record('long'), 9_000_000_000);
  clock.counts(record('short'), 4);
  run(clock, 2);
  assert(!clock.hasDue, 'four seconds are a tick and a fifth, and are never cut short');
  run(clock, 1);
  assert.deepEqual(ids(clock.due(all)), ['short']);
  assert(Number(clock.remainingSeconds('long')) > 8_999_999_980);
});

describe('a checkpoint', () => {
  test('is asked for after more than five minutes, and then every five minutes again', () => {
    const clock = new LeaseClock({ ticksPerSecond: 1 });
    clock.counts(record('1', 2), 700);
    const seen: [tick: number, checkpoints: LeaseCheckpoint[]][] = [];
    for (let tick = 1; tick <= 800; tick++) {
      clock.tick();
      const checkpoints = clock.checkpoints(all);
      if (checkpoints.length > 0) seen.push([tick, checkpoints]);
    }
    const mark = { id: '1', renewals: 2 };
    assert.deepEqual(seen, [
      [301, [{ mark, remaining: 399 }]],
      [602, [{ mark, remaining: 98 }]],
    ]);
  });

  test('counts five minutes from a renewal, and from the checkpoint itself when it was late', () => {
    const clock = new LeaseClock({ ticksPerSecond: 1 });
    const wanted: number[] = [];
    const runTo = (from: number, to: number, asked: boolean) => {
      for (let tick = from; tick <= to; tick++) {
        clock.tick();
        if (asked && clock.checkpoints(all).length > 0) wanted.push(tick);
      }
    };
    clock.counts(record('1'), 5_000);
    runTo(1, 1, true);
    clock.counts(record('1', 1), 5_000);
    runTo(2, 400, true);
    runTo(401, 799, false);
    runTo(800, 1_700, true);
    assert.deepEqual(wanted, [302, 800, 1_101, 1_402]);
  });

  test('rounds up, to a second at least', () => {
    const clock = new LeaseClock({ ticksPerSecond: 10 });
    clock.counts(record('1'), 400);
    clock.counts(record('2'), 300.1);
    run(clock, 3_001);
    assert.deepEqual(
      clock.checkpoints(all).map(({ remaining }) => remaining),
      [100, 1],
    );
  });

  test('is not asked for after a renewal, nor for what is due or gone', () => {
    const clock = new LeaseClock({ ticksPerSecond: 1 });
    for (const id of ['renewed', 'due', 'gone', 'kept']) clock.counts(record(id), 310);
    run(clock, 301);
    clock.counts(record('renewed', 1), 310);
    clock.gone('gone');
    clock.counts(record('kept', 1), 1_000);
    run(clock, 10);
    assert.deepEqual(clock.checkpoints(all), []);
    assert.deepEqual(ids(clock.due(all)), ['due']);
  });

  test('waits for whoever asks, at most so many at once', () => {
    const clock = new LeaseClock({ ticksPerSecond: 1 });
    for (let at = 0; at < 5; at++) {
      clock.counts(record(`${at}`), 10_000);
      clock.tick();
    }
    run(clock, 2_000);
    const taken = [clock.checkpoints(2), clock.checkpoints(2), clock.checkpoints(2)];
    assert.deepEqual(
      taken.map((checkpoints) => checkpoints.map(({ mark }) => mark.id)),
      [['0', '1'], ['2', '3'], ['4']],
    );
    assert.deepEqual(clock.checkpoints(2), []);
  });
});

test('a crowd that is up at once is put off in part, and becomes due in order all the same', () => {
  const clock = new LeaseClock({ ticksPerSecond: 1 });
  const crowd = 50_000;
  for (let at = 0; at < crowd; at++) clock.counts(record(`${at}`), 5);
  run(clock, 2);
  // These wait with the crowd, but their time is later; each deadline is passed before the crowd is through.
  for (let at = 0; at < crowd; at += 10) clock.counts(record(`${at}`, 1), 5 - ((at / 10) % 2));
  clock.counts(record('late'), 4);
  run(clock, 4);
  const first = clock.due(all).length;
  assert(first > 0 && first < crowd / 2, `${first} are due at first`);
  run(clock, 20);
  const due = clock.due(all);
  assert.equal(due.length, crowd + 1);
  const deadlines = due.map(({ id, renewals }) => {
    if (id === 'late') return 7;
    return renewals === 0 ? 6 : 8 - ((Number(id) / 10) % 2);
  });
  assert.deepEqual(
    deadlines,
    deadlines.toSorted((left, right) => left - right),
  );
});

/** What the clock should say, from one list. */
class DumbClock {
  readonly #perSecond: number;
  leases: { id: LeaseId; renewals: number; deadline: number; since: number }[] = [];
  now = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  counts({ id, renewals }: LeaseRecord, seconds: number): void {
    this.gone(id);
    const deadline = this.now + Math.ceil(seconds * this.#perSecond) + 1;
    this.leases.push({ id, renewals, deadline, since: this.now });
  }

  gone(id: LeaseId): void {
    this.leases = this.leases.filter((lease) => lease.id !== id);
  }

  due(): { mark: string; deadline: number }[] {
    return this.leases
      .filter(({ deadline }) => deadline <= this.now)
      .map(({ id, renewals, deadline }) => ({ mark: `${id}/${renewals}`, deadline }));
  }

  /** Which leases a checkpoint is wanted for, and since when. */
  uncheckpointed(): Map<string, number> {
    const wanted = this.leases.filter(
      ({ deadline, since }) =>
        deadline > this.now && this.now - since > Math.ceil(300 * this.#perSecond),
    );
    return new Map(wanted.map(({ id, renewals, since }) => [`${id}/${renewals}`, since]));
  }

  remaining(id: LeaseId, round: (seconds: number) => number): number | undefined {
    const lease = this.leases.find((other) => other.id === id);
    return lease && Math.max(0, round((lease.deadline - 1 - this.now) / this.#perSecond));
  }

  checkpointed(id: LeaseId): void {
    for (const lease of this.leases) if (lease.id === id) lease.since = this.now;
  }
}

const someId = fc.nat(8).map(String);
const someStep = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('counts' as const),
      id: someId,
      seconds: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2_000 })),
    }),
  },
  fc.record({ type: fc.constant('gone' as const), id: someId }),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('ticks' as const),
      ticks: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 500 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('checkpoints' as const),
      max: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

test('the clock says what a plain list says', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0.5, 1, 2.5),
      fc.array(someStep, { minLength: 10, maxLength: 80 }),
      (ticksPerSecond, steps) => {
        const clock = new LeaseClock({ ticksPerSecond });
        const dumb = new DumbClock(ticksPerSecond);
        let renewals = 0;
        for (const step of steps) {
          if (step.type === 'counts') {
            const counted = record(step.id, renewals++);
            clock.counts(counted, step.seconds);
            dumb.counts(counted, step.seconds);
          } else if (step.type === 'gone') {
            clock.gone(step.id);
            dumb.gone(step.id);
          } else if (step.type === 'ticks') {
            run(clock, step.ticks);
            dumb.now += step.ticks;
          } else {
            const wanted = dumb.uncheckpointed();
            const taken = clock.checkpoints(step.max);
            const sinces = taken.map(({ mark }) => wanted.get(`${mark.id}/${mark.renewals}`));
            const longest = [...wanted.values()].sort((left, right) => left - right);
            assert.deepEqual(sinces, longest.slice(0, step.max));
            assert.equal(new Set(taken.map(({ mark }) => mark.id)).size, taken.length);
            for (const { mark, remaining } of taken) {
              const expected = dumb.remaining(mark.id, Math.ceil);
              assert.equal(remaining, Math.max(1, Number(expected)));
              dumb.checkpointed(mark.id);
            }
          }
          const due = dumb.due();
          const marks = clock.due(all).map(({ id, renewals }) => `${id}/${renewals}`);
          assert.deepEqual(marks.toSorted(), due.map(({ mark }) => mark).sort());
          const deadlineOf = new Map(due.map(({ mark, deadline }) => [mark, deadline]));
          const deadlines = marks.map((mark) => Number(deadlineOf.get(mark)));
          assert.deepEqual(
            deadlines,
            deadlines.toSorted((left, right) => left - right),
          );
          assert.equal(clock.hasDue, due.length > 0);
          for (let id = 0; id <= 8; id++) {
            const remaining = dumb.remaining(`${id}`, Math.floor);
            assert.equal(clock.remainingSeconds(`${id}`), remaining);
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});
