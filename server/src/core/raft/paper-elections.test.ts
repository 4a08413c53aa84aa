import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, granted, heartbeat, Rig, voteRequest } from '../../../../test/harness/raft-rig.ts';
import type { Body, VoteReply } from './message.ts';
import type { MemberId } from './types.ts';

// One test per rule. Rules of sections 5.1, 5.2 and 5.4.1 of the paper, and of the thesis on pre-vote
// (9.6) and check-quorum (6.2).

const noPreVote = { limits: { preVote: false } };
const reply: Body<VoteReply> = { type: 'voteReply', ...granted };

/** The answer to a vote request: granted or not, or undefined when there was none. */
function answer(rig: Rig): boolean | undefined {
  const [message] = rig.sent('voteReply');
  return message?.type === 'voteReply' ? message.granted : undefined;
}

/** Whether `rig` votes for `from` in `term`, for a log ending at `last`. */
function votes(rig: Rig, from: MemberId, term: number, last: [number, number]) {
  rig.sent();
  rig.gets(from, voteRequest(last), term);
  return answer(rig);
}

const roles = {
  follower: () => new Rig({ term: 1 }),
  candidate: () => {
    const rig = new Rig(noPreVote);
    rig.act((raft) => raft.campaign());
    return rig;
  },
  leader: () => Rig.leader(),
};

for (const [name, make] of Object.entries(roles)) {
  test(`5.1 a ${name} that sees a higher term takes it and becomes follower`, () => {
    const rig = make();
    rig.gets('2', heartbeat(), 7);
    assert.deepEqual([rig.raft.role, rig.raft.term, rig.raft.leader], ['follower', 7, '2']);
  });

  test(`5.1 a ${name} does not act on a message of a lower term`, () => {
    const rig = make();
    rig.gets('2', heartbeat(), 7);
    rig.gets('2', append([0, 0], [{ ...heartbeatEntry, term: 3 }]), 3);
    assert.deepEqual([rig.raft.term, rig.raft.lastIndex > 1], [7, false]);
  });
}
const heartbeatEntry = { index: 1, term: 1, kind: 'command' as const, payload: new Uint8Array(0) };

test('5.2 a member starts as follower', () => {
  assert.equal(new Rig().raft.role, 'follower');
});

test('5.2 a leader sends heartbeats to all others in every interval', () => {
  const rig = Rig.leader();
  rig.sent();
  rig.ticks(1);
  assert.deepEqual(
    rig.sent('heartbeat').map(({ to }) => to),
    ['2', '3'],
  );
});

test('5.2 a follower that hears nothing for an election timeout campaigns', () => {
  const rig = new Rig(noPreVote);
  rig.ticks(20);
  assert.deepEqual([rig.raft.role, rig.raft.term, rig.raft.vote], ['candidate', 1, '1']);
  assert.deepEqual(
    rig.sent('voteRequest').map(({ to, term }) => [to, term]),
    [
      ['2', 1],
      ['3', 1],
    ],
  );
});

test('5.2 a follower that hears from the leader does not campaign', () => {
  const rig = new Rig(noPreVote);
  for (let at = 0; at < 10; at++) {
    rig.ticks(9);
    rig.gets('2', heartbeat(), 1);
  }
  assert.equal(rig.raft.role, 'follower');
});

test('5.2 a candidate that does not win in time campaigns again in a new term', () => {
  const rig = new Rig(noPreVote);
  rig.act((raft) => raft.campaign());
  rig.sent();
  rig.ticks(20);
  assert.deepEqual([rig.raft.role, rig.raft.term], ['candidate', 2]);
  assert.equal(rig.sent('voteRequest').length, 2);
});

const elections: [size: number, grants: number, role: string][] = [
  [1, 0, 'leader'],
  [3, 0, 'candidate'],
  [3, 1, 'leader'],
  [4, 1, 'candidate'],
  [4, 2, 'leader'],
  [5, 1, 'candidate'],
  [5, 2, 'leader'],
];
for (const [size, grants, role] of elections) {
  test(`5.2 with its own vote and ${grants} others out of ${size} a candidate is ${role}`, () => {
    const voters = Array.from({ length: size }, (_, at) => `${at + 1}`);
    const rig = new Rig({ ...noPreVote, voters });
    rig.act((raft) => raft.campaign());
    for (const voter of voters.slice(1, 1 + grants)) rig.gets(voter, reply);
    assert.equal(rig.raft.role, role);
  });
}

test('5.2 the same vote twice counts once, and the first word of a voter holds', () => {
  const rig = new Rig({ ...noPreVote, voters: ['1', '2', '3', '4', '5'] });
  rig.act((raft) => raft.campaign());
  for (let at = 0; at < 3; at++) rig.gets('2', reply);
  assert.equal(rig.raft.role, 'candidate');
  rig.gets('3', { ...reply, granted: false });
  rig.gets('3', reply);
  assert.equal(rig.raft.role, 'candidate');
});

