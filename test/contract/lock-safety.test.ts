import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  contendForMutex,
  contendForPermits,
  contendForRwLock,
  contendForSeveral,
} from '../harness/lock-contests.ts';

for (const seed of [1, 2]) {
  test(`twenty contenders for a mutex: one believes to hold it, and writes are in the order of tokens (seed ${seed})`, async (t) => {
    const { entries } = await contendForMutex(t, seed);
    assert.ok(entries > 40, `${entries} writes`);
  });

  test(`readers share and writers do not, also those who become readers (seed ${seed})`, async (t) => {
    const { shared, entries } = await contendForRwLock(t, seed + 10);
    assert.ok(shared > 20, `${shared} of ${entries} shared`);
  });

  test(`permits never weigh more than the limit, while it goes up and down (seed ${seed})`, async (t) => {
    const { shared, entries } = await contendForPermits(t, seed + 20);
    assert.ok(shared > 20, `${shared} of ${entries} shared`);
  });

  test(`whoever wants several locks gets all, and nobody waits in a circle (seed ${seed})`, async (t) => {
    const { entries } = await contendForSeveral(t, seed + 30);
    assert.ok(entries > 20, `${entries} entries of the lock that was taken least`);
  });
}
