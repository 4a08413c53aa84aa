import { TableError, type WatchEndReason } from '@lockstep/client/protocol';

/** Why the member ended a watch, as the error that a call ends with. */
export function endError(reason: WatchEndReason): TableError {
  return new TableError(reason === 'slow_consumer' ? 'too_many_requests' : reason);
}
