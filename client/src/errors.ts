import { type ErrorCode, errorTable, isErrorCode } from '@lockstep/client/protocol';

/** Codes of errors that the client itself finds, beside those of the protocol's error table. */
export type ClientErrorCode =
  /** A call was sent and its outcome is unknown: it may or may not have taken effect. */
  | 'ambiguous'
  /** The client, or the watch, was closed. */
  | 'closed'
  /** No answer within the call's deadline, and nothing can have changed. */
  | 'deadline_exceeded'
  /** The bytes of a key or value are not valid UTF-8 and were asked for as text. */
  | 'not_text'
  /** The other side does not speak this protocol. */
  | 'protocol_violation'
  /** No member could be reached within the call's deadline; nothing was sent. */
  | 'unavailable'
  /** A member answered with a code that this version of the client does not know. */
  | 'unknown';

export interface ErrorDetails {
  readonly retryable?: boolean;
  readonly ambiguous?: boolean;
  readonly cause?: unknown;
}

/** Every error this package throws (an aborted signal's reason apart). Decide from the fields, not the text. */
export class LockstepError extends Error {
  override readonly name: string = 'LockstepError';
  readonly code: ErrorCode | ClientErrorCode;
  /** True when the same request may succeed later or at another member. */
  readonly retryable: boolean;
  /** True when the request may have taken effect although it failed. */
  readonly ambiguous: boolean;

  constructor(code: ErrorCode | ClientErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const row = isErrorCode(code) ? errorTable[code] : undefined;
    this.code = code;
    this.retryable = details.retryable ?? row?.retryable ?? false;
    this.ambiguous = details.ambiguous ?? row?.ambiguous ?? false;
  }
}

/**
 * A call that changes the store was sent, and it is not known whether it took effect: the
 * deadline passed before an answer, the member said so, or, without `exactlyOnce`, the connection
 * was lost. Read before trying again.
 */
export class AmbiguousError extends LockstepError {
  override readonly name = 'AmbiguousError';
  constructor(message: string, cause?: unknown) {
    super('ambiguous', message, { ambiguous: true, cause });
  }
}

/** No answer in time to a call that changes nothing or was surely not carried out. */
export class DeadlineError extends LockstepError {
  override readonly name = 'DeadlineError';
  constructor(message: string, cause?: unknown) {
    super('deadline_exceeded', message, { retryable: true, cause });
  }
}

/** No member could be reached in time; the call never left this process. */
export class UnavailableError extends LockstepError {
  override readonly name = 'UnavailableError';
  constructor(message: string, cause?: unknown) {
    super('unavailable', message, { retryable: true, cause });
  }
}

/** The client or the watch was closed while the call was under way. */
export class ClosedError extends LockstepError {
  override readonly name = 'ClosedError';
  constructor(message = 'the client is closed') {
    super('closed', message);
  }
}

/** The revision asked for is older than the history that is kept. */
export class CompactedError extends LockstepError {
  override readonly name: string = 'CompactedError';
  /** History up to and including this revision is gone; 0 when the member did not say. */
  readonly compactRevision: number;
  constructor(message: string, compactRevision: number) {
    super('compacted', message);
    this.compactRevision = compactRevision;
  }
}

/** A watch fell behind the history that is kept: events are missing. Read again, then watch anew. */
export class WatchCompactedError extends CompactedError {
  override readonly name = 'WatchCompactedError';
  /** The oldest revision from which a new watch can start. */
  readonly resumeRevision: number;
  constructor(compactRevision: number, resumeRevision: number) {
    super(
      `the watch missed events: history up to revision ${compactRevision} is compacted; ` +
        `read the keys again, then watch from the revision after that read (${resumeRevision} is the oldest possible)`,
      compactRevision,
    );
    this.resumeRevision = resumeRevision;
  }
}

/**
 * The change was run, once, and its answer is no longer kept or was too large to keep: it must not
 * be made again. Read the store to see what it did.
 */
export class EvictedReplyError extends LockstepError {
  override readonly name = 'EvictedReplyError';
  /** The store's revision after it was run, if that is known. */
  readonly revision: number | undefined;
  constructor(message: string, revision: number | undefined) {
    super('reply_evicted', message);
    this.revision = revision;
  }
}

/** Turns the `error` member of a reply into an error; unknown codes keep what the member said of them. */
export function errorFromWire(wire: unknown): LockstepError {
  const error = isObject(wire) ? wire : {};
  const data = isObject(error.data) ? error.data : {};
  const text = typeof error.message === 'string' ? error.message : undefined;
  if (!isErrorCode(data.code)) {
    return new LockstepError('unknown', text ?? 'the member answered with an unknown error', {
      retryable: data.retryable === true,
      ambiguous: data.ambiguous !== false,
    });
  }
  const message = text ?? errorTable[data.code].text;
  if (data.code === 'compacted') {
    const revision = typeof data.compactRevision === 'number' ? data.compactRevision : 0;
    return new CompactedError(message, revision);
  }
  if (data.code === 'reply_evicted') {
    return new EvictedReplyError(
      message,
      typeof data.revision === 'number' ? data.revision : undefined,
    );
  }
  return new LockstepError(data.code, message);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
