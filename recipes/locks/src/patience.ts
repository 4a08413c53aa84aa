import { DeadlineError, type Session } from '@lockstep/client';
import { onLoss } from './loss.ts';

/** Calls of one who waits go on for as long as he does, through whatever outage: a deadline of their own would end it. */
export const untilGivenUp = Number.POSITIVE_INFINITY;

/**
 * One signal for whatever ends a waiting. Unlike `AbortSignal.any` it lets go of the signals it listens to, of which one
 * lives as long as the session does.
 */
export class Patience {
  readonly #ended = new AbortController();
  readonly #undo: (() => void)[] = [];

  constructor(
    session: Session,
    ends: {
      readonly signal: AbortSignal | undefined;
      readonly timeoutMs: number | undefined;
      readonly what: string;
    },
  ) {
    const { signal, timeoutMs, what } = ends;
    this.#undo.push(onLoss(session, (reason) => this.end(reason)));
    if (signal?.aborted === true) this.end(signal.reason);
    else if (signal !== undefined) this.#listen(signal);
    if (timeoutMs === undefined || this.signal.aborted) return;
    const late = (): void =>
      this.end(new DeadlineError(`${what} could not be had within ${timeoutMs} ms`));
    this.#undo.push(session.client.clock.after(timeoutMs, late));
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  end(reason: unknown): void {
    this.#ended.abort(reason);
  }

  /** Lets go of everything it listens to. */
  stop(): void {
    for (const undo of this.#undo) undo();
  }

  #listen(signal: AbortSignal): void {
    const end = (): void => this.end(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    this.#undo.push(() => signal.removeEventListener('abort', end));
  }
}
