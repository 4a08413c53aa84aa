import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemberClock } from './member-clock.ts';

test('the time of the member goes on between its answers, and counts the way there by half', async () => {
  let elapsed = 1_000;
  const clock = new MemberClock(() => elapsed);
  assert.equal(clock.now, undefined);
  const answer = await clock.ask(async () => {
    elapsed += 200;
    return { timeMs: 5_000_000, name: 'm1' };
  });
  assert.equal(answer.name, 'm1');
  assert.equal(clock.now, 5_000_100);
  elapsed += 30_000;
  assert.equal(clock.now, 5_030_100);
  await assert.rejects(clock.ask(() => Promise.reject(new Error('no member answers'))));
  assert.equal(clock.now, 5_030_100, 'without an answer it goes on as it was');
});
