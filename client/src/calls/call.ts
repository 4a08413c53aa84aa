import { formatRequest, limits, type MethodName, type ParamsOf } from '@lockstep/client/protocol';
import type { LockstepError } from '../errors.ts';
import { onceBytesMax, type Ticket } from './once.ts';

export interface CallOptions {
  /** How long the call may take, retries included. Default: the client's `callTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Gives the call up; it rejects with the signal's reason. A change already sent may still happen. */
  readonly signal?: AbortSignal;
}

/** One call of a method, from its making to its answer. */
export interface Call {
  readonly id: number;
  readonly method: MethodName;
  /** Without the number of a change, which it gets when it is sent. */
  readonly frame: string;
  readonly idempotent: boolean;
  /** True when it is sent only with a {@link Ticket}. */
  readonly numbered: boolean;
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
  attempts: number;
  ticket: Ticket | undefined;
  /** It was sent, and nothing has said that it was not run. */
  uncertain: boolean;
  /** The last refusal that allowed another try. */
  refusal: LockstepError | undefined;
  release: (() => void) | undefined;
  cancelRetry: (() => void) | undefined;
}

type Given = Pick<Call, 'id' | 'method' | 'idempotent' | 'numbered' | 'timeoutMs'> &
  Pick<Call, 'deadlineAt' | 'resolve' | 'reject'>;

export function newCall<Name extends MethodName>(
  given: Given & { readonly method: Name },
  params: ParamsOf<Name>,
): Call {
  return {
    ...given,
    frame: formatRequest(given.id, given.method, params),
    attempts: 0,
    ticket: undefined,
    uncertain: false,
    refusal: undefined,
    release: undefined,
    cancelRetry: undefined,
  };
}

export function isTooLarge(frame: string): boolean {
  const bytesMax = limits.frameBytesMax - onceBytesMax;
  // UTF-8 takes one to three bytes per UTF-16 unit, so most frames need no counting.
  if (frame.length * 3 <= bytesMax) return false;
  return new TextEncoder().encode(frame).length > bytesMax;
}
