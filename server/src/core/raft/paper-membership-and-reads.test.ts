import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  append,
  entry,
  heartbeat,
  Rig,
  type RigOptions,
} from '../../../../test/harness/raft-rig.ts';
import { worldDefaults } from '../../../../test/harness/raft-world.ts';
import {
  encodeChange,
  leaveJoint,
  type MemberChange,
  type MembershipChange,
  membershipOf,
} from './membership.ts';
import { Raft } from './raft.ts';
import type { Entry } from './types.ts';

// One test per rule. Rules of sections 6 and 8 of the paper, and of the thesis on transfer (3.10),
// membership (4) and ReadIndex (6.4).

const x = [new TextEncoder().encode('x')];

function change(
  changes: readonly MemberChange[],
  transition: MembershipChange['transition'] = 'auto',
): MembershipChange {
  return { changes, transition, context: '' };
}
const add = (member: string): MemberChange => ({ action: 'addVoter', member });
const remove = (member: string): MemberChange => ({ action: 'remove', member });

/** A leader of term 1 whose first entry is committed. */
function leader(options: RigOptions = {}): Rig {
  const rig = Rig.leader(options);
  for (const voter of options.voters ?? ['2', '3']) {
    if (voter !== '1') rig.confirms(voter, rig.raft.lastIndex);
  }
  rig.sent();
  return rig;
}

function heartbeatReplies(rig: Rig, from: readonly string[], round: number): void {
  for (const member of from) rig.gets(member, { type: 'heartbeatReply', round });
}

test('6 a change is in force when it is committed, on leader and follower', () => {
  const rig = leader();
  assert.equal(
    rig.act((raft) => raft.proposeMembership(change([add('4')]))),
    undefined,
  );
  assert.deepEqual(rig.raft.membership.voters, ['1', '2', '3']);
  rig.confirms('2', 2);
  assert.deepEqual(rig.raft.membership.voters, ['1', '2', '3', '4']);

  const follower = new Rig();
  const payload = encodeChange(change([add('4')]));
  const added: Entry = { index: 1, term: 1, kind: 'membership', payload };
  follower.gets('2', append([0, 0], [added]), 1);
  assert.deepEqual(follower.raft.membership.voters, ['1', '2', '3']);
  follower.gets('2', heartbeat(1), 1);
  assert.deepEqual(follower.raft.membership.voters, ['1', '2', '3', '4']);
});

test('thesis 4.1 one change at a time: the next waits until the last is in force', () => {
  const rig = leader();
  rig.act((raft) => raft.proposeMembership(change([add('4')])));
  const refused = rig.act((raft) => raft.proposeMembership(change([add('5')])));
  assert.match(refused ?? '', /not in force yet/);
  rig.confirms('2', 2);
  assert.equal(
    rig.act((raft) => raft.proposeMembership(change([add('5')]))),
    undefined,
  );
});

test('thesis 4.1 a new leader takes no change before the inherited entries are in force', () => {
  const rig = Rig.leader({ log: [1, 1] });
  const refused = rig.act((raft) => raft.proposeMembership(change([add('4')])));
  assert.match(refused ?? '', /not in force yet/);
  rig.confirms('2', 3);
  assert.equal(
    rig.act((raft) => raft.proposeMembership(change([add('4')]))),
    undefined,
  );
});

test('6 two changes in one log prove the first, also when the hard state was lost', () => {
  const entries = [change([add('4')]), change([add('5')])].map(
    (one, at): Entry => ({
      index: at + 1,
      term: 1,
      kind: 'membership',
      payload: encodeChange(one),
    }),
  );
  const rig = new Rig({ entries, term: 1, commit: 0 });
  assert.deepEqual(rig.raft.membership.voters, ['1', '2', '3', '4']);
  assert.equal(rig.raft.committed, 1);

  const [first] = entries;
  assert(first !== undefined);
  const one = new Rig({ entries: [first, entry(2, 1)], term: 1, commit: 0 });
  assert.deepEqual(one.raft.membership.voters, ['1', '2', '3'], 'one alone proves nothing');
});

