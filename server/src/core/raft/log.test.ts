import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InvariantError } from '../base/assert.ts';
import { RaftLog } from './log.ts';
import { type Entry, entryOverheadBytes } from './types.ts';

function entry(index: number, term: number, bytes = 0): Entry {
  return { index, term, kind: 'command', payload: new Uint8Array(bytes) };
}

/** A log after `compacted`, one entry per term given. */
function logOf(terms: readonly number[], compacted = { index: 0, term: 0 }): RaftLog {
  const log = new RaftLog(compacted);
  log.append(terms.map((term, at) => entry(compacted.index + at + 1, term)));
  return log;
}

const indexes = (entries: readonly Entry[]) => entries.map(({ index }) => index);

test('an empty log ends where it was compacted', () => {
  const log = new RaftLog({ index: 5, term: 2 });
  assert.deepEqual([log.firstIndex, log.lastIndex, log.lastTerm, log.committed], [6, 5, 2, 5]);
  assert.equal(log.termAt(5), 2);
  assert.equal(log.termAt(4), undefined);
  assert.equal(log.termAt(6), undefined);
});

test('the more up-to-date log has the later last term, then the longer log (paper 5.4.1)', () => {
  const log = logOf([1, 2, 2]);
  const cases: [index: number, term: number, upToDate: boolean][] = [
    [3, 2, true],
    [4, 2, true],
    [2, 2, false],
    [1, 3, true],
    [9, 1, false],
  ];
  for (const [index, term, upToDate] of cases) {
    assert.equal(log.isUpToDate(index, term), upToDate, `${index}@${term}`);
  }
});

test('appending leaves no gap and never lowers the term', () => {
  const log = logOf([1, 3]);
  assert.throws(() => log.append([entry(4, 3)]), InvariantError);
  assert.throws(() => log.append([entry(2, 3)]), InvariantError);
  assert.throws(() => log.append([entry(3, 2)]), InvariantError);
  log.append([entry(3, 3)]);
  assert.equal(log.lastIndex, 3);
});

test('what is committed is never truncated', () => {
  const log = logOf([1, 1, 1, 1]);
  log.commitTo(2);
  assert.throws(() => log.truncate(2), InvariantError);
  log.truncate(3);
  assert.deepEqual([log.lastIndex, log.committed], [2, 2]);
});

test('the commit index only grows, and not beyond the end', () => {
  const log = logOf([1, 1]);
  assert.equal(log.commitTo(1), true);
  assert.equal(log.commitTo(0), false);
  assert.equal(log.commitTo(1), false);
  assert.throws(() => log.commitTo(3), InvariantError);
  assert.equal(log.committed, 1);
});

test('a slice holds at least one entry and otherwise keeps to its bytes', () => {
  const log = new RaftLog({ index: 10, term: 1 });
  log.append([entry(11, 1, 100), entry(12, 1, 10), entry(13, 1, 10)]);
  const small = 10 + entryOverheadBytes;
  assert.deepEqual(indexes(log.slice(11, 1)), [11]);
  assert.deepEqual(indexes(log.slice(12, 2 * small)), [12, 13]);
  assert.deepEqual(indexes(log.slice(12, 2 * small - 1)), [12]);
  assert.deepEqual(indexes(log.slice(14, 1000)), []);
  assert.throws(() => log.slice(10, 1000), InvariantError);
});

test('committed entries are handed out once, in order, in portions', () => {
  const log = logOf([1, 1, 1, 2]);
  assert.deepEqual(log.handOut(1), []);
  log.commitTo(3);
  assert.deepEqual(indexes(log.handOut(2 * entryOverheadBytes)), [1, 2]);
  assert.equal(log.handed, 2);
  assert.deepEqual(indexes(log.handOut(1)), [3]);
  assert.deepEqual(log.handOut(1), []);
});

test('compaction forgets what was handed out and keeps the rest', () => {
  const log = logOf([1, 1, 2, 3]);
  log.commitTo(3);
  log.handOut(2 * entryOverheadBytes);
  assert.throws(() => log.compact(3), InvariantError);
  log.compact(2);
  assert.deepEqual([log.firstIndex, log.termAt(2), log.termAt(1)], [3, 1, undefined]);
  assert.deepEqual(indexes(log.slice(3, 1000)), [3, 4]);
  log.compact(1);
  assert.equal(log.firstIndex, 3);
  assert.deepEqual(indexes(log.handOut(1000)), [3]);
});

test('a log that starts over at a snapshot has nothing else', () => {
  const log = logOf([1, 1, 1]);
  log.commitTo(1);
  log.restore({ index: 7, term: 4 });
  assert.deepEqual([log.firstIndex, log.lastIndex, log.lastTerm, log.bytes], [8, 7, 4, 0]);
  assert.deepEqual([log.committed, log.handed], [7, 7]);
  assert.throws(() => log.restore({ index: 7, term: 4 }), InvariantError);
});

test('the bytes of a log are those of its entries, whatever happened', () => {
  const log = new RaftLog({ index: 0, term: 0 });
  for (let index = 1; index <= 10; index++) log.append([entry(index, 1, index)]);
  log.truncate(9);
  log.commitTo(5);
  log.handOut(Number.POSITIVE_INFINITY);
  log.compact(3);
  const payloads = 4 + 5 + 6 + 7 + 8;
  assert.equal(log.bytes, payloads + 5 * entryOverheadBytes);
  assert.equal(log.bytesBetween(4, 8), log.bytes);
  assert.equal(log.bytesBetween(6, 5), 0);
});

const someTerms = fc
  .array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 })
  .map((terms) => terms.sort((left, right) => left - right));

test('the hint of a refusal is the last index at or below that has at most the term', () => {
  fc.assert(
    fc.property(someTerms, fc.nat(14), fc.nat(6), (terms, index, term) => {
      let slow = Math.min(index, terms.length);
      while (slow > 0 && (terms[slow - 1] ?? 0) > term) slow--;
      assert.equal(logOf(terms).lastIndexAtMost(index, term), slow);
    }),
    { seed: 9 },
  );
});

test('hints never skip the place where two logs agree', () => {
  fc.assert(
    fc.property(someTerms, someTerms, someTerms, (shared, left, right) => {
      const last = shared[shared.length - 1] ?? 0;
      // Entries of different leaders have different terms: even ones here, odd ones there.
      const leader = logOf([...shared, ...left.map((term) => last + 2 * term)]);
      const follower = logOf([...shared, ...right.map((term) => last + 2 * term - 1)]);
      let next = leader.lastIndex;
      for (let trips = 0; !follower.matches(next, leader.termAt(next) ?? 0); trips++) {
        const prevTerm = leader.termAt(next) ?? 0;
        const hint = follower.lastIndexAtMost(Math.min(next, follower.lastIndex), prevTerm);
        const answer = leader.lastIndexAtMost(hint, follower.termAt(hint) ?? 0);
        assert(answer < next, 'each answer brings the leader back');
        assert(trips < 12, 'a term per round trip');
        next = answer;
      }
      assert(next >= Math.min(shared.length, leader.lastIndex));
    }),
    { seed: 10 },
  );
});
