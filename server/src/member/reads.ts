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

/**
 * Callers that wait until a read here is linearizable. All that wait share one ReadIndex round; one
 * round is under way at a time. Each round has a context that no other round of any life of this
 * member has, so an answer that comes late never confirms a read that was asked after it.
 */
export class Reads {
  #nextContext: number;
  /** Rounds that were asked again because no answer came. */
  slowRounds = 0;
  /** False while there is nobody to ask; then a tick tries again. */
  #canAsk = false;
  readonly #retryTicks: number;
  #waiting: Waiting[] = [];
  #round: Round | undefined;
  /** Confirmed, and waiting until the index is applied. */
  #confirmed: { index: number; reads: readonly Waiting[] }[] = [];

  /** @param retryTicks a round that got no answer for so long is asked again. */
  constructor(incarnation: number, retryTicks: number) {
    this.#retryTicks = retryTicks;
    this.#nextContext = firstOfLife(incarnation);
  }

  add(deadlineTick: number, done: Done): void {
    if (this.#waiting.length >= waitingMax) return done('too_many_requests');
    this.#waiting.push({ done, deadlineTick });
  }

  /** True when reads wait and no round is under way: the next turn can begin one. */
  get hasUnasked(): boolean {
    return this.#round === undefined && this.#waiting.length > 0 && this.#canAsk;
  }

  /** Starts a round for what waits, if none is under way. */
  offer(now: { tick: number; term: number }, ask: (context: number) => boolean): void {
    if (this.#round !== undefined && this.#round.term !== now.term) this.#askAgain();
    if (this.#round !== undefined || this.#waiting.length === 0) return;
    const context = this.#nextContext++;
    this.#canAsk = ask(context);
    if (!this.#canAsk) return;
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
    if (this.#round !== undefined && tick - this.#round.askedAtTick >= this.#retryTicks) {
      this.slowRounds++;
      this.#askAgain();
    }
    const isLate = ({ deadlineTick }: Waiting): boolean => deadlineTick <= tick;
    const late = this.#waiting.filter(isLate);
    if (late.length > 0) this.#waiting = this.#waiting.filter((read) => !isLate(read));
    for (const { done } of late) done('no_leader');
    if (!this.#confirmed.some(({ reads }) => reads.some(isLate))) return;
    // Confirmed, and the entries did not come in time.
    const stuck = this.#confirmed.flatMap(({ reads }) => reads.filter(isLate));
    this.#confirmed = this.#confirmed.map(({ index, reads }) => ({
      index,
      reads: reads.filter((read) => !isLate(read)),
    }));
    for (const { done } of stuck) done('timeout');
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
