import type { ErrorCode } from '@lockstep/client/protocol';
import { firstOfLife } from './incarnation.ts';

type Done = (error: ErrorCode | undefined) => void;

interface Waiting {
  readonly done: Done;
  readonly deadlineTick: number;
}

interface Round {
  readonly context: number;
  readonly reads: readonly Waiting[];
  readonly askedAtTick: number;
  readonly term: number;
}

const waitingMax = 65_536;
/** A read round that got no answer for so long is asked again. */
const retryTicks = 3;

/**
 * Callers that wait until a read here is linearizable. All that wait share one ReadIndex round; one
 * round is under way at a time. Each round has a context that no other round of any life of this
 * member has, so an answer that comes late never confirms a read that was asked after it.
 */
export class Reads {
  #nextContext: number;
  #waiting: Waiting[] = [];
  #round: Round | undefined;
  /** Confirmed, and waiting until the index is applied. */
  #confirmed: { index: number; reads: readonly Waiting[] }[] = [];

  constructor(incarnation: number) {
    this.#nextContext = firstOfLife(incarnation);
  }

  add(deadlineTick: number, done: Done): void {
    if (this.#waiting.length >= waitingMax) return done('too_many_requests');
    this.#waiting.push({ done, deadlineTick });
  }

  /** Starts a round for what waits, if none is under way. */
  offer(now: { tick: number; term: number }, ask: (context: number) => boolean): void {
    if (this.#round !== undefined && this.#round.term !== now.term) this.#askAgain();
    if (this.#round !== undefined || this.#waiting.length === 0) return;
    const context = this.#nextContext++;
    if (!ask(context)) return;
    this.#round = { context, reads: this.#waiting, askedAtTick: now.tick, term: now.term };
    this.#waiting = [];
  }

  #askAgain(): void {
    this.#waiting = [...(this.#round?.reads ?? []), ...this.#waiting];
    this.#round = undefined;
  }

  /** The round's reads may be answered from any state that has `index` applied. */
  confirmed(context: number, index: number): void {
    if (this.#round?.context !== context) return;
    this.#confirmed.push({ index, reads: this.#round.reads });
    this.#round = undefined;
  }

  /** Answers what the applied state now allows. */
  applied(index: number): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter((round) => round.index <= index);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter((round) => round.index > index);
    for (const { reads } of ready) for (const { done } of reads) done(undefined);
  }

  tick(tick: number): void {
    if (this.#round !== undefined && tick - this.#round.askedAtTick >= retryTicks) this.#askAgain();
    const late = this.#waiting.filter(({ deadlineTick }) => deadlineTick <= tick);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ deadlineTick }) => deadlineTick > tick);
    for (const { done } of late) done('no_leader');
  }

  failAll(code: ErrorCode): void {
    const all = [
      ...this.#waiting,
      ...(this.#round?.reads ?? []),
      ...this.#confirmed.flatMap(({ reads }) => reads),
    ];
    this.#waiting = [];
    this.#round = undefined;
    this.#confirmed = [];
    for (const { done } of all) done(code);
  }
}
