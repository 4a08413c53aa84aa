import { LockstepError } from '@lockstep/client';

/** The office cannot be handed to somebody, and the term goes on. */
export class TransferError extends LockstepError {
  override readonly name = 'TransferError';
  constructor(message: string) {
    super('invalid_params', message);
  }
}
