import { platform } from '#platform';

/**
 * What this package tells Node's `diagnostics_channel`; nothing is made where nobody listens.
 *
 *     tracing:lockstep.call:start, :asyncEnd, :error   a {@link TracedCall}, the same object each time
 *     lockstep.connection                              a ConnectionStatus, at each change
 *     lockstep.watch, lockstep.session                 `{ change, ... }`
 *
 * The first three are those of `tracingChannel('lockstep.call')`. Keys and values never appear.
 */
export interface TracedCall {
  readonly method: string;
  /** The member that was asked last. */
  endpoint: string | undefined;
  /** How often it was sent again. */
  retries: number;
  error?: unknown;
}

const started = platform.channel('tracing:lockstep.call:start');
const ended = platform.channel('tracing:lockstep.call:asyncEnd');
const failed = platform.channel('tracing:lockstep.call:error');

export const connectionChannel = platform.channel('lockstep.connection');
export const watchChannel = platform.channel('lockstep.watch');
export const sessionChannel = platform.channel('lockstep.session');

/** The object that stands for a call on its channels; undefined when nobody listens. */
export function traceCall(method: string): TracedCall | undefined {
  if (!started.hasSubscribers && !ended.hasSubscribers && !failed.hasSubscribers) return undefined;
  const traced: TracedCall = { method, endpoint: undefined, retries: 0 };
  started.publish(traced);
  return traced;
}

export function traceEnd(traced: TracedCall): void {
  ended.publish(traced);
}

export function traceError(traced: TracedCall, error: unknown): void {
  traced.error = error;
  failed.publish(traced);
  ended.publish(traced);
}
