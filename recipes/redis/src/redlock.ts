import {
  type Client,
  DeadlineError,
  InvalidError,
  invalid,
  LockstepError,
  Session,
} from '@lockstep/client';
import { AllOf, type Lock, LockLostError, Mutex } from '@lockstep/locks';
import { ExecutionError } from './errors.ts';
import { checkedDuration, RedlockLock } from './redlock-lock.ts';

/** The settings of Redlock. Those that have no meaning here are taken and do nothing. */
export interface RedlockSettings {
  /** With `retryDelay`: how long to wait for a lock that somebody has, `retryCount * retryDelay` ms. -1 is for ever, 0 hardly. Default 10. */
  readonly retryCount?: number;
  /** In milliseconds. Default 200. Nothing is polled: whoever waits is told. */
  readonly retryDelay?: number;
  /** Does nothing: who waits is served in the order of coming. */
  readonly retryJitter?: number;
  /** Does nothing: validity is counted from when a renewal was sent, less a margin, on two clocks. */
  readonly driftFactor?: number;
  /** Does nothing: a lock under {@link Redlock.using} is renewed all the time. */
  readonly automaticExtensionThreshold?: number;
  /** Who this is, for those who look who holds a lock. */
  readonly identity?: string;
}

/** Aborts when the locks may be somebody else's; `error` is why, as in Redlock. */
export type RedlockAbortSignal = AbortSignal & { readonly error?: Error };

type Routine<Result> = (
  signal: RedlockAbortSignal,
  context: { lock: RedlockLock },
) => Promise<Result>;

/**
 * The shape of node-redlock 5 over locks of the store, so that a program can leave Redlock by a few lines. The locks are
 * those of `new Mutex(session, resource)`, so old and new code of the same program exclude each other.
 *
 * What it does not promise is what no lock can: that a holder which ignores its signal, or was stopped and does not
 * know it, keeps its hands off. Redlock has nothing against that; here there is a token (see `Fence`).
 */
export class Redlock {
  readonly #client: Client;
  readonly #settings: RedlockSettings;
  readonly #held = new Set<RedlockLock>();

  constructor(client: Client, settings: RedlockSettings = {}) {
    if (typeof client?.txn !== 'function') {
      throw invalid('a Redlock here is made of a Lockstep client, and of no Redis client');
    }
    this.#client = client;
    this.#settings = settings;
    waitingOf(settings);
  }

  /**
   * Takes all resources or none, for `duration` milliseconds: then they are given up, unless they were extended or released
   * before. If this process ends, others have them after `duration`, or after the least TTL of the cluster (2 s) if that is more.
   * @throws ExecutionError when somebody has one for longer than is waited, or the store cannot be asked; InvalidError.
   */
  acquire(
    resources: readonly string[],
    duration: number,
    settings: RedlockSettings = {},
  ): Promise<RedlockLock> {
    return this.#acquire(resources, { duration, givenUp: true }, settings);
  }

  /** Gives a lock back. @throws ExecutionError when it was gone already. */
  release(lock: RedlockLock): Promise<void> {
    return lock.release();
  }

  /** Keeps a lock for `duration` milliseconds from now on. @throws ExecutionError when it is gone. */
  extend(lock: RedlockLock, duration: number): Promise<RedlockLock> {
    return lock.extend(duration);
  }

  /**
   * Runs a routine under the locks, however long it takes, and gives them back when it has ended and not before. `duration` is how
   * long the locks outlive this process. If they are lost meanwhile, the signal aborts, before anybody else can have
   * them, and the result is a LockLostError, whatever the routine makes of it.
   * @throws as {@link acquire}; what the routine throws; LockLostError, with what it threw as its `cause` or gave back as its `result`.
   */
  using<Result>(
    resources: readonly string[],
    duration: number,
    routine: Routine<Result>,
  ): Promise<Result>;
  using<Result>(
    resources: readonly string[],
    duration: number,
    settings: RedlockSettings,
    routine: Routine<Result>,
  ): Promise<Result>;
  async using<Result>(
    resources: readonly string[],
    duration: number,
    settingsOrRoutine: RedlockSettings | Routine<Result>,
    given?: Routine<Result>,
  ): Promise<Result> {
    const [settings, routine] =
      typeof settingsOrRoutine === 'function'
        ? [{}, settingsOrRoutine]
        : [settingsOrRoutine, given];
    if (typeof routine !== 'function') {
      throw invalid('using needs a routine: using(resources, duration, async (signal) => { ... })');
    }
    const lock = await this.#acquire(resources, { duration, givenUp: false }, settings);
    let result: Result;
    try {
      result = await routine(withError(lock.lost), { lock });
    } catch (error) {
      throw (await ended(lock, { cause: error })) ?? error;
    }
    const lost = await ended(lock, { result });
    if (lost !== undefined) throw lost;
    return result;
  }

