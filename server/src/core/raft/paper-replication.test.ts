import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  append,
  entry,
  granted,
  heartbeat,
  Rig,
  voteRequest,
} from '../../../../test/harness/raft-rig.ts';
import { InvariantError } from '../base/assert.ts';
import type { AppendReply, AppendRequest } from './message.ts';

// One test per rule. Rules of sections 5.3, 5.4.2 and 7 of the paper, and of the thesis on writing to
// the leader's disk in parallel (10.2.1).

const x = [new TextEncoder().encode('x')];
const terms = (rig: Rig) => rig.raft.entries(1, Number.POSITIVE_INFINITY).map(({ term }) => term);

function appends(rig: Rig): AppendRequest[] {
  return rig.sent().filter((message) => message.type === 'appendRequest');
}

function replies(rig: Rig): AppendReply[] {
  return rig.sent().filter((message) => message.type === 'appendReply');
}

/** A leader of term 1 whose first entry both followers have. */
function settledLeader(options: ConstructorParameters<typeof Rig>[0] = {}): Rig {
  const rig = Rig.leader(options);
  for (const voter of options?.voters ?? ['1', '2', '3']) {
    if (voter !== '1') rig.confirms(voter, rig.raft.lastIndex);
  }
  rig.sent();
  return rig;
}

test('5.3 a leader appends a proposal and sends it to everybody', () => {
  const rig = settledLeader();
  rig.act((raft) => raft.propose(x, 1));
  assert.deepEqual(
    appends(rig).map(({ to, prevIndex, prevTerm, entries }) => [
      to,
      prevIndex,
      prevTerm,
      entries.map(({ index, term }) => [index, term]),
    ]),
    [
      ['2', 1, 1, [[2, 1]]],
      ['3', 1, 1, [[2, 1]]],
    ],
  );
});

test('5.3 an entry is committed when a majority holds it, and applied then', () => {
  const rig = settledLeader();
  rig.applied = [];
  rig.act((raft) => raft.propose(x, 1));
  assert.equal(rig.applied.length, 0);
  rig.confirms('2', 2);
  assert.deepEqual([rig.raft.committed, rig.applied.map(({ index }) => index)], [2, [2]]);
});

const quorums: [size: number, confirmations: number, committed: boolean][] = [
  [1, 0, true],
  [3, 0, false],
  [3, 1, true],
  [4, 1, false],
  [4, 2, true],
  [5, 1, false],
  [5, 2, true],
];
for (const [size, confirmations, committed] of quorums) {
  const verb = committed ? 'commit' : 'do not commit';
  test(`5.3 the leader and ${confirmations} others out of ${size} ${verb}`, () => {
    const voters = Array.from({ length: size }, (_, at) => `${at + 1}`);
    const rig = settledLeader({ voters });
    rig.act((raft) => raft.propose(x, 1));
    for (const voter of voters.slice(1, 1 + confirmations)) rig.confirms(voter, 2);
    assert.equal(rig.raft.committed === 2, committed);
  });
}

test('5.3 a learner’s confirmation does not commit', () => {
  const rig = settledLeader({ learners: ['4', '5'] });
  rig.act((raft) => raft.propose(x, 1));
  rig.confirms('4', 2);
  rig.confirms('5', 2);
  assert.equal(rig.raft.committed, 1);
});

test('5.3 followers learn the commit index and apply in log order', () => {
  const rig = new Rig();
  rig.gets('2', append([0, 0], [entry(1, 1), entry(2, 1), entry(3, 1)]), 1);
  assert.equal(rig.applied.length, 0);
  rig.gets('2', append([3, 1], [], 2), 1);
  assert.deepEqual(
    rig.applied.map(({ index }) => index),
    [1, 2],
  );
  rig.gets('2', heartbeat(3), 1);
  assert.deepEqual(
    rig.applied.map(({ index }) => index),
    [1, 2, 3],
  );
});

test('5.3 a leader tells followers of a commit without waiting for the next entry', () => {
  const rig = settledLeader();
  rig.act((raft) => raft.propose(x, 1));
  rig.sent();
  const told = () =>
    rig.sent('commitNotice').map((one) => one.type === 'commitNotice' && [one.to, one.commit]);
  rig.confirms('3', 2);
  assert.deepEqual(told(), [['3', 2]]);
  // Only who is known to hold the entry is told: another may have something else at its index.
  rig.confirms('2', 2);
  assert.deepEqual(told(), [['2', 2]]);
});

