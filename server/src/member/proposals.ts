import type { ErrorCode, Once } from '@lockstep/client/protocol';
import { authVersion } from '../core/cluster-version.ts';
import type { Asker, Command, Origin } from '../core/command.ts';
import { encodeCommand } from '../core/command-codec.ts';
import type { Applied, Machine } from '../core/machine.ts';
import type { DropReason } from '../core/raft/message.ts';
import type { Reply } from '../core/reply.ts';
import { firstOfLife } from './incarnation.ts';

/** How a proposal ended. An `ambiguous` code means that it may still be, or have been, applied. */
export type Outcome =
  | { readonly ok: true; readonly reply: Reply; readonly revision: number; readonly term: number }
  | { readonly ok: false; readonly code: ErrorCode };

export interface Proposal {
  readonly command: Command;
  readonly once?: Once | undefined;
  readonly asker?: Asker | undefined;
}

interface Waiting {
  readonly sequence: number;
  readonly payload: Uint8Array;
  readonly done: (outcome: Outcome) => void;
  readonly deadlineTick: number;
  /** The term it was proposed in; undefined while it waits for a leader. */
  term: number | undefined;
  batch: number;
}

/** One batch travels as one message when it is forwarded. */
const batchBytesMax = 1024 * 1024;

/** As many from `start` on as fit one batch, at least one. */
function firstOf(unsent: readonly Waiting[], start: number): Waiting[] {
  let bytes = 0;
  let end = start;
  while (end < unsent.length) {
    bytes += (unsent[end] as Waiting).payload.length;
    if (bytes > batchBytesMax && end > start) break;
    end++;
  }
  return unsent.slice(start, end);
}

/**
 * The callers that wait for their command to be applied here.
 *
 * A proposal is only ever taken in the term it was proposed in (the core sees to that), and terms
 * in the log never go down. So once an entry of a later term is applied, a proposal that was not
 * among the entries before it never will be, and may be proposed again without a chance of running
 * twice. That is why a change of leader costs callers time, but no errors.
 */
export class Proposals {
  readonly #incarnation: number;
  readonly #bytesMax: number;
  readonly #machine: () => Pick<Machine, 'build' | 'clusterVersion'>;
  readonly #onAgain: (count: number) => void;
  /** All callers, oldest first; deadlines go up with the sequence. */
  readonly #waiting = new Map<number, Waiting>();
  #unsent: Waiting[] = [];
  #bytes = 0;
  #lastSequence = 0;
  #lastBatch: number;
  #appliedTerm = 0;
  /** Proposals whose callers were told an error. */
  failed = 0;

  constructor(options: {
    incarnation: number;
    bytesMax: number;
    /** What is applied here. Its cluster version only goes up, so what that allows stays allowed. */
    machine: () => Pick<Machine, 'build' | 'clusterVersion'>;
    /** So many proposals were lost with a leader and are proposed again. */
    onAgain: (count: number) => void;
  }) {
    this.#machine = options.machine;
    this.#incarnation = options.incarnation;
    this.#bytesMax = options.bytesMax;
    this.#onAgain = options.onAgain;
    this.#lastBatch = firstOfLife(options.incarnation);
  }

  get count(): number {
    return this.#waiting.size;
  }

