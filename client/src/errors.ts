import type { ErrorCode, KeySelector } from '@lockstep/client/protocol';

/** Codes of errors that the client itself finds, beside those of the protocol's error table. */
export type ClientErrorCode =
  /** A call was sent and its outcome is unknown: it may or may not have taken effect. */
  | 'ambiguous'
  /** The client, the watch or the session was closed. */
  | 'closed'
  /** The key is not as the caller said it would be. */
  | 'conflict'
  /** No answer within the call's deadline, and nothing can have changed. */
  | 'deadline_exceeded'
  /** A session can no longer be sure that its lease is alive. */
  | 'lease_lost'
  /** The bytes of a key or value are not valid UTF-8 and were asked for as text. */
  | 'not_text'
  /** A watch held more than it may, and was told to end then. */
  | 'overflow'
  /** The other side does not speak this protocol. */
  | 'protocol_violation'
  /** No member could be reached within the call's deadline; nothing was sent. */
  | 'unavailable'
  /** A codec cannot read what is stored, or cannot write what was given. */
  | 'undecodable'
  /** A member answered with an error that has no code. */
  | 'unknown';

export interface ErrorDetails {
  readonly retryable?: boolean;
  readonly ambiguous?: boolean;
  readonly cause?: unknown;
}

/** Every error this package throws (an aborted signal's reason apart). Decide from the class or the fields, not the text. */
export class LockstepError extends Error {
  override readonly name: string = 'LockstepError';
  readonly code: ErrorCode | ClientErrorCode;
  /** True when the same request may succeed later or at another member. */
  readonly retryable: boolean;
  /** True when the request may have taken effect although it failed. */
  readonly ambiguous: boolean;

