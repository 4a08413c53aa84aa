import {
  type Clock,
  ClosedError,
  DecodeError,
  DeniedError,
  InvalidError,
  LeaseLostError,
  pause,
} from '@lockstep/client';
import { LockLostError } from '@lockstep/locks';
import type { Term } from './term.ts';

/**
 * What is done as the leader. `stop` aborts when the term is lost, with the loss as its reason, and when the signal of
 * `run` does, with that signal's: then it is to end, soon in the first case and in order in the second.
 */
export type LeaderTask<Value> = (term: Term<Value>, stop: AbortSignal) => Promise<void> | void;

export interface RunOptions {
  /** Ends it in order: the task is told to stop, then the term is resigned, and `run` resolves. */
  readonly signal?: AbortSignal;
  /** What to do when a term is lost: campaign again (`always`, the default), or reject with a LockLostError (`never`). */
  readonly restart?: 'always' | 'never';
  /**
   * Told of what goes wrong while `run` goes on: a campaign that failed and is tried again, and what the task threw
   * after its term was lost, unless that is the loss itself. Without it they become warnings of the process.
   */
  readonly onError?: (error: unknown) => void;
}

/** Between two campaigns that failed at most so long, and less at the beginning. */
const backoffMsBase = 200;
const backoffMsMax = 10_000;
/** After a loss: all candidates lose their terms and places at one moment when the store was away. */
const spreadMs = 500;

/** Terms one after the other, and never two at once: the next campaign begins when the task of the last has ended. */
export async function runTerms<Value>(
  clock: Clock,
  campaign: (call: { readonly signal?: AbortSignal }) => Promise<Term<Value>>,
  task: LeaderTask<Value>,
  options: RunOptions,
): Promise<void> {
  const { signal, restart = 'always', onError = warn } = options;
  const isAsked = (): boolean => signal?.aborted === true;
  let failures = 0;
  while (!isAsked()) {
    let term: Term<Value>;
    try {
      term = await campaign(signal === undefined ? {} : { signal });
    } catch (error) {
      if (isAsked()) return;
      if (restart === 'never' || isFinal(error)) throw error;
      onError(error);
      const ms = Math.min(backoffMsMax, backoffMsBase * 2 ** failures++);
      await pause(clock, ms * clock.random(), signal);
      continue;
    }
    failures = 0;
    const { wasLost, reason, outcome, isObedient } = await serve(term, task, signal);
    const failed = 'error' in outcome && !isObedient;
    if (!wasLost) {
      if (failed) throw outcome.error;
      return;
    }
    if (restart === 'never' && !isAsked()) {
      const why = reason instanceof Error ? reason.message : String(reason);
      const cause = 'error' in outcome ? { cause: outcome.error } : {};
      throw new LockLostError(`${why}, while the task led`, cause);
    }
    if (failed) onError(outcome.error);
    await pause(clock, spreadMs * clock.random(), signal);
  }
}

interface Served {
  readonly wasLost: boolean;
  readonly reason: unknown;
  readonly outcome: { readonly error: unknown } | Record<never, never>;
  /** True when what the task threw only says that it was told to stop. */
  readonly isObedient: boolean;
}

/** Lets the task lead until it has ended, and gives the office back then, and not before. */
async function serve<Value>(
  term: Term<Value>,
  task: LeaderTask<Value>,
  signal: AbortSignal | undefined,
): Promise<Served> {
  const stop = new AbortController();
  const over = (): void => stop.abort(term.lost.reason);
  const asked = (): void => stop.abort(signal?.reason);
  term.lost.addEventListener('abort', over, { once: true });
  signal?.addEventListener('abort', asked, { once: true });
  let outcome: Served['outcome'] = {};
  try {
    if (term.lost.aborted) over();
    else if (signal?.aborted === true) asked();
    else await task(term, stop.signal);
  } catch (error) {
    outcome = { error };
  } finally {
    signal?.removeEventListener('abort', asked);
  }
  // Looking is what lets a term notice that it is over.
  term.remainingMs();
  const wasLost = term.endedBy === 'loss';
  const { reason } = term.lost;
  const isObedient = 'error' in outcome && saysStop(outcome.error, stop.signal);
  // Also after a loss: what is left of it in the store must not keep this candidate waiting for itself.
  await term.resign().catch(() => false);
  return { wasLost, reason, outcome, isObedient };
}

/** Whether what a task threw only says that it was told to stop. */
export function saysStop(error: unknown, { aborted, reason }: AbortSignal): boolean {
  if (!aborted) return false;
  if (error instanceof LockLostError || error instanceof LeaseLostError) return true;
  return error === reason || (error instanceof Error && error.cause === reason);
}

/** What trying again does not change. */
function isFinal(error: unknown): boolean {
  return [InvalidError, ClosedError, DeniedError, DecodeError].some(
    (kind) => error instanceof kind,
  );
}

export function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
