import type { ErrorCode, MemberId } from '@lockstep/client/protocol';
import { promotionsSince } from '../core/cluster-version.ts';
import type { MemberRecord, Promotion } from '../core/member-table.ts';
import type { MemberChange } from '../core/raft/membership.ts';
import type { Membership } from '../core/raft/types.ts';
import type { ChangeRequest } from './change-request.ts';

/** Learners that wait to be told to be promoted (etcd's default). */
const learnersMax = 1;
/** A learner that holds so much of the log may become a voter (etcd). */
const inSyncShare = 0.9;

/** The cluster as its leader sees it. */
export interface ClusterView {
  /** The leader itself. */
  readonly self: MemberId;
  readonly membership: Membership;
  readonly members: readonly MemberRecord[];
  readonly clusterVersion: number;
  readonly lastIndex: number;
  /** Whether the link to a member is up; true of the leader itself. */
  isUp(member: MemberId): boolean;
  /** How much of the log a member holds. */
  match(member: MemberId): number;
}

export interface Addition {
  readonly peerAddress: string;
  readonly promotion: Promotion | undefined;
  /** Who goes in the same change. */
  readonly instead?: MemberId;
}

/** What a request comes to. The id of a new member is made when it is proposed. */
export type Decision =
  | { readonly refused: ErrorCode }
  | { readonly add: Addition }
  | { readonly change: readonly MemberChange[] }
  | { readonly move: MemberRecord };

/**
 * Whether a change may be made now, and which. The rules, and which error comes first, are etcd's
 * with its strict check of reconfigurations, which cannot be turned off here: a cluster never talks
 * itself out of its quorum. Who is to become a voter by itself counts as one in them. Pure.
 */
export function decide(view: ClusterView, request: ChangeRequest): Decision {
  switch (request.action) {
    case 'add':
      return addition(view, request);
    case 'remove':
      return removal(view, request.memberId);
    case 'update':
      return move(view, request);
    case 'promote':
      return promotionOf(view, request.memberId);
    case 'replace':
      return replacement(view, request);
  }
}

function addition(
  view: ClusterView,
  { peerAddress, learner }: { readonly peerAddress: string; readonly learner: boolean },
): Decision {
  const voters = votersToBe(view);
  const after = voters.length + 1;
  const started = voters.filter((id) => isStarted(view, id)).length;
  // A cluster of one may take a second, or it could never grow.
  const isFirst = started === 1 && after === 2;
  if (!learner && !isFirst && started < quorumOf(after)) {
    return { refused: 'not_enough_started_members' };
  }
  if (!voters.every((id) => view.isUp(id))) return { refused: 'unhealthy_cluster' };
  if (isTaken(view, peerAddress)) return { refused: 'peer_address_exists' };
  if (learner && waitingLearners(view) >= learnersMax) return { refused: 'too_many_learners' };
  if (!learner && view.clusterVersion < promotionsSince) return { refused: 'cluster_too_old' };
  return { add: { peerAddress, promotion: learner ? undefined : { replaces: '' } } };
}

function removal(view: ClusterView, memberId: MemberId): Decision {
  if (recordOf(view, memberId) === undefined) return { refused: 'member_not_found' };
  const change = [{ action: 'remove', member: memberId }] as const;
  const { voters } = view.membership;
  if (!voters.includes(memberId)) return { change };
  const rest = voters.filter((id) => id !== memberId);
  const started = rest.filter((id) => isStarted(view, id)).length;
  if (started < quorumOf(rest.length)) return { refused: 'not_enough_started_members' };
  // One that is away is no part of the quorum that works.
  if (!view.isUp(memberId)) return { change };
  const active = voters.filter((id) => view.isUp(id)).length;
  if (active - 1 < quorumOf(rest.length)) return { refused: 'unhealthy_cluster' };
  return { change };
}

function move(
  view: ClusterView,
  { memberId, peerAddress }: { readonly memberId: MemberId; readonly peerAddress: string },
): Decision {
  const record = recordOf(view, memberId);
  if (record === undefined) return { refused: 'member_not_found' };
  if (isTaken(view, peerAddress, memberId)) return { refused: 'peer_address_exists' };
  return { move: { ...record, peerAddress } };
}

/** How a learner becomes a voter now: alone, or in exchange for the member that it replaces. */
export function promotionOf(view: ClusterView, memberId: MemberId): Decision {
  const { voters, learners } = view.membership;
  const record = recordOf(view, memberId);
  if (record === undefined) return { refused: 'member_not_found' };
  if (!learners.includes(memberId)) return { refused: 'not_a_learner' };
  if (view.match(memberId) < inSyncShare * view.lastIndex) return { refused: 'learner_not_ready' };
  const replaces = record.promotion?.replaces ?? '';
  const after = [...voters.filter((id) => id !== replaces), memberId];
  const started = after.filter((id) => id === memberId || isStarted(view, id)).length;
  if (started < quorumOf(after.length)) return { refused: 'not_enough_started_members' };
  const change: MemberChange[] = [{ action: 'addVoter', member: memberId }];
  if (replaces !== '' && recordOf(view, replaces) !== undefined) {
    change.push({ action: 'remove', member: replaces });
  }
  return { change };
}

function replacement(
  view: ClusterView,
  { memberId, peerAddress }: { readonly memberId: MemberId; readonly peerAddress: string },
): Decision {
  const old = recordOf(view, memberId);
  if (old === undefined) return { refused: 'member_not_found' };
  // Where the old one was, the new one may be, unless the old one is still there.
  const leaves = view.isUp(memberId) ? '' : memberId;
  if (isTaken(view, peerAddress, leaves)) return { refused: 'peer_address_exists' };
  if (view.members.some(({ promotion }) => promotion?.replaces === memberId)) {
    return { refused: 'too_many_learners' };
  }
  const { voters } = view.membership;
  const { promotion } = old;
  // A learner has no vote that could be missed.
  if (!voters.includes(memberId)) return { add: { peerAddress, promotion, instead: memberId } };
  const others = voters.filter((id) => id !== memberId && view.isUp(id)).length;
  if (others + 1 < quorumOf(voters.length)) return { refused: 'unhealthy_cluster' };
  if (view.clusterVersion < promotionsSince) return { refused: 'cluster_too_old' };
  return { add: { peerAddress, promotion: { replaces: memberId } } };
}

/** Voters, and learners that are to be voters besides them. */
function votersToBe({ membership, members }: ClusterView): MemberId[] {
  const coming = members
    .filter(({ memberId, promotion }) => {
      return promotion?.replaces === '' && !membership.voters.includes(memberId);
    })
    .map(({ memberId }) => memberId);
  return [...membership.voters, ...coming];
}

function waitingLearners({ membership, members }: ClusterView): number {
  return members.filter(
    ({ memberId, promotion }) => membership.learners.includes(memberId) && promotion === undefined,
  ).length;
}

/** One that was added has no name until it has started once. */
function isStarted(view: ClusterView, memberId: MemberId): boolean {
  return recordOf(view, memberId)?.name !== '';
}

function isTaken({ members }: ClusterView, address: string, except: MemberId = ''): boolean {
  return members.some(
    ({ memberId, peerAddress }) => peerAddress === address && memberId !== except,
  );
}

function recordOf({ members }: ClusterView, memberId: MemberId): MemberRecord | undefined {
  return members.find((record) => record.memberId === memberId);
}

export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
