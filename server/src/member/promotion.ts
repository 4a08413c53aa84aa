import type { MembershipChange } from '../core/raft/membership.ts';
import type { Raft } from '../core/raft/raft.ts';

/**
 * Why a change may not be proposed yet, in a sentence; undefined when it may. A voter that lacks the
 * log would count for the quorum and not be able to help it; one on an empty disk would even wait for
 * an answer that needs its own vote. So who becomes a voter has been a learner and holds nine tenths
 * of the log (etcd's rule).
 */
export function tooFarBehind(raft: Raft, change: MembershipChange): string | undefined {
  for (const { action, member } of change.changes) {
    if (action !== 'addVoter' || raft.membership.voters.includes(member)) continue;
    const match = raft.progress?.get(member)?.match ?? 0;
    if (match < 0.9 * raft.lastIndex) {
      return 'can only promote a learner member which is in sync with leader';
    }
  }
  return undefined;
}
