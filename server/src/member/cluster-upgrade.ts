import type { Build } from '../core/cluster-version.ts';
import { allMembers } from '../core/raft/membership.ts';
import type { Membership } from '../core/raft/types.ts';
import type { Introduction } from './peer-frame.ts';

/**
 * The highest cluster version that every member, voter or learner, can work with; undefined while one
 * of them has not said so. Only who is linked now counts: a member that is down may come back with an
 * older build. Learners count, since they apply the log as voters do, and would be lost at the first
 * entry that they cannot read.
 */
export function highestForAll(
  { id, membership }: { readonly id: string; readonly membership: Membership },
  { versions }: Build,
  others: Iterable<{ readonly other: Pick<Introduction, 'memberId' | 'versions'> }>,
): number | undefined {
  let { highest } = versions;
  const told = new Map([[id, highest]]);
  for (const { other } of others) told.set(other.memberId, other.versions.highest);
  for (const memberId of allMembers(membership)) {
    const its = told.get(memberId);
    if (its === undefined) return undefined;
    highest = Math.min(highest, its);
  }
  return highest;
}