  /**
   * Queues a command; over the bound it is refused at once with `too_many_requests`, and with
   * `cluster_too_old` while some member may not know what it means.
   */
  add(
    { command, once, asker }: Proposal,
    deadlineTick: number,
    done: (outcome: Outcome) => void,
  ): void {
    const { build, clusterVersion } = this.#machine();
    const first = build.firstVersionOf(command);
    const version = asker === undefined ? first : Math.max(first, authVersion);
    if (version > clusterVersion) {
      this.failed++;
      return done({ ok: false, code: 'cluster_too_old' });
    }
    const sequence = ++this.#lastSequence;
    const origin = { incarnation: this.#incarnation, sequence };
    const payload = encodeCommand(origin, command, once, version, asker);
    if (this.#waiting.size > 0 && this.#bytes + payload.length > this.#bytesMax) {
      this.failed++;
      return done({ ok: false, code: 'too_many_requests' });
    }
    const waiting = { sequence, payload, done, deadlineTick, term: undefined, batch: 0 };
    this.#waiting.set(sequence, waiting);
    this.#bytes += payload.length;
    this.#unsent.push(waiting);
  }

  /** How many were not proposed yet. */
  get unsent(): number {
    return this.#unsent.length;
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0;
  }

  /** Offers everything that was not proposed yet; what is not taken waits for the next offer. */
  offer(
    term: number,
    propose: (payloads: readonly Uint8Array[], batch: number) => DropReason | undefined,
  ): void {
    const unsent = this.#unsent.filter(({ sequence }) => this.#waiting.has(sequence));
    this.#unsent = unsent;
    if (unsent.length === 0) return;
    let sent = 0;
    while (sent < unsent.length) {
      const chunk = firstOf(unsent, sent);
      const reason = this.#offerBatch(chunk, term, propose);
      if (reason === 'too_many_requests') this.#refuse(chunk);
      else if (reason !== undefined) break;
      sent += chunk.length;
    }
    this.#unsent = unsent.slice(sent);
  }

  #offerBatch(
    batched: readonly Waiting[],
    term: number,
    propose: (payloads: readonly Uint8Array[], batch: number) => DropReason | undefined,
  ): DropReason | undefined {
    const batch = ++this.#lastBatch;
    const payloads = batched.map(({ payload }) => payload);
    const reason = propose(payloads, batch);
    if (reason !== undefined) return reason;
    for (const waiting of batched) {
      waiting.term = term;
      waiting.batch = batch;
    }
    return undefined;
  }

  #refuse(refused: readonly Waiting[]): void {
    for (const waiting of refused) this.#settle(waiting, { ok: false, code: 'too_many_requests' });
  }

  /** The leader did not append the batch and never will. */
  dropped(batch: number, reason: DropReason): void {
    const dropped = [...this.#waiting.values()].filter((waiting) => waiting.batch === batch);
    if (reason === 'too_many_requests') return this.#refuse(dropped);
    this.#proposeAgain(dropped);
  }

  #proposeAgain(again: readonly Waiting[]): void {
    for (const waiting of again) {
      waiting.term = undefined;
      waiting.batch = 0;
    }
    this.#unsent = [...again, ...this.#unsent].sort(
      (left, right) => left.sequence - right.sequence,
    );
  }

  /** A command was applied; answers its caller if it waits here. */
  applied(applied: Applied, term: number): void {
    const waiting = this.#callerOf(applied.origin);
    if (waiting === undefined) return;
    this.#settle(waiting, { ok: true, reply: applied.reply, revision: applied.revision, term });
  }

  #callerOf(origin: Origin): Waiting | undefined {
    return origin.incarnation === this.#incarnation
      ? this.#waiting.get(origin.sequence)
      : undefined;
  }

  /** An entry of `term` is about to be applied: what an earlier term did not bring is proposed again. */
  reachedTerm(term: number): void {
    if (term === this.#appliedTerm) return;
    this.#appliedTerm = term;
    const lost = [...this.#waiting.values()].filter(
      (waiting) => waiting.term !== undefined && waiting.term < term,
    );
    if (lost.length === 0) return;
    this.#onAgain(lost.length);
    this.#proposeAgain(lost);
  }

  /** The state jumped over entries up to one of `term`: whether what was proposed is among them cannot be known. */
  jumped(term: number): void {
    this.#appliedTerm = term;
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.term !== undefined) this.#settle(waiting, { ok: false, code: 'leader_changed' });
    }
  }

  expire(tick: number): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.deadlineTick > tick) break;
      const code = waiting.term === undefined ? 'no_leader' : 'timeout';
      this.#settle(waiting, { ok: false, code });
    }
  }

  failAll(code: ErrorCode): void {
    for (const waiting of [...this.#waiting.values()]) this.#settle(waiting, { ok: false, code });
    this.#unsent = [];
  }

  #settle(waiting: Waiting, outcome: Outcome): void {
    this.#waiting.delete(waiting.sequence);
    this.#bytes -= waiting.payload.length;
    if (!outcome.ok) this.failed++;
    waiting.done(outcome);
  }
}
