import { LockstepError } from '@lockstep/client';

/** Not everybody who went through a double barrier together has left it in order. */
export class ParticipantLostError extends LockstepError {
  override readonly name = 'ParticipantLostError';
  /** Who is lost, by id; empty when that cannot be told any more. */
  readonly participants: readonly string[];
  constructor(message: string, participants: readonly string[]) {
    super('lease_lost', message);
    this.participants = participants;
  }
}

/** Somebody else has come under the same id, and is it from now on. */
export class ReplacedError extends LockstepError {
  override readonly name = 'ReplacedError';
  constructor(message: string) {
    super('conflict', message);
  }
}

/** A countdown was taken back while it was waited for. */
export class ResetError extends LockstepError {
  override readonly name = 'ResetError';
  constructor(name: string) {
    super(
      'conflict',
      `the countdown ${JSON.stringify(name)} was reset while it was waited for, before it was seen at 0`,
    );
  }
}