test('6 while a configuration is joint, both majorities decide about commits', () => {
  const rig = leader();
  rig.act((raft) => raft.proposeMembership(change([add('4'), add('5'), remove('2'), remove('3')])));
  rig.confirms('2', 2);
  assert.deepEqual(rig.raft.membership.outgoing, ['1', '2', '3']);
  // The end of the joint configuration is proposed by itself, as entry 3.
  assert.equal(rig.raft.lastIndex, 3);
  rig.confirms('2', 3);
  rig.confirms('3', 3);
  assert.equal(rig.raft.committed, 2, 'the outgoing half alone');
  rig.confirms('4', 3);
  assert.deepEqual([rig.raft.committed, rig.raft.membership.voters], [3, ['1', '4', '5']]);
  assert.deepEqual(rig.raft.membership.outgoing, []);
});

test('6 the new half alone does not commit either', () => {
  const rig = leader();
  rig.act((raft) => raft.proposeMembership(change([add('4'), add('5'), remove('2'), remove('3')])));
  rig.confirms('2', 2);
  rig.confirms('4', 3);
  rig.confirms('5', 3);
  assert.equal(rig.raft.committed, 2);
});

test('6 an explicit joint configuration stays until it is told to end', () => {
  const rig = leader();
  rig.act((raft) => raft.proposeMembership(change([add('4')], 'explicit')));
  rig.confirms('2', 2);
  rig.ticks(5);
  assert.deepEqual([rig.raft.lastIndex, rig.raft.membership.outgoing], [2, ['1', '2', '3']]);
  rig.act((raft) => raft.proposeMembership(leaveJoint));
  rig.confirms('2', 3);
  rig.confirms('4', 3);
  assert.deepEqual([rig.raft.membership.outgoing, rig.raft.role], [[], 'leader']);
});

test('6 a leader that is not in the new configuration steps down when that is committed', () => {
  for (const last of [remove('1'), { action: 'addLearner', member: '1' } as const]) {
    const rig = leader();
    rig.act((raft) => raft.proposeMembership(change([last])));
    assert.equal(rig.raft.role, 'leader');
    rig.confirms('2', 2);
    // The leader's own disk counts until then.
    assert.deepEqual([rig.raft.committed, rig.raft.role], [2, 'follower']);
    rig.ticks(100);
    assert.equal(rig.raft.role, 'follower');
  }
});

test('6 a leader tells the others that it is removed before it stops', () => {
  const rig = leader();
  rig.act((raft) => raft.proposeMembership(change([remove('1')])));
  rig.sent();
  rig.confirms('2', 2);
  const told = rig.sent().some((one) => one.type === 'commitNotice' && one.commit === 2);
  assert(told);
});

test('6 a smaller configuration may commit what the larger one had not', () => {
  const rig = leader({ voters: ['1', '2', '3', '4'] });
  rig.act((raft) => raft.proposeMembership(change([remove('4')])));
  rig.act((raft) => raft.propose(x, 1));
  rig.confirms('2', 3);
  assert.equal(rig.raft.committed, 1);
  rig.confirms('3', 2);
  // Entry 2 needs three of four; entry 3 then needs two of three, and has them.
  assert.equal(rig.raft.committed, 3);
});

test('8 a linearizable read costs a heartbeat round and answers the commit index', () => {
  const rig = leader();
  assert(rig.act((raft) => raft.readIndex(7)));
  const rounds = rig.sent('heartbeat').map((one) => one.type === 'heartbeat' && one.round);
  assert.deepEqual([rounds, rig.reads], [[1, 1], []]);
  heartbeatReplies(rig, ['2'], 1);
  assert.deepEqual(rig.reads, [{ context: 7, index: 1 }]);
});

test('8 a leader answers no read before an entry of its term is committed', () => {
  const rig = Rig.leader({ log: [1] });
  rig.act((raft) => raft.readIndex(7));
  rig.ticks(1);
  heartbeatReplies(rig, ['2', '3'], 0);
  assert.deepEqual(rig.reads, []);
  rig.confirms('2', 2);
  heartbeatReplies(rig, ['2'], 1);
  assert.deepEqual(rig.reads, [{ context: 7, index: 2 }]);
});

test('thesis 6.4 an answer to an older round confirms no newer read', () => {
  const rig = leader();
  rig.act((raft) => raft.readIndex(1));
  heartbeatReplies(rig, ['2'], 1);
  rig.act((raft) => raft.readIndex(2));
  heartbeatReplies(rig, ['2', '3'], 1);
  assert.deepEqual(
    rig.reads.map(({ context }) => context),
    [1],
  );
  heartbeatReplies(rig, ['3'], 2);
  assert.deepEqual(
    rig.reads.map(({ context }) => context),
    [1, 2],
  );
});

