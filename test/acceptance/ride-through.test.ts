import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ride } from './ride-through.ts';

test('a watch, a cache and a session ride through kills, pauses and partitions, and their user notices only time', async (t) => {
  const result = await ride({ rounds: 5, seed: 4, print: (line) => t.diagnostic(line) });
  t.diagnostic(JSON.stringify(result));
  assert.equal(result.seen, result.written);
  assert.ok(result.written > 100, `only ${result.written} writes`);
  for (const [kind, count] of Object.entries(result.faults)) assert.ok(count > 0, `no ${kind}`);
});
