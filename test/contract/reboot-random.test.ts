import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../server/src/core/base/random.ts';
import { storm } from '../harness/fleet-storm.ts';
import { noUnhandledRejections } from '../harness/unhandled.ts';

const reached = new Map<string, number>();

for (const seed of [1, 2, 3]) {
  test(`a fleet under random harm keeps its limits and loses no slot, seed ${seed}`, async (t) => {
    noUnhandledRejections(t);
    const report = await storm(seed, new Random(seed));
    for (const [what, count] of report.reached) reached.set(what, (reached.get(what) ?? 0) + count);
  });
}

test('those seeds did harm, and slots were given, kept to their end, and lost to failures', () => {
  const expected = [
    'an agent killed',
    'a crash',
    'a coordinator killed',
    'a member killed',
    'a partition',
  ];
  const kinds = ['granted', 'done', 'failed', 'given back', 'released', 'unplanned reboot'];
  assert.deepEqual(
    [...expected, ...kinds].filter((what) => !reached.has(what)),
    [],
  );
});
