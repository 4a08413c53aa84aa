import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MemberRecord } from '../core/member-table.ts';
import { membershipOf } from '../core/raft/membership.ts';
import type { ChangeRequest } from './change-request.ts';
import { type ClusterView, type Decision, decide } from './change-rules.ts';

interface Given {
  /** Ids of voters; the first one leads. */
  readonly voters?: string;
  readonly learners?: string;
  /** Of them, who never started, who is away, and who lacks most of the log. */
  readonly unstarted?: string;
  readonly away?: string;
  readonly behind?: string;
  /** Learners that become voters by themselves, and whom they replace. */
  readonly coming?: Readonly<Record<string, string>>;
  readonly clusterVersion?: number;
}

function viewOf(given: Given): ClusterView {
  const { voters = 'abc', learners = '', unstarted = '', away = '', behind = '' } = given;
  const { coming = {}, clusterVersion = 2 } = given;
  const members = [...voters, ...learners].map((memberId): MemberRecord => {
    const name = unstarted.includes(memberId) ? '' : memberId;
    const base = {
      memberId,
      name,
      peerAddress: `${memberId}:1`,
      clientAddress: '',
      directoryId: '',
    };
    const replaces = coming[memberId];
    return replaces === undefined ? base : { ...base, promotion: { replaces } };
  });
  return {
    self: voters[0] ?? '',
    membership: membershipOf([...voters], [...learners]),
    members,
    clusterVersion,
    lastIndex: 100,
    isUp: (id) => !away.includes(id) && !unstarted.includes(id),
    match: (id) => (behind.includes(id) || unstarted.includes(id) ? 89 : 90),
  };
}

/** A decision in one word or two. */
function shortly(decision: Decision): string {
  if ('refused' in decision) return decision.refused;
  if ('move' in decision) return `${decision.move.memberId} to ${decision.move.peerAddress}`;
  if ('change' in decision) {
    return decision.change.map(({ action, member }) => `${action} ${member}`).join(', ');
  }
  const { peerAddress, promotion, instead } = decision.add;
  const fate = promotion === undefined ? 'learner' : `voter for ${promotion.replaces || 'nobody'}`;
  return `${peerAddress} as ${fate}${instead === undefined ? '' : ` instead of ${instead}`}`;
}

const add = (peerAddress = 'x:1'): ChangeRequest => ({
  action: 'add',
  peerAddress,
  learner: false,
});
const addLearner: ChangeRequest = { action: 'add', peerAddress: 'x:1', learner: true };
const remove = (memberId: string): ChangeRequest => ({ action: 'remove', memberId });
const promote = (memberId: string): ChangeRequest => ({ action: 'promote', memberId });
const replace = (memberId: string, peerAddress = 'x:1'): ChangeRequest => ({
  ...{ action: 'replace', memberId, peerAddress },
});
const update = (memberId: string, peerAddress = 'x:1'): ChangeRequest => ({
  ...{ action: 'update', memberId, peerAddress },
});

type Row = readonly [given: Given, request: ChangeRequest, expected: string];

function check(rows: readonly Row[]): void {
  for (const [given, request, expected] of rows) {
    const what = `${JSON.stringify(request)} with ${JSON.stringify(given)}`;
    assert.equal(shortly(decide(viewOf(given), request)), expected, what);
  }
}