test('5.2 a vote of an earlier election does not count', () => {
  const rig = new Rig(noPreVote);
  rig.act((raft) => raft.campaign());
  rig.act((raft) => raft.campaign());
  rig.gets('2', reply, 1);
  assert.deepEqual([rig.raft.role, rig.raft.term], ['candidate', 2]);
});

test('5.2 the vote of a learner or a stranger does not count', () => {
  const rig = new Rig({ ...noPreVote, learners: ['4'] });
  rig.act((raft) => raft.campaign());
  rig.gets('4', reply);
  rig.gets('9', reply);
  assert.equal(rig.raft.role, 'candidate');
});

test('5.2 a candidate that cannot win any more goes back to follower', () => {
  const rig = new Rig(noPreVote);
  rig.act((raft) => raft.campaign());
  rig.gets('2', { ...reply, granted: false });
  rig.gets('3', { ...reply, granted: false });
  assert.equal(rig.raft.role, 'follower');
});

test('5.2 a candidate follows whoever leads its term, and answers it', () => {
  const rig = new Rig(noPreVote);
  rig.act((raft) => raft.campaign());
  rig.sent();
  rig.gets('3', append([0, 0], [heartbeatEntry]), 1);
  assert.deepEqual([rig.raft.role, rig.raft.leader, rig.raft.lastIndex], ['follower', '3', 1]);
  assert.equal(rig.sent('appendReply').length, 1);
});

test('5.2 a member gives one vote per term, first come first served', () => {
  const rig = new Rig();
  assert.equal(votes(rig, '2', 1, [0, 0]), true);
  assert.equal(votes(rig, '3', 1, [0, 0]), false);
  assert.equal(votes(rig, '2', 1, [0, 0]), true, 'the answer may have been lost');
  assert.equal(votes(rig, '3', 2, [0, 0]), true);
});

test('5.2 a vote survives a restart', () => {
  const rig = new Rig({ term: 1, vote: '2' });
  assert.equal(votes(rig, '3', 1, [0, 0]), false);
  assert.equal(votes(rig, '2', 1, [0, 0]), true);
});

test('5.2 nobody votes for another in a term whose leader is known', () => {
  const rig = new Rig({ limits: { checkQuorum: false } });
  rig.gets('2', heartbeat(), 1);
  assert.equal(votes(rig, '3', 1, [0, 0]), false);
});

test('5.2 a vote leaves only when it is durable', () => {
  const rig = new Rig();
  rig.held = true;
  assert.equal(votes(rig, '2', 1, [0, 0]), undefined);
  assert.deepEqual(rig.writes.at(-1)?.hardState, { term: 1, vote: '2', commit: 0 });
  rig.persist();
  assert.equal(answer(rig), true);
});

test('5.2 a candidate asks, and counts itself, only when term and own vote are durable', () => {
  const rig = new Rig({ ...noPreVote, voters: ['1'] });
  rig.held = true;
  rig.act((raft) => raft.campaign());
  assert.equal(rig.raft.role, 'candidate');
  rig.persist();
  assert.equal(rig.raft.role, 'leader');

  const asking = new Rig(noPreVote);
  asking.held = true;
  asking.act((raft) => raft.campaign());
  assert.deepEqual(asking.sent(), []);
  asking.persist();
  assert.equal(asking.sent('voteRequest').length, 2);
});

test('5.2 a granted vote gives the candidate time, a refused one does not', () => {
  const patient = new Rig(noPreVote);
  patient.ticks(9);
  votes(patient, '2', 1, [0, 0]);
  patient.ticks(9);
  assert.equal(patient.raft.role, 'follower');

  const impatient = new Rig({ ...noPreVote, log: [1], term: 1, vote: '3' });
  impatient.ticks(9);
  assert.equal(votes(impatient, '2', 1, [9, 9]), false);
  impatient.ticks(11);
  assert.equal(impatient.raft.role, 'candidate');
});

test('5.2 election timeouts are random in [n, 2n), so that votes rarely split', () => {
  const timeouts = new Set<number>();
  for (let seed = 0; seed < 400; seed++) {
    const rig = new Rig({ limits: { preVote: false, seed } });
    let ticks = 0;
    for (; rig.raft.role === 'follower'; ticks++) rig.ticks(1);
    timeouts.add(ticks);
  }
  const expected = Array.from({ length: 10 }, (_, at) => 10 + at);
  assert.deepEqual([...timeouts].sort(), expected);
});

const logCases: [last: [number, number], granted: boolean][] = [
  [[2, 2], true],
  [[3, 2], true],
  [[1, 3], true],
  [[1, 2], false],
  [[9, 1], false],
  [[0, 0], false],
];
for (const [last, expected] of logCases) {
  test(`5.4.1 with a log to 2@2 a vote for one to ${last.join('@')} is ${expected ? 'granted' : 'refused'}`, () => {
    for (const preVote of [false, true]) {
      const rig = new Rig({ log: [1, 2] });
      rig.gets('2', voteRequest(last, preVote), 5);
      assert.equal(answer(rig), expected);
    }
  });
}