const consistency: [prev: [number, number], success: boolean, hint: [number, number]][] = [
  [[0, 0], true, [0, 0]],
  [[1, 1], true, [0, 0]],
  [[2, 2], true, [0, 0]],
  // Beyond the end; the hint is the end.
  [[3, 3], false, [2, 2]],
  // Another term there: skip all of it.
  [[2, 1], false, [1, 1]],
  [[1, 4], false, [1, 1]],
];
for (const [prev, success, [hintIndex, hintTerm]] of consistency) {
  const verb = success ? 'takes' : 'refuses';
  test(`5.3 a follower with 1@1 2@2 ${verb} entries after ${prev.join('@')}`, () => {
    const rig = new Rig({ log: [1, 2] });
    rig.gets('2', append(prev, []), 4);
    const [reply] = replies(rig);
    assert.deepEqual([reply?.success, reply?.index], [success, prev[0]]);
    if (!success) assert.deepEqual([reply?.hintIndex, reply?.hintTerm], [hintIndex, hintTerm]);
  });
}

const appended: [prev: [number, number], sent: [number, number][], terms: number[]][] = [
  // Nothing new, something new, a conflict in the middle, a conflict at the start.
  [[2, 2], [], [1, 2, 2]],
  [[3, 2], [[4, 3]], [1, 2, 2, 3]],
  [[1, 1], [[2, 3]], [1, 3]],
  [
    [0, 0],
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
    [1, 2, 3],
  ],
  [
    [0, 0],
    [
      [1, 3],
      [2, 3],
    ],
    [3, 3],
  ],
  // What is there already, in part: an old message must not cut off what came after it.
  [
    [0, 0],
    [
      [1, 1],
      [2, 2],
    ],
    [1, 2, 2],
  ],
  [
    [1, 1],
    [
      [2, 2],
      [3, 2],
      [4, 2],
    ],
    [1, 2, 2, 2],
  ],
];
for (const [prev, sent, expected] of appended) {
  const list = sent.map((one) => one.join('@')).join(' ');
  test(`5.3 1@1 2@2 3@2 and [${list}] after ${prev.join('@')} become terms ${expected}`, () => {
    const rig = new Rig({ log: [1, 2, 2] });
    rig.gets(
      '2',
      append(
        prev,
        sent.map(([index, term]) => entry(index, term)),
      ),
      5,
    );
    assert.deepEqual(terms(rig), expected);
    assert.equal(replies(rig)[0]?.index, prev[0] + sent.length);
  });
}

test('5.3 a follower’s commit index stays within what this message proves', () => {
  const rig = new Rig({ log: [1, 1, 1] });
  // The follower's 3@1 may conflict with the leader's; only 1 and 2 are known to be the same.
  rig.gets('2', append([1, 1], [entry(2, 1)], 3), 4);
  assert.equal(rig.raft.committed, 2);
});

test('5.3 what is committed is never replaced', () => {
  const rig = new Rig({ log: [1, 1], commit: 2 });
  rig.gets('2', append([0, 0], [entry(1, 3)]), 3);
  assert.deepEqual(terms(rig), [1, 1]);
  const [reply] = replies(rig);
  assert.deepEqual([reply?.success, reply?.index], [true, 2]);
});

test('5.3 a follower answers only for what is durable', () => {
  const rig = new Rig();
  rig.held = true;
  rig.gets('2', append([0, 0], [entry(1, 1)]), 1);
  assert.deepEqual(replies(rig), []);
  // The same again is not new, and still not durable.
  rig.gets('2', append([0, 0], [entry(1, 1)]), 1);
  assert.deepEqual(replies(rig), []);
  rig.persist();
  assert.equal(replies(rig).length, 2);
});

