import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress } from './progress.ts';

const limits = { inflightMessagesMax: 2, inflightBytesMax: 1000 };

function replicating(match: number): Progress {
  const progress = new Progress('2', match + 1, limits);
  progress.match = match;
  progress.becomeReplicate();
  return progress;
}

test('a probe is sent once, and again only after a sign of life', () => {
  const progress = new Progress('2', 5, limits);
  assert(!progress.paused);
  progress.sent(7, 100);
  assert(progress.paused);
  assert.equal(progress.next, 5, 'a probe does not move on by itself');
  progress.heardHeartbeat();
  assert(!progress.paused);
});

test('a confirmed probe ends the pause and moves both indexes', () => {
  const progress = new Progress('2', 5, limits);
  progress.sent(7, 100);
  assert(progress.confirm(7));
  assert.deepEqual([progress.match, progress.next, progress.paused], [7, 8, false]);
});

test('an old confirmation is no news and takes nothing back', () => {
  const progress = replicating(7);
  assert(!progress.confirm(6));
  assert(!progress.confirm(7));
  assert.deepEqual([progress.match, progress.next], [7, 8]);
});

test('replication is optimistic up to the number of messages', () => {
  const progress = replicating(4);
  progress.sent(6, 10);
  assert(!progress.paused);
  progress.sent(9, 10);
  assert.deepEqual([progress.next, progress.inflightCount, progress.paused], [10, 2, true]);
  // The first message is confirmed, the second is still out.
  progress.confirm(8);
  assert.deepEqual([progress.inflightCount, progress.paused], [1, false]);
  progress.confirm(9);
  assert.equal(progress.inflightCount, 0);
});

test('replication is optimistic up to the bytes', () => {
  const progress = replicating(4);
  progress.sent(5, 1000);
  assert(progress.paused);
  progress.confirm(5);
  assert(!progress.paused);
});

test('a refusal while replicating sends the leader back to what is confirmed', () => {
  const progress = replicating(4);
  progress.sent(6, 10);
  progress.sent(9, 10);
  assert(progress.refuse(6, 5));
  assert.deepEqual([progress.state, progress.next, progress.inflightCount], ['probe', 5, 0]);
});

test('a refusal of what is confirmed since is stale', () => {
  const progress = replicating(4);
  assert(!progress.refuse(4, 2));
  assert(!progress.refuse(3, 2));
  assert.equal(progress.state, 'replicate');
});

test('a refused probe goes back to the hint, at least by one, never behind what is confirmed', () => {
  const cases: [match: number, hint: number, next: number][] = [
    [0, 3, 4],
    [0, 9, 9],
    [0, 20, 9],
    [5, 2, 6],
  ];
  for (const [match, hint, next] of cases) {
    const progress = new Progress('2', 10, limits);
    progress.match = match;
    progress.sent(12, 10);
    assert(progress.refuse(9, hint));
    assert.deepEqual([progress.next, progress.paused], [next, false], `${match} ${hint}`);
  }
});

test('the refusal of another probe than the last is stale', () => {
  const progress = new Progress('2', 10, limits);
  progress.sent(12, 10);
  assert(!progress.refuse(7, 3));
  assert.deepEqual([progress.next, progress.paused], [10, true]);
});

test('nothing is appended while a snapshot travels', () => {
  const progress = replicating(4);
  progress.sent(6, 10);
  progress.becomeSnapshot(20);
  assert(progress.paused);
  progress.heardHeartbeat();
  assert(progress.paused);
  assert.equal(progress.inflightCount, 0);
});

test('after a snapshot the next entry is the one behind it', () => {
  const progress = replicating(4);
  progress.becomeSnapshot(20);
  progress.becomeProbe();
  assert.deepEqual([progress.state, progress.next], ['probe', 21]);
});

test('after a failed snapshot the next entry is the one behind what is confirmed', () => {
  const progress = replicating(4);
  progress.becomeSnapshot(20);
  progress.snapshotIndex = 0;
  progress.becomeProbe();
  assert.equal(progress.next, 5);
});

test('a follower may turn out to be ahead of what it was sent', () => {
  const progress = new Progress('2', 5, limits);
  assert(progress.confirm(30));
  assert.deepEqual([progress.match, progress.next], [30, 31]);
});
