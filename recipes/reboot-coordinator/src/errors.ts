import { LockstepError } from '@lockstep/client';

/** An agent that may not speak for its host: another machine has its id, or the host was decommissioned. */
export class HostRefusedError extends LockstepError {
  override readonly name = 'HostRefusedError';
  constructor(message: string) {
    super('invalid_params', message);
  }
}
