import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Latest } from './latest.ts';

test('who is slow gets the latest, and never the same twice in a row', async () => {
  const latest = new Latest<number>(Object.is);
  latest.say(1);
  latest.say(2);
  assert.equal(await latest.take(), 2);
  latest.say(2);
  latest.say(3);
  latest.say(2);
  const next = latest.take();
  latest.say(2);
  latest.say(4);
  assert.equal(await next, 4);
});

test('a failure ends it, and forgets what was not taken', async () => {
  const latest = new Latest<number>(Object.is);
  const waiting = latest.take();
  const why = new Error('over');
  latest.fail(why);
  await assert.rejects(waiting, why);
  latest.say(1);
  await assert.rejects(latest.take(), why);
});
