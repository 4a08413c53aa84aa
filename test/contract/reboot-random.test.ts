import { test } from 'node:test';
import { Random } from '../../server/src/core/base/random.ts';
import { storm } from '../harness/fleet-storm.ts';
import { noUnhandledRejections } from '../harness/unhandled.ts';

for (const seed of [1, 2, 3]) {
  test(`a fleet under random harm keeps its limits and loses no slot, seed ${seed}`, async (t) => {
    noUnhandledRejections(t);
    await storm(seed, new Random(seed));
  });
}