test('5.3 writes come in order and every answer waits for its own', () => {
  const rig = new Rig();
  rig.held = true;
  rig.gets('2', append([0, 0], [entry(1, 1)]), 1);
  rig.gets('2', append([1, 1], [entry(2, 1)]), 1);
  assert.deepEqual(
    rig.writes.map(({ batch }) => batch),
    [1, 2],
  );
  rig.act((raft) => raft.persisted(1));
  assert.deepEqual(
    replies(rig).map(({ index }) => index),
    [1],
  );
  rig.act((raft) => raft.persisted(2));
  assert.deepEqual(
    replies(rig).map(({ index }) => index),
    [2],
  );
});

test('5.3 a replaced entry is written again', () => {
  const rig = new Rig();
  rig.gets('2', append([0, 0], [entry(1, 1), entry(2, 1)]), 1);
  rig.gets('3', append([1, 1], [entry(2, 2)]), 2);
  assert.deepEqual(
    rig.writes.at(-1)?.entries.map(({ index, term }) => [index, term]),
    [[2, 2]],
  );
});

test('5.3 a leader never changes its own log, only adds to it', () => {
  const rig = settledLeader();
  rig.act((raft) => raft.propose(x, 1));
  assert.throws(() => rig.gets('2', append([1, 1], [entry(2, 1, 'other')])), InvariantError);
});

test('5.3 a refused leader goes back and tries again', () => {
  const rig = Rig.leader({ log: [1, 1, 1, 2] });
  rig.sent();
  const refusal = { type: 'appendReply', success: false, index: 4 } as const;
  rig.gets('2', { ...refusal, hintIndex: 2, hintTerm: 1 });
  const [again] = appends(rig);
  assert.deepEqual([again?.prevIndex, again?.prevTerm], [2, 1]);
  assert.deepEqual(
    again?.entries.map(({ index }) => index),
    [3, 4, 5],
  );
});

test('5.3 a leader sends again to a follower that does not answer, for ever', () => {
  const rig = Rig.leader({ limits: { checkQuorum: false } });
  for (let at = 0; at < 5; at++) {
    rig.sent();
    rig.ticks(1);
    rig.gets('2', { type: 'heartbeatReply', round: 0 });
    assert(appends(rig).some(({ to }) => to === '2'));
  }
});

test('5.4.2 an entry of an older term is not committed by counting', () => {
  const rig = Rig.leader({ log: [1, 2], term: 2 });
  assert.equal(rig.raft.term, 3);
  rig.confirms('2', 1);
  rig.confirms('2', 2);
  rig.confirms('3', 2);
  assert.equal(rig.raft.committed, 0);
  rig.confirms('2', 3);
  assert.equal(rig.raft.committed, 3);
});

test('5.4.2 a new leader begins its term with an empty entry', () => {
  const rig = Rig.leader({ log: [1, 2] });
  const [, , first] = rig.raft.entries(1, Number.POSITIVE_INFINITY);
  assert.deepEqual([first?.index, first?.term, first?.payload.length], [3, 3, 0]);
});

test('5.4.3 a heartbeat commits no more than the follower is known to hold', () => {
  const rig = settledLeader();
  rig.act((raft) => raft.propose(x, 1));
  rig.confirms('2', 2);
  rig.sent();
  rig.ticks(1);
  assert.deepEqual(
    rig.sent('heartbeat').map((message) => message.type === 'heartbeat' && message.commit),
    [2, 1],
  );
});

test('thesis 10.2.1 a leader sends while it writes, and counts itself when it is done', () => {
  const rig = settledLeader({ voters: ['1', '2'] });
  rig.held = true;
  rig.act((raft) => raft.propose(x, 1));
  assert.equal(appends(rig).length, 1);
  rig.confirms('2', 2);
  assert.equal(rig.raft.committed, 1);
  rig.persist();
  assert.equal(rig.raft.committed, 2);
});

test('thesis 10.2.1 a quorum without the leader’s own disk commits', () => {
  const rig = settledLeader();
  rig.held = true;
  rig.act((raft) => raft.propose(x, 1));
  rig.confirms('2', 2);
  rig.confirms('3', 2);
  assert.equal(rig.raft.committed, 2);
});

