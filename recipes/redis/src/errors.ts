import { LockstepError } from '@lockstep/client';

/** A write came with a token that is smaller than one that Redis has seen: a later holder has been there. Nothing was written. */
export class StaleTokenError extends LockstepError {
  override readonly name = 'StaleTokenError';
  /** The token that came. */
  readonly token: number;
  /** The largest that Redis has seen. */
  readonly last: number;
  constructor(fence: string, token: number, last: number) {
    super(
      'lease_lost',
      `Redis refuses token ${token}: the fence ${JSON.stringify(fence)} has seen ${last}, so a later holder has written; nothing was written now`,
    );
    this.token = token;
    this.last = last;
  }
}

/**
 * What Redis shows was mirrored from something else: another cluster, another prefix, or a store that has since been set
 * back. A mirror that went on would take it back in time, so it ends. The message says how to hand the keys over.
 */
export class MirrorMismatchError extends LockstepError {
  override readonly name = 'MirrorMismatchError';
  constructor(markKey: string, why: string) {
    super(
      'conflict',
      `${why}; if this mirror is to have these keys from now on, delete ${JSON.stringify(markKey)} in Redis and start it again`,
    );
  }
}

/** The lock was not had, or could not be extended; `cause` says why. Of the name and for the places where Redlock throws it. */
export class ExecutionError extends LockstepError {
  override readonly name = 'ExecutionError';
  constructor(message: string, cause: unknown) {
    super('conflict', message, { cause });
  }
}
