import { DeadlineError, type Session } from '@lockstep/client';
import { type Lock, Mutex } from '@lockstep/locks';

/**
 * Takes the locks of all names. One after the other, in the same order everywhere, so that two who want the
 * same ones cannot wait for each other.
 * @throws what `mutex.acquire` throws; what was taken by then goes with the session, which is to be closed then.
 */
export async function acquireInOrder(
  session: Session,
  names: readonly string[],
  waiting: { readonly timeoutMs: number | undefined; readonly identity: string },
): Promise<ReadonlyMap<string, Lock>> {
  const { clock } = session.client;
  const { timeoutMs, identity } = waiting;
  const giveUpAt = timeoutMs === undefined ? undefined : clock.now() + timeoutMs;
  const taken = new Map<string, Lock>();
  for (const name of [...new Set(names)].sort()) {
    const mutex = new Mutex(session, name, { identity });
    const left = giveUpAt === undefined ? undefined : giveUpAt - clock.now();
    // When the time is over, a lock that nobody has is taken all the same.
    const lock =
      left === undefined
        ? await mutex.acquire()
        : left > 0
          ? await mutex.acquire({ timeoutMs: left })
          : await mutex.tryAcquire();
    if (lock === undefined) {
      throw new DeadlineError(`somebody else has the lock ${JSON.stringify(name)}`);
    }
    taken.set(name, lock);
  }
  return taken;
}

/** Last taken, first released. @returns false when one was gone already, or is removed in the background. */
export async function releaseAll(locks: readonly Lock[]): Promise<boolean> {
  let held = true;
  for (const lock of locks.toReversed()) held = (await lock.release().catch(() => false)) && held;
  return held;
}