  /** Gives back every lock that was taken through this object and is held. The client stays open. */
  async quit(): Promise<void> {
    await Promise.all([...this.#held].map((lock) => lock.giveUp()));
  }

  async #acquire(
    resources: readonly string[],
    { duration, givenUp }: { readonly duration: number; readonly givenUp: boolean },
    settings: RedlockSettings,
  ): Promise<RedlockLock> {
    const names = checkedResources(resources);
    const durationMs = checkedDuration(duration);
    const { timeoutMs, identity } = waitingOf({ ...this.#settings, ...settings });
    let session: Session | undefined;
    try {
      const opened = await Session.open(this.#client, { ttl: Math.ceil(durationMs / 1_000) });
      session = opened;
      const all = new AllOf(names.map((name) => new Mutex(opened, name, { identity })));
      const held = await take(all, timeoutMs);
      const lock = new RedlockLock({
        resources: names,
        session,
        lock: held,
        durationMs: givenUp ? durationMs : undefined,
        ended: (one) => this.#held.delete(one),
      });
      this.#held.add(lock);
      return lock;
    } catch (error) {
      await session?.close();
      if (error instanceof InvalidError || !(error instanceof LockstepError)) throw error;
      throw new ExecutionError(`the lock was not acquired: ${error.message}`, error);
    }
  }
}

/** @param timeoutMs 0 is not to wait, undefined is to wait for ever. */
async function take(all: AllOf, timeoutMs: number | undefined): Promise<Lock> {
  if (timeoutMs === undefined) return all.acquire();
  if (timeoutMs > 0) return all.acquire({ timeoutMs });
  const lock = await all.tryAcquire();
  if (lock !== undefined) return lock;
  throw new DeadlineError(`somebody else has ${all.name}`);
}

/** Releases. @returns what to throw when the lock was lost before. */
async function ended(
  lock: RedlockLock,
  details: { readonly cause?: unknown; readonly result?: unknown },
): Promise<LockLostError | undefined> {
  lock.remainingMs();
  const wasLost = lock.lost.aborted;
  const reason: unknown = lock.lost.reason;
  await lock.giveUp();
  if (!wasLost) return undefined;
  const why = reason instanceof Error ? reason.message : 'the lock is lost';
  return new LockLostError(`${why}, while the routine ran under it`, details);
}

function withError(signal: AbortSignal): RedlockAbortSignal {
  return Object.defineProperty(signal, 'error', {
    configurable: true,
    get: () => (signal.aborted ? signal.reason : undefined),
  });
}

function checkedResources(resources: readonly string[]): readonly string[] {
  if (!Array.isArray(resources) || resources.length === 0) {
    throw invalid("resources is a list of names that is not empty: acquire(['name'], duration)");
  }
  return [...new Set(resources)];
}

function waitingOf(settings: RedlockSettings): {
  readonly timeoutMs: number | undefined;
  readonly identity: string;
} {
  const { retryCount = 10, retryDelay = 200, identity = '' } = settings;
  if (!Number.isSafeInteger(retryCount) || retryCount < -1) {
    throw invalid(`retryCount is ${retryCount}; it must be a whole number, or -1 for ever`);
  }
  if (!Number.isFinite(retryDelay) || retryDelay < 0) {
    throw invalid(`retryDelay is ${retryDelay}; it must be milliseconds, 0 or more`);
  }
  return { timeoutMs: retryCount === -1 ? undefined : retryCount * retryDelay, identity };
}