  constructor(code: ErrorCode | ClientErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.ambiguous = details.ambiguous ?? false;
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

/** The client, the watch or the session was closed while something was under way. */
export class ClosedError extends LockstepError {
  override readonly name = 'ClosedError';
  constructor(message = 'the client is closed') {
    super('closed', message);
  }
}

/** The call is wrong in itself and will never succeed: its parameters, a duplicate key, too many operations. */
export class InvalidError extends LockstepError {
  override readonly name = 'InvalidError';
}

/** The request, or the answer to it, is larger than one frame takes; the message says what to do instead. */
export class TooLargeError extends LockstepError {
  override readonly name = 'TooLargeError';
}

/** A put was to keep the value or lease of a key that is not there. */
export class KeyNotFoundError extends LockstepError {
  override readonly name = 'KeyNotFoundError';
}

/** There is no lease of this id (any more). */
export class LeaseNotFoundError extends LockstepError {
  override readonly name = 'LeaseNotFoundError';
}

/** The id that was chosen for a lease is taken. */
export class LeaseExistsError extends LockstepError {
  override readonly name = 'LeaseExistsError';
}

/** The state is at its quota: only reads, deletes and compaction go on until there is room. */
export class NoSpaceError extends LockstepError {
  override readonly name = 'NoSpaceError';
}

/** The member, or this client, has as many requests waiting as it takes. */
export class BusyError extends LockstepError {
  override readonly name = 'BusyError';
}

/** The caller may not do this. */
export class DeniedError extends LockstepError {
  override readonly name = 'DeniedError';
}

/** The cluster asks who is calling, and was not told, or not anything it takes. */
export class UnauthenticatedError extends LockstepError {
  override readonly name = 'UnauthenticatedError';
}

/** The key was not as {@link Client.update} was told, or there already when it was to be created. */
export class ConflictError extends LockstepError {
  override readonly name: string = 'ConflictError';
  /** The revision that last wrote the key; 0 when there is no such key. */
  readonly modRevision: number;
  constructor(message: string, modRevision: number) {
    super('conflict', message);
    this.modRevision = modRevision;
  }
}

/** The key that was to be created is there. */
export class KeyExistsError extends ConflictError {
  override readonly name = 'KeyExistsError';
}

/** A session's lease has ended, or may have: whatever it protects may be somebody else's by now. */
export class LeaseLostError extends LockstepError {
  override readonly name = 'LeaseLostError';
  constructor(message: string, cause?: unknown) {
    super('lease_lost', message, { cause });
  }
}

/** A codec cannot read a value, or cannot write one. `bytes` are those that it could not read. */
export class DecodeError extends LockstepError {
  override readonly name = 'DecodeError';
  readonly key: string;
  readonly bytes: Uint8Array | undefined;
  constructor(message: string, what: { key: string; bytes?: Uint8Array; cause: unknown }) {
    super('undecodable', message, { cause: what.cause });
    this.key = what.key;
    this.bytes = what.bytes;
  }
}

/** The revision asked for is older than the history that is kept. */
export class CompactedError extends LockstepError {
  override readonly name: string = 'CompactedError';
  /** History below this revision is gone; 0 when the member did not say. */
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
        `read the keys again, then watch from the revision after that read (${resumeRevision} is the oldest possible), ` +
        "or let the watch do it: onCompaction: 'relist'",
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

type ErrorClass = new (code: ErrorCode, message: string, details: ErrorDetails) => LockstepError;

/** The classes of the error table's rows; a row without one is a plain {@link LockstepError}. */
const classes: { readonly [Code in ErrorCode]?: ErrorClass } = {
  invalid_params: InvalidError,
  unknown_method: InvalidError,
  empty_key: InvalidError,
  value_provided: InvalidError,
  lease_provided: InvalidError,
  too_many_operations: InvalidError,
  duplicate_key: InvalidError,
  invalid_sort_option: InvalidError,
  future_revision: InvalidError,
  lease_ttl_too_large: InvalidError,
  invalid_peer_address: InvalidError,
  request_too_large: TooLargeError,
  answer_too_large: TooLargeError,
  key_not_found: KeyNotFoundError,
  lease_not_found: LeaseNotFoundError,
  lease_exists: LeaseExistsError,
  no_space: NoSpaceError,
  too_many_requests: BusyError,
  permission_denied: DeniedError,
  forbidden_origin: DeniedError,
  user_name_empty: UnauthenticatedError,
  auth_failed: UnauthenticatedError,
  invalid_auth_token: UnauthenticatedError,
  role_name_empty: InvalidError,
  permission_not_given: InvalidError,
  invalid_auth_management: InvalidError,
};

/** An error of the table that the client finds before it asks a member. */
export function refusal(
  code: ErrorCode,
  message: string,
  details: ErrorDetails = {},
): LockstepError {
  return new (classes[code] ?? LockstepError)(code, message, details);
}

/** What is thrown when a caller gives something wrong, by the client itself and by what is built on it. */
export function invalid(message: string): InvalidError {
  return new InvalidError('invalid_params', message);
}

/**
 * Turns the `error` member of a reply into an error. What may be tried again is the member's to say,
 * so a code that only a newer member knows is treated as it should be.
 */
export function errorFromWire(wire: unknown): LockstepError {
  const error = isObject(wire) ? wire : {};
  const data = isObject(error.data) ? error.data : {};
  const message =
    typeof error.message === 'string' ? error.message : 'the member answered with an error';
  const details = { retryable: data.retryable === true, ambiguous: data.ambiguous !== false };
  if (typeof data.code !== 'string') return new LockstepError('unknown', message, details);
  // A name from another version is not of this type; who looks for known names is not misled.
  const code = data.code as ErrorCode;
  if (code === 'compacted') {
    const revision = typeof data.compactRevision === 'number' ? data.compactRevision : 0;
    return new CompactedError(message, revision);
  }
  if (code === 'reply_evicted') {
    const revision = typeof data.revision === 'number' ? data.revision : undefined;
    return new EvictedReplyError(message, revision);
  }
  return refusal(code, message, details);
}

/** A key in a message, shortened. */
export function quoted(key: KeySelector['key']): string {
  const text = JSON.stringify(key ?? '');
  return text.length <= 80 ? text : `${text.slice(0, 76)}..."`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
