import { isMember } from '../core/raft/membership.ts';
import { removedSentence } from './links.ts';
import type { ChangesHost } from './membership-host.ts';

const inquiryPauseTicks = 5;
/** So long it stays after it has heard of its removal, for answers to leave. */
const lingerTicks = 2;

/**
 * Ends a member that was removed. It may have applied that itself, or the others told it when they
 * did. Or it was away, hears of no leader any more, and asks them.
 */
export class OwnRemoval {
  readonly #host: ChangesHost;
  #isDismissed = false;
  #goneTicks = 0;

  constructor(host: ChangesHost) {
    this.#host = host;
  }

  /** Another member says that it is none any more, and knows that it is so. */
  dismissed(): void {
    this.#isDismissed = true;
  }

  tick(): void {
    const { options, leadership, links, joined } = this.#host;
    if (!joined) return;
    const { electionTicks } = options.raft;
    if (this.#isGone) {
      if (++this.#goneTicks < lingerTicks) return;
      return this.#host.fail(new Error(removedSentence(options.name)));
    }
    this.#goneTicks = 0;
    const { leaderlessTicks } = leadership;
    if (leaderlessTicks < 3 * electionTicks || leaderlessTicks % inquiryPauseTicks !== 0) return;
    for (const { peer } of links.up()) peer.send({ type: 'inquiry' });
  }

  get #isGone(): boolean {
    const { appliedIndex, machine, raft, options } = this.#host;
    if (this.#isDismissed) return true;
    // At the beginning of everything it may not have been added yet.
    if (appliedIndex === 0) return false;
    const { memberId } = options;
    return machine.members.get(memberId) === undefined && !isMember(raft.membership, memberId);
  }
}