test('thesis 6.4 learners confirm no read', () => {
  const rig = leader({ learners: ['4', '5'] });
  rig.act((raft) => raft.readIndex(1));
  heartbeatReplies(rig, ['4', '5'], 1);
  assert.deepEqual(rig.reads, []);
});

test('thesis 6.4 a read needs both majorities of a joint configuration', () => {
  const rig = leader();
  const changes = [add('4'), add('5'), remove('2'), remove('3')];
  rig.act((raft) => raft.proposeMembership(change(changes, 'explicit')));
  rig.confirms('2', 2);
  rig.act((raft) => raft.readIndex(1));
  heartbeatReplies(rig, ['2', '3'], 1);
  assert.deepEqual(rig.reads, []);
  heartbeatReplies(rig, ['4'], 1);
  assert.equal(rig.reads.length, 1);
});

test('thesis 6.4 a lost round is asked again with the next heartbeat', () => {
  const rig = leader();
  rig.act((raft) => raft.readIndex(1));
  rig.sent();
  rig.ticks(1);
  const rounds = rig.sent('heartbeat').map((one) => one.type === 'heartbeat' && one.round);
  assert.deepEqual(rounds, [1, 1]);
});

test('thesis 6.4 a follower asks its leader, and may answer when it has applied the index', () => {
  const rig = new Rig();
  assert.equal(
    rig.act((raft) => raft.readIndex(1)),
    false,
  );
  rig.gets('2', heartbeat(), 1);
  rig.sent();
  assert(rig.act((raft) => raft.readIndex(2)));
  const [question] = rig.sent('readIndexRequest');
  assert.equal(question?.to, '2');
  rig.gets('2', { type: 'readIndexReply', context: 2, index: 5 });
  assert.deepEqual(rig.reads, [{ context: 2, index: 5 }]);
});

test('thesis 3.10 a transfer tells an up-to-date target to campaign at once', () => {
  const rig = leader();
  assert(rig.act((raft) => raft.transfer('2')));
  assert.deepEqual(
    rig.sent('timeoutNow').map(({ to }) => to),
    ['2'],
  );
});

test('thesis 3.10 a target that is behind is brought up to date first', () => {
  const rig = leader();
  rig.act((raft) => raft.propose(x, 1));
  rig.act((raft) => raft.transfer('2'));
  assert.deepEqual(rig.sent('timeoutNow'), []);
  rig.confirms('2', 2);
  assert.equal(rig.sent('timeoutNow').length, 1);
});

test('thesis 3.10 the target campaigns without a pre-vote and says why', () => {
  const rig = new Rig();
  rig.gets('2', heartbeat(), 1);
  rig.sent();
  rig.gets('2', { type: 'timeoutNow' });
  assert.deepEqual([rig.raft.role, rig.raft.term], ['candidate', 2]);
  const asked = rig.sent('voteRequest').map((one) => one.type === 'voteRequest' && one.transfer);
  assert.deepEqual(asked, [true, true]);
});

test('thesis 3.10 a transfer’s candidate gets the vote of those who hear from the old leader', () => {
  const rig = new Rig();
  rig.gets('2', heartbeat(), 1);
  rig.sent();
  const request = { type: 'voteRequest', preVote: false, lastIndex: 0, lastTerm: 0 } as const;
  rig.gets('3', { ...request, transfer: true }, 2);
  const [vote] = rig.sent('voteReply');
  assert.equal(vote?.type === 'voteReply' && vote.granted, true);
});

test('thesis 3.10 no proposals while leadership is being transferred, for one timeout at most', () => {
  const rig = leader();
  rig.act((raft) => raft.transfer('2'));
  assert.equal(
    rig.act((raft) => raft.propose(x, 1)),
    'transferring',
  );
  for (let at = 1; at < 10; at++) {
    rig.ticks(1);
    heartbeatReplies(rig, ['2'], 0);
    assert(
      rig.act((raft) => raft.transfer('2')),
      'asking again is allowed and prolongs nothing',
    );
    assert.equal(
      rig.act((raft) => raft.propose(x, 1)),
      'transferring',
    );
  }
  rig.ticks(1);
  assert.equal(
    rig.act((raft) => raft.propose(x, 2)),
    undefined,
  );
});

