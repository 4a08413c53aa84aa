import type { Session } from '@lockstep/client';
import { onLoss } from './loss.ts';

const retryMs = 1_000;
/** Longer than a call waits for its answer, by far. */
const secondMs = 15_000;

/**
 * Removes keys of a session in the background: tries until it succeeds, or the session ends and with it the lease that
 * the keys hang on.
 */
export function removeUntilGone(session: Session, remove: () => Promise<unknown>): void {
  runLater(session, 0, remove);
}

/**
 * As {@link removeUntilGone}, for keys of which it is not known whether they were put. A member may still hold the put
 * back, and run it after the removal, as long as the cluster has not heard that nobody waits for its answer any
 * more; a second removal, much later, tells it so.
 */
export function removeInDoubt(session: Session, remove: () => Promise<unknown>): void {
  runLater(session, 0, async () => {
    await remove();
    runLater(session, secondMs, remove);
  });
}

function runLater(session: Session, ms: number, run: () => Promise<unknown>): void {
  const attempt = (): void => {
    forget();
    if (session.lost.aborted) return;
    run().catch(() => runLater(session, retryMs, run));
  };
  let cancel = (): void => {};
  // A timer that is left would keep the process from ending.
  const forget = onLoss(session, () => cancel());
  if (ms === 0) attempt();
  else cancel = session.client.clock.after(ms, attempt);
}
