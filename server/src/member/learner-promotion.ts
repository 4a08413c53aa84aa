import { type ClusterView, promotionOf, quorumOf } from './change-rules.ts';
import { standAside } from './membership-changes.ts';
import type { ChangesHost } from './membership-host.ts';

/**
 * Makes voters of the learners that are to become ones, as soon as each follows the log as fast as
 * it grows: it holds now what the leader held an election timeout ago. The leader's chore.
 */
export class LearnerPromotion {
  readonly #host: ChangesHost;
  readonly #view: () => ClusterView;
  #ticks = 0;
  /** Where the log of this leader ended when it was looked at last. */
  #mark: number | undefined;

  constructor(host: ChangesHost, view: () => ClusterView) {
    this.#host = host;
    this.#view = view;
  }

  tick(): void {
    const { raft, options } = this.#host;
    if (++this.#ticks % options.raft.electionTicks !== 0) return;
    const mark = this.#mark;
    this.#mark = raft.role === 'leader' ? raft.lastIndex : undefined;
    if (mark !== undefined && raft.membershipSettled) this.#promote(mark);
  }

  #promote(mark: number): void {
    const { raft } = this.#host;
    const view = this.#view();
    for (const { memberId, name, promotion } of view.members) {
      const isReady = name !== '' && view.isUp(memberId) && view.match(memberId) >= mark;
      if (promotion === undefined || !isReady) continue;
      const decision = promotionOf(view, memberId);
      if (!('change' in decision)) continue;
      const after = view.membership.voters.filter((id) => id !== promotion.replaces);
      // By itself it never makes the cluster wait for somebody who is away.
      if (after.filter((id) => view.isUp(id)).length + 1 < quorumOf(after.length + 1)) continue;
      if (promotion.replaces === view.self && standAside(this.#host, view)) return;
      raft.proposeMembership({ changes: decision.change, transition: 'auto', context: '' });
      return this.#host.wakeUp();
    }
  }
}
