import type { Links } from './links.ts';

const inquiryPauseTicks = 5;

/**
 * A member on an empty disk must not vote before it knows that it never did: had its disk been
 * wiped, it could help to elect a leader that lacks entries it once confirmed. So it asks first.
 * It may take part when
 *
 *   - all founders are there and on empty disks: the cluster is new. (A majority would not do: with
 *     one disk lost, one member not started yet and the third away for a moment, a second, empty
 *     cluster would begin.) Or
 *   - a member that leads or follows a leader answers, after a linearizable read, that the id is
 *     bound to no other directory. One that its cluster does not know was removed, or its add is
 *     still on its way: which of the two, its own table tells.
 */
export class Joining {
  readonly #links: Links;
  readonly #voters: readonly string[];
  readonly #self: { memberId: string; directoryId: string };
  readonly #knowsItself: () => boolean;
  #pause = 0;
  #state: 'asking' | 'joined' | 'refused' | 'removed' = 'asking';

  constructor(
    links: Links,
    voters: readonly string[],
    self: { memberId: string; directoryId: string; fresh: boolean },
    /** Whether the member is in its own table: as a founder, or because it looked itself up. */
    knowsItself: () => boolean,
  ) {
    this.#links = links;
    this.#voters = voters;
    this.#self = self;
    this.#knowsItself = knowsItself;
    // A member with a past knows what it did, and one alone has nobody to ask.
    if (!self.fresh || (voters.length === 1 && voters[0] === self.memberId)) this.#state = 'joined';
  }

  get joined(): boolean {
    return this.#state === 'joined';
  }

  /** The id belongs to another directory. */
  get refused(): boolean {
    return this.#state === 'refused';
  }

  get removed(): boolean {
    return this.#state === 'removed';
  }

  tick(): void {
    if (this.#state !== 'asking') return;
    let fresh = 1;
    const ask = this.#pause-- <= 0;
    if (ask) this.#pause = inquiryPauseTicks;
    for (const { peer, other } of this.#links.up()) {
      if (other.fresh && this.#voters.includes(peer.id)) fresh++;
      // Also one that was new when the link came up: it may have a leader by now.
      if (ask) peer.send({ type: 'inquiry' });
    }
    if (this.#voters.includes(this.#self.memberId) && fresh === this.#voters.length) {
      this.#state = 'joined';
    }
  }

  answered(registeredDirectory: string, isMember: boolean): void {
    if (this.#state !== 'asking') return;
    if (!isMember) {
      if (this.#knowsItself()) this.#state = 'removed';
      return;
    }
    const free = registeredDirectory === '' || registeredDirectory === this.#self.directoryId;
    this.#state = free ? 'joined' : 'refused';
  }
}