describe('what may be done to the members', () => {
  test('an addition needs started voters for the quorum after it, and all of them there', () => {
    check([
      [{}, add(), 'x:1 as voter for nobody'],
      [{ voters: 'a' }, add(), 'x:1 as voter for nobody'],
      [{ voters: 'ab', unstarted: 'b' }, add(), 'not_enough_started_members'],
      [{ unstarted: 'c' }, add(), 'not_enough_started_members'],
      [{ voters: 'abcde', unstarted: 'de' }, add(), 'not_enough_started_members'],
      [{ voters: 'abcde', unstarted: 'e' }, add(), 'unhealthy_cluster'],
      [{ away: 'c' }, add(), 'unhealthy_cluster'],
      [{}, add('b:1'), 'peer_address_exists'],
      [{ clusterVersion: 1 }, add(), 'cluster_too_old'],
    ]);
  });

  test('who is to be a voter counts as one, and who waits as a learner does not', () => {
    check([
      [{ learners: 'd', coming: { d: '' } }, add(), 'x:1 as voter for nobody'],
      [{ learners: 'd', coming: { d: '' }, away: 'd' }, add(), 'unhealthy_cluster'],
      [
        { voters: 'a', learners: 'b', coming: { b: '' }, unstarted: 'b' },
        add(),
        'not_enough_started_members',
      ],
      [{ learners: 'd', coming: { d: 'c' }, unstarted: 'd' }, add(), 'x:1 as voter for nobody'],
      [{ learners: 'd', away: 'd' }, add(), 'x:1 as voter for nobody'],
    ]);
  });

  test('one learner may wait, at every cluster version', () => {
    check([
      [{}, addLearner, 'x:1 as learner'],
      [{ clusterVersion: 1 }, addLearner, 'x:1 as learner'],
      [{ unstarted: 'c' }, addLearner, 'unhealthy_cluster'],
      [{ learners: 'd' }, addLearner, 'too_many_learners'],
      [{ learners: 'd', coming: { d: '' } }, addLearner, 'x:1 as learner'],
    ]);
  });

  test('a removal leaves a quorum that has started and is there, or it takes one that is away', () => {
    check([
      [{}, remove('b'), 'remove b'],
      [{}, remove('a'), 'remove a'],
      [{}, remove('x'), 'member_not_found'],
      [{ voters: 'a' }, remove('a'), 'not_enough_started_members'],
      [{ voters: 'a', learners: 'b' }, remove('a'), 'not_enough_started_members'],
      [{ voters: 'ab' }, remove('b'), 'remove b'],
      [{ unstarted: 'c' }, remove('b'), 'not_enough_started_members'],
      [{ unstarted: 'c' }, remove('c'), 'remove c'],
      [{ away: 'c' }, remove('c'), 'remove c'],
      [{ away: 'c' }, remove('b'), 'unhealthy_cluster'],
      [{ voters: 'abcde', away: 'e' }, remove('b'), 'remove b'],
      [{ learners: 'd', away: 'c' }, remove('d'), 'remove d'],
    ]);
  });

  test('a learner is promoted when it holds nine tenths of the log, alone or for another', () => {
    check([
      [{ learners: 'd' }, promote('d'), 'addVoter d'],
      [{ learners: 'd', behind: 'd' }, promote('d'), 'learner_not_ready'],
      [{ learners: 'd', unstarted: 'd' }, promote('d'), 'learner_not_ready'],
      [{}, promote('b'), 'not_a_learner'],
      [{}, promote('x'), 'member_not_found'],
      [{ learners: 'd', coming: { d: 'b' } }, promote('d'), 'addVoter d, remove b'],
      [{ learners: 'd', coming: { d: 'gone' } }, promote('d'), 'addVoter d'],
      [{ learners: 'd', unstarted: 'bc' }, promote('d'), 'not_enough_started_members'],
    ]);
  });

  test('a replacement may have the address of one that is gone, and needs the others', () => {
    check([
      [{}, replace('b'), 'x:1 as voter for b'],
      [{ away: 'b' }, replace('b', 'b:1'), 'b:1 as voter for b'],
      [{}, replace('b', 'b:1'), 'peer_address_exists'],
      [{ away: 'b' }, replace('b', 'c:1'), 'peer_address_exists'],
      [{ away: 'b' }, replace('c'), 'x:1 as voter for c'],
      [{ voters: 'abcde', away: 'bcd' }, replace('b'), 'x:1 as voter for b'],
      [{ voters: 'abcde', away: 'bcd' }, replace('e'), 'unhealthy_cluster'],
      [{ voters: 'a' }, replace('a'), 'x:1 as voter for a'],
      [{ learners: 'd', coming: { d: 'b' } }, replace('b'), 'too_many_learners'],
      [{ learners: 'd' }, replace('d'), 'x:1 as learner instead of d'],
      [{ learners: 'd', coming: { d: '' } }, replace('d'), 'x:1 as voter for nobody instead of d'],
      [{}, replace('x'), 'member_not_found'],
      [{ clusterVersion: 1 }, replace('b'), 'cluster_too_old'],
    ]);
  });

  test('an address is moved to one that is free, or its own', () => {
    check([
      [{}, update('b'), 'b to x:1'],
      [{}, update('b', 'b:1'), 'b to b:1'],
      [{}, update('b', 'c:1'), 'peer_address_exists'],
      [{}, update('x'), 'member_not_found'],
    ]);
  });
});
