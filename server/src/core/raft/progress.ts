import type { MemberId } from './types.ts';

/**
 * What a leader knows of one follower's log, and how fast it may send.
 *
 *   probe      the match point is unknown: one append at a time, wait for the answer or a heartbeat
 *   replicate  the match point is known: appends are pipelined, at most `inflightMax` messages
 *   snapshot   the next entry is gone: nothing is appended until the snapshot is there or failed
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export interface FlowLimits {
  /** Unanswered appends to one follower, in messages and in bytes. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
}

export class Progress {
  readonly member: MemberId;
  readonly #limits: FlowLimits;
  state: ProgressState = 'probe';
  /** The highest index known to be durable on the follower. */
  match = 0;
  /** The next index to send. Invariant: match < next. */
  next: number;
  /** The commit index the follower was last told. */
  toldCommit = 0;
  /** Heard from since the last check-quorum. */
  recentlyActive = false;
  /** In `probe`: an append is out and unanswered. */
  probing = false;
  /** In `snapshot`: the index the follower will be at when the snapshot is installed. */
  snapshotIndex = 0;
  /** The newest ReadIndex round the follower confirmed. */
  ackedRound = 0;
  /** Last index and size of each unanswered append, oldest first. */
  #inflight: { lastIndex: number; bytes: number }[] = [];
  #inflightBytes = 0;

  constructor(member: MemberId, next: number, limits: FlowLimits) {
    this.member = member;
    this.next = next;
    this.#limits = limits;
  }

  get inflightCount(): number {
    return this.#inflight.length;
  }

  becomeProbe(): void {
    // After a snapshot the follower has at least the snapshot, whatever it said before.
    this.next =
      this.state === 'snapshot' ? Math.max(this.match, this.snapshotIndex) + 1 : this.match + 1;
    this.#reset('probe');
  }

  becomeReplicate(): void {
    this.#reset('replicate');
    this.next = this.match + 1;
  }

  becomeSnapshot(snapshotIndex: number): void {
    this.#reset('snapshot');
    this.snapshotIndex = snapshotIndex;
  }

  #reset(state: ProgressState): void {
    this.state = state;
    this.probing = false;
    this.snapshotIndex = 0;
    this.#inflight = [];
    this.#inflightBytes = 0;
  }

  /** True when no append may be sent for now. */
  get paused(): boolean {
    if (this.state === 'replicate') return this.windowFull;
    return this.state === 'snapshot' || this.probing;
  }

  get windowFull(): boolean {
    return (
      this.#inflight.length >= this.#limits.inflightMessagesMax ||
      this.#inflightBytes >= this.#limits.inflightBytesMax
    );
  }

  /** An append with entries up to `lastIndex` went out. */
  sent(lastIndex: number, bytes: number): void {
    if (this.state === 'replicate') {
      this.next = lastIndex + 1;
      this.#inflight.push({ lastIndex, bytes });
      this.#inflightBytes += bytes;
    } else {
      this.probing = true;
    }
  }

  /** The follower confirmed `index`. False when that was known already. */
  confirm(index: number): boolean {
    while (this.#inflight[0] !== undefined && this.#inflight[0].lastIndex <= index) {
      this.#inflightBytes -= this.#inflight[0].bytes;
      this.#inflight.shift();
    }
    const news = index > this.match;
    if (news) {
      this.match = index;
      this.probing = false;
    }
    this.next = Math.max(this.next, index + 1);
    return news;
  }

  /**
   * The follower refused an append after `refusedPrev`; its log may agree at `hint`.
   * False when the refusal is stale: a later answer already settled the matter.
   */
  refuse(refusedPrev: number, hint: number): boolean {
    if (this.state === 'replicate') {
      if (refusedPrev <= this.match) return false;
      this.becomeProbe();
      return true;
    }
    if (this.next - 1 !== refusedPrev) return false;
    this.next = Math.max(Math.min(refusedPrev, hint + 1), this.match + 1);
    this.probing = false;
    return true;
  }

  /**
   * A heartbeat was answered: the link works. A probe whose append was lost may be sent again, and
   * a full window may send one empty append, because the answers that would free it may be lost.
   */
  heardHeartbeat(): void {
    this.probing = false;
  }
}
