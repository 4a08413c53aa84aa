import { LockstepError } from '@lockstep/client';

/**
 * A lock is no longer held, or may be somebody else's by now. Of `mutex.run`, `cause` is what the function threw, and
 * `result` what it gave back, if it ended at all.
 */
export class LockLostError extends LockstepError {
  override readonly name = 'LockLostError';
  readonly result: unknown;
  constructor(
    message: string,
    details: { readonly cause?: unknown; readonly result?: unknown } = {},
  ) {
    super('lease_lost', message, { cause: details.cause });
    this.result = details.result;
  }
}

/** Whoever runs under a lock asked for the same lock, and would wait for itself. */
export class ReentryError extends LockstepError {
  override readonly name = 'ReentryError';
  constructor(name: string) {
    super(
      'invalid_params',
      `this runs under the lock ${JSON.stringify(name)} already and would wait for itself: hand the lock on instead`,
    );
  }
}