test('5.1 a late word of the own disk from an earlier term confirms nothing', () => {
  const rig = settledLeader({ voters: ['1', '2'] });
  rig.held = true;
  rig.act((raft) => raft.propose(x, 1));
  rig.gets('2', append([1, 1], [entry(2, 2)]), 2);
  rig.sent();
  rig.act((raft) => raft.persisted(rig.writes.at(-2)?.batch ?? 0));
  assert.deepEqual([rig.raft.committed, rig.sent()], [1, []]);
});

test('7 a follower whose next entry is gone gets a snapshot, if it is there to take it', () => {
  const rig = settledLeader();
  rig.act((raft) => raft.propose(x, 1));
  rig.confirms('2', 2);
  rig.act((raft) => {
    raft.snapshotTaken({ index: 2, term: 1, membership: raft.membership });
    raft.compact(2);
  });
  rig.act((raft) => raft.unreachable('3'));
  assert.deepEqual(rig.snapshotsTo, ['3']);
  assert.equal(rig.raft.progress?.get('3')?.state, 'snapshot');
});

test('7 a snapshot that is ahead replaces log, membership and commit index, once durable', () => {
  const rig = new Rig({ log: [1, 1, 1] });
  rig.held = true;
  const membership = { ...rig.raft.membership, voters: ['1', '5'] };
  rig.gets('2', { type: 'installSnapshot', snapshot: { index: 9, term: 3, membership } }, 3);
  assert.deepEqual([rig.raft.firstIndex, rig.raft.lastIndex, rig.raft.committed], [10, 9, 9]);
  assert.deepEqual([rig.raft.membership.voters, rig.installed?.index], [['1', '5'], 9]);
  assert.equal(rig.writes.at(-1)?.snapshot?.index, 9);
  assert.deepEqual(replies(rig), []);
  rig.persist();
  assert.equal(replies(rig)[0]?.index, 9);
});

test('7 a snapshot of what is there already replaces nothing', () => {
  const rig = new Rig({ log: [1, 1, 2, 2] });
  const { membership } = rig.raft;
  rig.gets('2', { type: 'installSnapshot', snapshot: { index: 3, term: 2, membership } }, 3);
  assert.deepEqual([rig.raft.firstIndex, rig.raft.lastIndex, rig.raft.committed], [1, 4, 3]);
  assert.equal(rig.installed, undefined);
});

test('7 an old snapshot changes nothing and is answered with the commit index', () => {
  const rig = new Rig({ log: [1, 1, 2], commit: 3 });
  const { membership } = rig.raft;
  rig.gets('2', { type: 'installSnapshot', snapshot: { index: 2, term: 1, membership } }, 3);
  assert.equal(rig.installed, undefined);
  assert.deepEqual([rig.raft.lastIndex, replies(rig)[0]?.index], [3, 3]);
});

test('figure 2 the hard state is written with the entries it belongs to, and before any answer', () => {
  const rig = new Rig();
  rig.held = true;
  rig.gets('2', append([0, 0], [entry(1, 4)], 1), 4);
  const [write] = rig.writes;
  assert.deepEqual([write?.hardState?.term, write?.entries.length], [4, 1]);
  assert.deepEqual(rig.sent(), []);
});

test('figure 2 the hard state never calls committed what its own write brings', () => {
  const rig = new Rig({ log: [1, 1, 1] });
  rig.gets('2', append([1, 1], [entry(2, 2), entry(3, 2)], 3), 4);
  assert.equal(rig.raft.committed, 3);
  assert.equal(rig.writes.at(-1)?.hardState?.commit, 1);
  rig.gets('2', append([3, 2], [entry(4, 4)], 3), 4);
  assert.equal(rig.writes.at(-1)?.hardState?.commit, 3);
});

test('figure 2 entries of a term that the hard state lost raise the term, without a vote', () => {
  const rig = new Rig({ log: [1, 4], term: 3, vote: '2' });
  assert.deepEqual([rig.raft.term, rig.raft.vote], [4, '']);
  rig.gets('3', voteRequest([9, 9]), 3);
  const [refusal] = rig.sent('voteReply');
  assert.deepEqual(refusal?.type === 'voteReply' && [refusal.granted, refusal.term], [false, 4]);
});

test('5.2 a vote that comes after the election changes nothing', () => {
  const rig = settledLeader();
  rig.gets('3', { type: 'voteReply', ...granted });
  assert.equal(rig.raft.role, 'leader');
});
