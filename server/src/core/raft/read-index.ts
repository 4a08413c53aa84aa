import type { ReadState } from './ready.ts';
import type { MemberId } from './types.ts';

/** A read that waits: the asker's context number and where the answer goes. */
export interface WaitingRead {
  readonly context: number;
  /** '' for this member's own reads. */
  readonly from: MemberId;
}

interface Round {
  readonly number: number;
  /** The commit index when the round began. */
  readonly index: number;
  readonly reads: readonly WaitingRead[];
}

/**
 * Linearizable reads without a log entry (thesis 6.4). The leader notes its commit index, then
 * proves with one heartbeat round that it still led *after* the read arrived. Each round has a
 * number of its own, so an answer to an older heartbeat never confirms a newer read. One round is
 * under way at a time; reads that arrive meanwhile share the next.
 */
export class ReadIndexRounds {
  #waiting: WaitingRead[] = [];
  #current: Round | undefined;
  #lastNumber = 0;

  /** The number heartbeats carry: the round under way, or the last one. */
  get round(): number {
    return this.#lastNumber;
  }

  get waiting(): number {
    return this.#waiting.length + (this.#current?.reads.length ?? 0);
  }

  add(read: WaitingRead): void {
    this.#waiting.push(read);
  }

  /** Begins a round for what waits, unless one is under way. True when heartbeats must go out. */
  begin(commit: number): boolean {
    if (this.#current !== undefined || this.#waiting.length === 0) return false;
    this.#lastNumber++;
    this.#current = { number: this.#lastNumber, index: commit, reads: this.#waiting };
    this.#waiting = [];
    return true;
  }

  /** A quorum confirmed all rounds up to `number`; the reads that may be answered now. */
  confirm(number: number): (WaitingRead & ReadState)[] {
    const current = this.#current;
    if (current === undefined || number < current.number) return [];
    this.#current = undefined;
    return current.reads.map(({ context, from }) => ({ context, from, index: current.index }));
  }
}
