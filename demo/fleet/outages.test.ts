import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outages } from './outages.ts';

test('outages count the most that were away at once, and how long each was', () => {
  let now = 100;
  const outages = new Outages(() => now);
  outages.set('a', false);
  assert.equal(outages.most, 0);
  outages.set('a', true);
  now = 150;
  outages.set('a', true);
  outages.set('b', true);
  now = 170;
  outages.set('a', false);
  outages.set('a', false);
  outages.set('c', true);
  assert.equal(outages.most, 2, 'a was back when c went');
  now = 200;
  outages.set('a', true);
  assert.equal(outages.most, 3);
  now = 201;
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => outages.tookMs(name)),
    [71, 51, 31, 0],
  );
});

test('after a reset who is away still counts, from then on', () => {
  let now = 0;
  const outages = new Outages(() => now);
  outages.set('a', true);
  outages.set('b', true);
  outages.set('b', false);
  now = 10;
  outages.reset();
  assert.equal(outages.most, 1);
  now = 15;
  outages.set('a', false);
  assert.equal(outages.tookMs('a'), 5);
});
