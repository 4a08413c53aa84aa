import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contest } from './contest.ts';

test('of twenty contenders that are killed, stopped and cut off, no two believe to hold a mutex, and none writes late', async (t) => {
  const result = await contest({ seconds: 15, seed: 5, print: (line) => t.diagnostic(line) });
  t.diagnostic(JSON.stringify(result));
  assert.ok(result.overlapMs < 0, `two believed to hold it for ${result.overlapMs} ms`);
  assert.ok(result.acquisitions > 50, `${result.acquisitions} acquisitions`);
  assert.ok(result.losses > 0, 'somebody lost it');
});