test('thesis 3.10 leadership goes to voters only', () => {
  const rig = leader({ learners: ['4'] });
  for (const target of ['4', '9']) {
    assert.equal(
      rig.act((raft) => raft.transfer(target)),
      false,
    );
  }
  assert.equal(
    rig.act((raft) => raft.propose(x, 1)),
    undefined,
  );
});

test('thesis 3.10 a target that is removed ends the transfer', () => {
  const rig = leader();
  rig.act((raft) => raft.proposeMembership(change([remove('3')])));
  rig.act((raft) => raft.transfer('3'));
  rig.confirms('2', 2);
  assert.equal(
    rig.act((raft) => raft.propose(x, 1)),
    undefined,
  );
});

test('a proposal beyond the limit of uncommitted bytes is refused until some are committed', () => {
  const rig = leader({ limits: { uncommittedBytesMax: 100 } });
  const large = [new Uint8Array(60)];
  assert.equal(
    rig.act((raft) => raft.propose(large, 1)),
    undefined,
  );
  assert.equal(
    rig.act((raft) => raft.propose(large, 2)),
    'too_many_requests',
  );
  rig.confirms('2', 2);
  assert.equal(
    rig.act((raft) => raft.propose(large, 3)),
    undefined,
  );
});

test('one proposal may be larger than the limit when nothing else is uncommitted', () => {
  const rig = leader({ limits: { uncommittedBytesMax: 10 } });
  assert.equal(
    rig.act((raft) => raft.propose([new Uint8Array(500)], 1)),
    undefined,
  );
});

test('a forwarded batch that arrives twice is appended once, and one that was dropped never', () => {
  const rig = leader();
  const forwarded = { type: 'forwardedProposal', batch: 5, payloads: x } as const;
  rig.gets('2', forwarded);
  rig.gets('2', forwarded);
  assert.equal(rig.raft.lastIndex, 2);
  rig.gets('3', forwarded);
  assert.equal(rig.raft.lastIndex, 3, 'the numbers of another member are its own');

  rig.act((raft) => raft.transfer('9') || raft.transfer('2'));
  rig.gets('2', { ...forwarded, batch: 6 });
  assert.equal(rig.sent('proposalDropped').length, 1);
  rig.ticks(9);
  rig.confirms('2', 3);
  rig.ticks(1);
  rig.gets('2', { ...forwarded, batch: 6 });
  assert.equal(rig.raft.lastIndex, 3);
  rig.gets('2', { ...forwarded, batch: 7 });
  assert.equal(rig.raft.lastIndex, 4);
});

test('the same inputs give the same outputs', () => {
  const run = () => {
    const rig = Rig.leader({ log: [1, 1], learners: ['4'] });
    rig.act((raft) => raft.propose(x, 1));
    rig.ticks(3);
    rig.confirms('2', 3);
    rig.gets('3', append([0, 0], [entry(1, 9)]), 9);
    rig.ticks(40);
    return JSON.stringify([rig.sent(), rig.writes, rig.applied]);
  };
  assert.equal(run(), run());
});

test('messages go out in the order of member ids, also to those that came later', () => {
  const rig = leader({ voters: ['1', '3', '5'] });
  rig.act((raft) => raft.proposeMembership(change([add('2')])));
  rig.confirms('3', 2);
  rig.confirms('5', 2);
  rig.sent();
  rig.ticks(1);
  assert.deepEqual(
    rig.sent('heartbeat').map(({ to }) => to),
    ['2', '3', '5'],
  );
});

test('6 nobody campaigns under a membership that a committed change has replaced', () => {
  const changed = { index: 2, term: 1, kind: 'membership' } as const;
  const entries: Entry[] = [
    { index: 1, term: 1, kind: 'command', payload: new Uint8Array(200) },
    { ...changed, payload: encodeChange(change([add('2')])) },
  ];
  const raft = new Raft(
    { ...worldDefaults, id: '1', seed: 1, commitBytesMax: 100, preVote: false },
    {
      hardState: { term: 1, vote: '', commit: 2 },
      snapshot: { index: 0, term: 0, membership: membershipOf(['1']) },
      entries,
    },
  );
  raft.campaign();
  raft.take();
  raft.campaign();
  assert.equal(raft.role, 'follower', 'the change is committed and not handed out yet');
  while (raft.take() !== undefined);
  assert.deepEqual(raft.membership.voters, ['1', '2']);
  raft.campaign();
  assert.equal(raft.role, 'candidate');
});
