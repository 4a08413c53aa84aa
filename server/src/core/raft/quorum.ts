import type { MemberId, Membership } from './types.ts';

/** How a vote stands. */
export type VoteResult = 'won' | 'lost' | 'pending';

/**
 * The highest index that a majority of `voters` has reached. An empty set constrains nothing and
 * answers infinity, so that it drops out of a joint decision.
 */
export function majorityIndex(
  voters: readonly MemberId[],
  reached: (member: MemberId) => number,
): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  const indexes = voters.map(reached).sort((left, right) => left - right);
  // Of n sorted values the one at floor((n - 1) / 2) is reached by at least a majority.
  return indexes[(indexes.length - 1) >> 1] as number;
}

/** The highest index that is committed under `membership`: both halves of a joint one must agree (paper section 6). */
export function committedIndex(
  membership: Membership,
  reached: (member: MemberId) => number,
): number {
  return Math.min(
    majorityIndex(membership.voters, reached),
    majorityIndex(membership.outgoing, reached),
  );
}

/** The outcome among one set of voters; `vote` answers undefined for who has not voted yet. */
export function majorityVote(
  voters: readonly MemberId[],
  vote: (member: MemberId) => boolean | undefined,
): VoteResult {
  if (voters.length === 0) return 'won';
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const answer = vote(voter);
    if (answer === undefined) missing++;
    else if (answer) granted++;
  }
  const needed = (voters.length >> 1) + 1;
  if (granted >= needed) return 'won';
  return granted + missing >= needed ? 'pending' : 'lost';
}

export function voteResult(
  membership: Membership,
  vote: (member: MemberId) => boolean | undefined,
): VoteResult {
  const incoming = majorityVote(membership.voters, vote);
  const outgoing = majorityVote(membership.outgoing, vote);
  if (incoming === outgoing) return incoming;
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return 'pending';
}
