import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, selection, wholeNumber } from './selection.ts';

test('a key, a range, a prefix and a start name what etcdctl means by them', () => {
  assert.deepEqual(selection('a', undefined, {}), { key: 'a' });
  assert.deepEqual(selection('a', 'b', {}), { key: 'a', rangeEnd: 'b' });
  assert.deepEqual(selection('', undefined, { prefix: true }), { prefix: '' });
  assert.deepEqual(selection('a', undefined, { fromKey: true }), { fromKey: 'a' });
});

test('what excludes each other is refused', () => {
  assert.throws(() => selection('a', undefined, { prefix: true, fromKey: true }), /exclude/);
  assert.throws(() => selection('a', 'b', { prefix: true }), /range end and --prefix exclude/);
  assert.throws(() => selection('a', 'b', { fromKey: true }), /range end and --from-key exclude/);
});

test('a number that is none is refused with its flag', () => {
  assert.equal(wholeNumber(undefined, '--rev'), 0);
  assert.equal(wholeNumber('12', '--rev'), 12);
  for (const bad of ['-1', '1.5', 'x', '', '99999999999999999999']) {
    assert.throws(() => wholeNumber(bad, '--rev'), /--rev is .*whole number/, bad);
  }
});

test('a duration has a unit, or counts seconds', () => {
  assert.deepEqual(
    ['500ms', '5s', '1m', '2h', '2', '0.5s'].map((given) => durationMs(given, '--timeout')),
    [500, 5_000, 60_000, 7_200_000, 2_000, 500],
  );
  for (const bad of ['0', '5d', 'soon', '-1s', '']) {
    assert.throws(() => durationMs(bad, '--timeout'), /--timeout is .*for example 5s/, bad);
  }
});
