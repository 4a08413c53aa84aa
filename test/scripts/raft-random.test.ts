import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomRun } from '../harness/raft-random.ts';

const seeds = 300;
const steps = 1200;

/** Runs a seed; on failure again with its trace, the end of which goes into the error. */
function run(seed: number): RandomRun {
  const world = new RandomRun(seed);
  try {
    world.run(steps);
    return world;
  } catch (error) {
    const lines: string[] = [];
    try {
      new RandomRun(seed, (line) => lines.push(line)).run(steps);
    } catch {
      // The same failure, as the seed decides everything.
    }
    const message = `seed ${seed}: ${(error as Error).message}`;
    throw new Error(`${message}\n${lines.slice(-60).join('\n')}`, { cause: error });
  }
}

test(`raft keeps its promises in ${seeds} random runs`, () => {
  const reached = new Map<string, number>();
  for (let seed = 1; seed <= seeds; seed++) {
    for (const [what, times] of run(seed).reached) {
      reached.set(what, (reached.get(what) ?? 0) + times);
    }
  }
  // A run that never gets anywhere proves nothing, so the rare corners are counted.
  const few = ['leaders', 'commits', 'changes', 'joint', 'learners', 'transfers', 'reads'];
  for (const what of [...few, 'installs', 'crashes', 'truncations']) {
    assert((reached.get(what) ?? 0) >= 20, `"${what}" was reached ${reached.get(what) ?? 0} times`);
  }
});

test('the same seed gives the same trace', () => {
  for (const seed of [1, 2, 3]) {
    const traces = [0, 1].map(() => {
      const lines: string[] = [];
      new RandomRun(seed, (line) => lines.push(line)).run(steps);
      return lines;
    });
    assert.deepEqual(traces[0], traces[1]);
    assert((traces[0]?.length ?? 0) > 500, 'the run stopped early');
  }
});
