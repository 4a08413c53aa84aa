import type { Session } from '@lockstep/client';

const heard = new WeakMap<Session, Set<(reason: unknown) => void>>();

/**
 * Calls `run` when the session is lost; at once if it is. One listener for all who ask, since a session may have
 * thousands of locks, and a signal looks through all its listeners to remove one.
 * @returns what takes that back.
 */
export function onLoss(session: Session, run: (reason: unknown) => void): () => void {
  const { lost } = session;
  if (lost.aborted) {
    run(lost.reason);
    return () => {};
  }
  let all = heard.get(session);
  if (all === undefined) {
    const runs = new Set<(reason: unknown) => void>();
    const tell = (): void => {
      for (const each of runs) each(lost.reason);
    };
    lost.addEventListener('abort', tell, { once: true });
    heard.set(session, runs);
    all = runs;
  }
  const runs = all;
  runs.add(run);
  return () => runs.delete(run);
}
