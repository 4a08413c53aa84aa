import type { MemberId, Membership } from './types.ts';

export interface MemberChange {
  readonly action: 'addVoter' | 'addLearner' | 'remove';
  readonly member: MemberId;
}

/**
 * A change of membership, the payload of a `membership` entry. No changes at all means: leave the
 * joint configuration. `transition` says how to get there: `auto` goes through a joint
 * configuration only if more than one thing changes; `joint` always does and leaves by itself;
 * `explicit` always does and stays until told to leave.
 */
export interface MembershipChange {
  readonly changes: readonly MemberChange[];
  readonly transition: 'auto' | 'joint' | 'explicit';
  /** The host's own note (who the new member is and where); the core does not look at it. */
  readonly context: string;
}

export const leaveJoint: MembershipChange = { changes: [], transition: 'auto', context: '' };

export const emptyMembership: Membership = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export function membershipOf(
  voters: readonly MemberId[],
  learners: readonly MemberId[] = [],
): Membership {
  return { ...emptyMembership, voters: sorted(voters), learners: sorted(learners) };
}

export function isJoint(membership: Membership): boolean {
  return membership.outgoing.length > 0;
}

export function isVoter(membership: Membership, member: MemberId): boolean {
  return membership.voters.includes(member) || membership.outgoing.includes(member);
}

export function isMember(membership: Membership, member: MemberId): boolean {
  return isVoter(membership, member) || membership.learners.includes(member);
}

/** Everyone who gets the log: voters of both halves and learners, each once, sorted. */
export function allMembers(membership: Membership): MemberId[] {
  return sorted([
    ...new Set([...membership.voters, ...membership.outgoing, ...membership.learners]),
  ]);
}

/**
 * The membership after `change`, or a sentence that says why it is not allowed. Pure.
 * Rules: paper section 6; a change of one voter needs no joint step because any two majorities of
 * sets that differ by one overlap (thesis 4.1).
 */
export function changeMembership(
  current: Membership,
  change: MembershipChange,
): Membership | { readonly refused: string } {
  if (change.changes.length === 0) return leave(current);
  if (isJoint(current))
    return { refused: 'a joint configuration must be left before the next change' };
  const next = withChanges(current, change.changes);
  if (next.voters.length === 0) return { refused: 'a cluster needs at least one voter' };
  const moved = symmetricDifference(current.voters, next.voters);
  if (change.transition === 'auto' && moved <= 1 && change.changes.length === 1) {
    // Nobody votes in an outgoing half here, so a demoted voter becomes a learner at once.
    return {
      ...next,
      learners: sorted([...next.learners, ...next.learnersNext]),
      learnersNext: [],
    };
  }
  return { ...next, outgoing: current.voters, autoLeave: change.transition !== 'explicit' };
}

function leave(current: Membership): Membership | { readonly refused: string } {
  if (!isJoint(current)) return { refused: 'there is no joint configuration to leave' };
  return {
    voters: current.voters,
    outgoing: [],
    learners: sorted([...current.learners, ...current.learnersNext]),
    learnersNext: [],
    autoLeave: false,
  };
}

/** Voters and learners after the changes; voters on their way to learner stand in learnersNext. */
function withChanges(current: Membership, changes: readonly MemberChange[]): Membership {
  const voters = new Set(current.voters);
  const learners = new Set(current.learners);
  const learnersNext = new Set<MemberId>();
  for (const { action, member } of changes) {
    learners.delete(member);
    learnersNext.delete(member);
    if (action === 'addVoter') voters.add(member);
    else voters.delete(member);
    // A voter of the outgoing half cannot be a learner at the same time: it turns into one on leaving.
    if (action === 'addLearner') {
      (current.voters.includes(member) ? learnersNext : learners).add(member);
    }
  }
  return {
    voters: sorted([...voters]),
    outgoing: [],
    learners: sorted([...learners]),
    learnersNext: sorted([...learnersNext]),
    autoLeave: false,
  };
}

function symmetricDifference(left: readonly MemberId[], right: readonly MemberId[]): number {
  const onlyLeft = left.filter((member) => !right.includes(member)).length;
  const onlyRight = right.filter((member) => !left.includes(member)).length;
  return onlyLeft + onlyRight;
}

function sorted(members: readonly MemberId[]): MemberId[] {
  return [...members].sort();
}

/** ASCII JSON, so that bytes and characters are the same. */
export function encodeChange(change: MembershipChange): Uint8Array {
  const json = JSON.stringify(change).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return Uint8Array.from(json, (character) => character.charCodeAt(0));
}

export function decodeChange(payload: Uint8Array): MembershipChange {
  let json = '';
  for (const byte of payload) json += String.fromCharCode(byte);
  // The payload was written by encodeChange on some member and is covered by checksums on the way.
  return JSON.parse(json) as MembershipChange;
}
