import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contendForOffice } from '../harness/election-contest.ts';

for (const [seed, isExclusive] of [
  [1, true],
  [2, true],
  [4, false],
] as const) {
  test(`seed ${seed}: through crashes, cut-offs and transfers ${isExclusive ? 'one leads at a time, and ' : 'and removals by hand '}guarded writes are in token order`, async (t) => {
    const { terms, writtenTerms, transfers } = await contendForOffice(t, seed, isExclusive);
    assert.ok(terms > 2 && writtenTerms > 2, `${terms} terms`);
    assert.ok(transfers > 0, 'the office was handed over');
  });
}
