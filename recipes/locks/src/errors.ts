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

/** Two programs declare different limits for the same semaphore. */
export class LimitMismatchError extends LockstepError {
  override readonly name = 'LimitMismatchError';
  readonly declared: number;
  readonly stored: { readonly limit: number; readonly declared: number };
  constructor(
    name: string,
    limits: {
      readonly declared: number;
      readonly stored: { readonly limit: number; readonly declared: number };
    },
  ) {
    const { declared, stored } = limits;
    const others =
      stored.limit === stored.declared
        ? `others declare ${stored.declared}`
        : `others declare ${stored.declared}, and ${stored.limit} is in force`;
    super(
      'invalid_params',
      `the limit of ${JSON.stringify(name)} is declared as ${declared} here, but ${others}: declare the same, resize it to ${declared} first, or adopt theirs (onMismatch: 'adopt')`,
    );
    this.declared = declared;
    this.stored = stored;
  }
}

/** A semaphore was to be used with its stored limit, and has none. */
export class NoLimitError extends LockstepError {
  override readonly name = 'NoLimitError';
  constructor(name: string) {
    super(
      'invalid_params',
      `there is no semaphore ${JSON.stringify(name)} yet: declare a limit, or resize it to one`,
    );
  }
}