test('5.4.1 a candidate names the end of its log', () => {
  const rig = new Rig({ ...noPreVote, log: [1, 1, 2] });
  rig.act((raft) => raft.campaign());
  const [request] = rig.sent('voteRequest');
  assert(request?.type === 'voteRequest');
  assert.deepEqual([request.lastIndex, request.lastTerm], [3, 2]);
});

test('6 a learner and a member that was removed never campaign', () => {
  for (const rig of [
    new Rig({ ...noPreVote, voters: ['2'], learners: ['1'] }),
    new Rig({ ...noPreVote, voters: ['2'] }),
  ]) {
    rig.ticks(100);
    rig.act((raft) => raft.campaign());
    rig.gets('2', { type: 'timeoutNow' });
    assert.deepEqual([rig.raft.role, rig.raft.term], ['follower', 0]);
  }
});

test('thesis 9.6 a pre-vote raises nobody’s term, neither the asker’s nor the voter’s', () => {
  const asker = new Rig();
  asker.act((raft) => raft.campaign());
  assert.deepEqual([asker.raft.role, asker.raft.term], ['preCandidate', 0]);
  assert.deepEqual(
    asker.sent('voteRequest').map(({ term }) => term),
    [1, 1],
  );
  assert.equal(asker.writes.length, 0);

  const voter = new Rig();
  voter.gets('2', voteRequest([0, 0], true), 1);
  assert.equal(answer(voter), true);
  assert.deepEqual([voter.raft.term, voter.raft.vote, voter.writes.length], [0, '', 0]);
});

test('thesis 9.6 pre-votes are granted to everybody who could win', () => {
  const rig = new Rig();
  for (const from of ['2', '3']) {
    rig.gets(from, voteRequest([0, 0], true), 1);
    assert.equal(answer(rig), true);
  }
});

test('thesis 9.6 a quorum of pre-votes starts the election', () => {
  const rig = new Rig();
  rig.act((raft) => raft.campaign());
  rig.gets('2', { ...reply, preVote: true }, 1);
  assert.deepEqual([rig.raft.role, rig.raft.term], ['candidate', 1]);
  // Votes before the election say nothing in it.
  rig.gets('3', { ...reply, preVote: true }, 1);
  assert.equal(rig.raft.role, 'candidate');
});

test('thesis 9.6 a pre-vote granted for an earlier term does not count', () => {
  const rig = new Rig({ term: 5 });
  rig.act((raft) => raft.campaign());
  rig.gets('2', { ...reply, preVote: true }, 5);
  assert.equal(rig.raft.role, 'preCandidate');
});

test('thesis 9.6 a refusal that carries a higher term is believed', () => {
  const rig = new Rig();
  rig.act((raft) => raft.campaign());
  rig.gets('2', { type: 'voteReply', preVote: true, granted: false }, 8);
  assert.deepEqual([rig.raft.role, rig.raft.term], ['follower', 8]);
});

test('thesis 9.6 a leader of a lower term is told of the higher one, so that nobody is stuck', () => {
  for (const body of [heartbeat(), append([0, 0], [])]) {
    const rig = new Rig({ term: 9 });
    rig.gets('2', body, 3);
    assert.equal(rig.sent()[0]?.term, 9);
  }
});

test('thesis 6.2 a leader that hears from no quorum for an election timeout steps down', () => {
  const rig = Rig.leader();
  rig.ticks(20);
  assert.deepEqual([rig.raft.role, rig.raft.leader], ['follower', '']);
});

test('thesis 6.2 a leader that hears from a quorum leads on', () => {
  const rig = Rig.leader();
  for (let at = 0; at < 10; at++) {
    rig.ticks(9);
    rig.gets('2', { type: 'heartbeatReply', round: 0 });
  }
  assert.equal(rig.raft.role, 'leader');
});

test('thesis 6.2 learners do not keep a leader in office', () => {
  const rig = Rig.leader({ learners: ['4'] });
  for (let at = 0; at < 3; at++) {
    rig.ticks(9);
    rig.gets('4', { type: 'heartbeatReply', round: 0 });
  }
  assert.equal(rig.raft.role, 'follower');
});

test('thesis 4.2.3 who hears from a leader ignores requests for votes, and keeps its term', () => {
  const follower = new Rig();
  follower.gets('2', heartbeat(), 1);
  for (const rig of [follower, Rig.leader()]) {
    rig.sent();
    for (const preVote of [true, false]) {
      rig.gets('3', voteRequest([9, 9], preVote), 5);
      assert.deepEqual([rig.sent(), rig.raft.term], [[], 1]);
    }
  }
});

test('thesis 4.2.3 after an election timeout without the leader a vote is given again', () => {
  const rig = new Rig();
  rig.gets('2', heartbeat(), 1);
  rig.ticks(9);
  assert.equal(votes(rig, '3', 5, [9, 9]), undefined);
  rig.ticks(1);
  assert.equal(votes(rig, '3', 5, [9, 9]), true);
});
