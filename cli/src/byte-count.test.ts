import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteCount, hexHash } from './byte-count.ts';

test('a size has two or three digits and a unit', () => {
  const sizes = [0, 999, 1_000, 2_149, 9_960, 25_000, 999_600, 1_500_000, 12_345_678_901];
  const texts = ['0 B', '999 B', '1.0 kB', '2.1 kB', '10 kB', '25 kB', '1.0 MB', '1.5 MB', '12 GB'];
  assert.deepEqual(sizes.map(byteCount), texts);
});

test('a hash has eight digits', () => {
  assert.deepEqual([0, 0xfe01cf57].map(hexHash), ['00000000', 'fe01cf57']);
});
