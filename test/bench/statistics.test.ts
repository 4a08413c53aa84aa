import assert from 'node:assert/strict';
import test from 'node:test';
import { median, percentile, Samples } from './statistics.ts';

test('a percentile is the smallest sample that the share of samples does not exceed', () => {
  const sorted = Float64Array.from({ length: 100 }, (_, at) => at + 1);
  assert.equal(percentile(sorted, 0.5), 50);
  assert.equal(percentile(sorted, 0.99), 99);
  assert.equal(percentile(Float64Array.of(7), 0.99), 7);
  assert.ok(Number.isNaN(percentile(new Float64Array(), 0.5)));
});

test('the median of an even number of runs is the mean of the middle two', () => {
  assert.equal(median([30, 10, 20]), 20);
  assert.equal(median([40, 10, 20, 30]), 25);
  assert.ok(Number.isNaN(median([])));
});

test('only what ended inside the window counts, also after the store has grown', () => {
  const samples = new Samples();
  for (let at = 0; at < 200_000; at++) samples.add(at, at);
  const { count, p50Ms } = samples.within({ fromMs: 100_000, toMs: 100_101 });
  assert.equal(count, 101);
  assert.equal(p50Ms, 100_050);
});
