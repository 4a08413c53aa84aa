import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReadIndexRounds } from './read-index.ts';

const read = (context: number, from = '') => ({ context, from });

test('reads that wait share one round and answer the commit index of its begin', () => {
  const rounds = new ReadIndexRounds();
  rounds.add(read(1));
  rounds.add(read(2, '3'));
  assert(rounds.begin(10));
  assert.equal(rounds.round, 1);
  assert.deepEqual(rounds.confirm(1), [
    { context: 1, from: '', index: 10 },
    { context: 2, from: '3', index: 10 },
  ]);
  assert.equal(rounds.waiting, 0);
});

test('no round begins without a read, or while one is under way', () => {
  const rounds = new ReadIndexRounds();
  assert(!rounds.begin(1));
  rounds.add(read(1));
  assert(rounds.begin(1));
  rounds.add(read(2));
  assert(!rounds.begin(2));
  assert.equal(rounds.waiting, 2);
});

test('a read that arrives during a round waits for the next, with a number of its own', () => {
  const rounds = new ReadIndexRounds();
  rounds.add(read(1));
  rounds.begin(10);
  rounds.add(read(2));
  assert.deepEqual(
    rounds.confirm(1).map(({ context }) => context),
    [1],
  );
  assert(rounds.begin(15));
  assert.equal(rounds.round, 2);
  // Late and doubled answers to the first round confirm nothing of the second.
  assert.deepEqual(rounds.confirm(1), []);
  assert.deepEqual(rounds.confirm(2), [{ context: 2, from: '', index: 15 }]);
});

test('a round is confirmed once', () => {
  const rounds = new ReadIndexRounds();
  rounds.add(read(1));
  rounds.begin(10);
  assert.equal(rounds.confirm(1).length, 1);
  assert.deepEqual(rounds.confirm(1), []);
});
