import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  AutoCompaction,
  type AutoCompactionOptions,
  type HistoryState,
} from './auto-compaction.ts';

const roomy = { historyBytes: 0, historyBytesMax: 1_000 };

function compaction(options: Partial<AutoCompactionOptions>): AutoCompaction {
  return new AutoCompaction({
    mode: 'periodic',
    retentionTicks: 100,
    revisions: 50,
    everyTicks: 20,
    ...options,
  });
}

/** Ticks a store that writes a revision a tick and applies what it is told; returns the ticks and what they said. */
function simulate(
  auto: AutoCompaction,
  ticks: number,
  room: (compactRevision: number) => Pick<HistoryState, 'historyBytes' | 'historyBytesMax'>,
): [revision: number, target: number][] {
  const said: [number, number][] = [];
  let compactRevision = 0;
  for (let revision = 1; revision <= ticks; revision++) {
    const target = auto.tick({ revision, compactRevision, ...room(compactRevision) });
    if (target === undefined) continue;
    said.push([revision, target]);
    compactRevision = target;
  }
  return said;
}

describe('periodic compaction', () => {
  test('keeps the history of the retention, to a tenth of it, and runs now and then', () => {
    const said = simulate(compaction({}), 200, () => roomy);
    assert.deepEqual(said, [
      [101, 1],
      [121, 21],
      [141, 41],
      [161, 61],
      [181, 81],
    ]);
  });

  test('says nothing again when nothing was written for as long as history is kept', () => {
    const auto = compaction({});
    const said = new Set<number | undefined>();
    for (let at = 0; at < 500; at++) {
      const compactRevision = said.has(7) ? 7 : 0;
      said.add(auto.tick({ revision: 7, compactRevision, ...roomy }));
    }
    assert.deepEqual([...said], [undefined, 7]);
  });

  test('says it again on the next turn when it was not done', () => {
    const auto = compaction({});
    const turns: number[] = [];
    for (let tick = 0; tick < 150; tick++) {
      if (auto.tick({ revision: 7, compactRevision: 0, ...roomy }) === 7) turns.push(tick);
    }
    assert.deepEqual(turns, [100, 120, 140]);
  });
});

test('compaction by revision keeps the newest', () => {
  const auto = compaction({ mode: 'revision' });
  assert.deepEqual(
    simulate(auto, 100, () => roomy),
    [
      [51, 1],
      [71, 21],
      [91, 41],
    ],
  );
});

test('off means that nothing is compacted, whatever history takes', () => {
  const auto = compaction({ mode: 'off' });
  assert.deepEqual(
    simulate(auto, 500, () => ({ historyBytes: 2_000, historyBytesMax: 1_000 })),
    [],
  );
});

describe('want of room', () => {
  const full = { historyBytes: 1_001, historyBytesMax: 1_000 };
  for (const mode of ['periodic', 'revision'] as const) {
    test(`compacts about half of the history, in the mode ${mode} too`, () => {
      const auto = compaction({ mode, retentionTicks: 1_000_000, revisions: 1_000_000 });
      assert.equal(auto.tick({ revision: 900, compactRevision: 100, ...roomy }), undefined);
      assert.equal(auto.tick({ revision: 900, compactRevision: 100, ...full }), 500);
    });
  }

  test('waits for what it said to show before it says more', () => {
    const auto = compaction({ retentionTicks: 1_000_000, everyTicks: 30 });
    const at = (compactRevision: number, room: typeof full) =>
      auto.tick({ revision: 900, compactRevision, ...room });
    const waits = [at(100, full), at(500, full), at(500, full)];
    assert.deepEqual(waits, [500, undefined, undefined]);
    assert.deepEqual([at(500, full), at(700, roomy), at(700, full)], [700, undefined, 800]);
  });

  test('goes up to the newest revision and no further', () => {
    const auto = compaction({ everyTicks: 1 });
    assert.equal(auto.tick({ revision: 10, compactRevision: 9, ...full }), 10);
    assert.equal(auto.tick({ revision: 10, compactRevision: 10, ...full }), undefined);
  });

  test('is not there at the bound itself', () => {
    const auto = compaction({});
    const state = { revision: 10, compactRevision: 0, historyBytes: 1_000, historyBytesMax: 1_000 };
    assert.equal(auto.tick(state), undefined);
  });
});

test('what is said lies above the compact revision and not beyond the newest, and is old enough', () => {
  const options = fc.record({
    mode: fc.constantFrom('periodic' as const, 'revision' as const),
    retentionTicks: fc.nat(60),
    revisions: fc.nat(30),
    everyTicks: fc.nat(30),
  });
  const step = fc.record({ writes: fc.nat(3), applied: fc.boolean(), full: fc.boolean() });
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 300 }), (chosen, steps) => {
      const auto = new AutoCompaction(chosen);
      const revisions: number[] = [];
      let revision = 1;
      let compactRevision = 0;
      for (const [tick, { writes, applied, full }] of steps.entries()) {
        revision += writes;
        revisions.push(revision);
        const room = full ? { historyBytes: 2, historyBytesMax: 1 } : roomy;
        const target = auto.tick({ revision, compactRevision, ...room });
        if (target === undefined) continue;
        assert(target > compactRevision && target <= revision, `${target} of ${revision}`);
        assert(Number.isInteger(target));
        if (!full && chosen.mode === 'revision') assert.equal(target, revision - chosen.revisions);
        if (!full && chosen.mode === 'periodic') {
          const old = revisions[tick - chosen.retentionTicks];
          assert(old !== undefined && target <= old, `${target} is younger than the retention`);
        }
        if (applied) compactRevision = target;
      }
    }),
  );
});
