import { type Clock, DeadlineError, invalid } from '@lockstep/client';

export interface WaitOptions {
  /** Gives the waiting up, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long to wait at most; without it, as long as it takes, through any number of lost connections. */
  readonly timeoutMs?: number;
}

/**
 * Runs something that waits, with a signal that aborts when it must end.
 * @throws DeadlineError with `late` when the time is over; the reasons of the signals; InvalidError.
 */
export async function waiting<Result>(
  clock: Clock,
  { signal, timeoutMs }: WaitOptions,
  late: string,
  run: (signal: AbortSignal) => Promise<Result>,
  ...alsoEnding: readonly AbortSignal[]
): Promise<Result> {
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw invalid(`timeoutMs is ${timeoutMs}; it must be above 0`);
  }
  const giveUp = new AbortController();
  const cancel =
    timeoutMs === undefined
      ? () => {}
      : clock.after(timeoutMs, () =>
          giveUp.abort(new DeadlineError(`${late} within ${timeoutMs} ms`)),
        );
  const signals = [giveUp.signal, ...alsoEnding, ...(signal === undefined ? [] : [signal])];
  const either = AbortSignal.any(signals);
  try {
    either.throwIfAborted();
    return await run(either);
  } finally {
    cancel();
  }
}
