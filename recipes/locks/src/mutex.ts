import { AsyncLocalStorage } from 'node:async_hooks';
import { type Client, DeadlineError, InvalidError, type Session } from '@lockstep/client';
import { LockLostError, ReentryError } from './errors.ts';
import { encodeHolder, holderOf, type LockQueue } from './holder.ts';
import { Lock } from './lock.ts';
import { checkedName } from './name.ts';
import { Place } from './place.ts';

export interface MutexOptions {
  /** Who this is, for those who look: a host, a pod. */
  readonly identity?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface AcquireOptions {
  /** Gives the waiting up, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long to wait at most; without it, as long as the session lives. */
  readonly timeoutMs?: number;
  /** How many are before: told when waiting begins, and whenever that changes. */
  readonly onQueued?: (position: number) => void;
}

/** Locks under which the code that asks runs, by session and name. */
const heldHere = new AsyncLocalStorage<ReadonlyMap<Session, ReadonlySet<string>>>();

/**
 * A lock of a name: at most one holds it, first come first served, over any number of processes.
 *
 * Not promised: that a holder which ignores `lost`, or was stopped and does not know it, keeps its hands off what the
 * lock protects. Write with `lock.txn()`, or take `lock.token` along.
 */
export class Mutex {
  readonly name: string;
  readonly #session: Session;
  readonly #value: string;

  /** @throws InvalidError when the name is none. */
  constructor(session: Session, name: string, options: MutexOptions = {}) {
    this.#session = session;
    this.name = checkedName(name);
    const { identity = '', metadata = {} } = options;
    this.#value = encodeHolder({ identity, metadata });
  }

  /**
   * Waits for the lock and takes it. One round trip if nobody has it.
   * @throws DeadlineError when `timeoutMs` is over; the signal's reason; LeaseLostError or LockLostError when the session
   * ends or somebody removes the place; ReentryError; what a call can end in. The place in the queue is given up then.
   */
  async acquire(options: AcquireOptions = {}): Promise<Lock> {
    this.#refuseReentry();
    const { onQueued, timeoutMs } = options;
    if (timeoutMs !== undefined && !(timeoutMs > 0)) {
      throw new InvalidError(
        'invalid_params',
        `timeoutMs is ${timeoutMs}; it must be above 0: tryAcquire does not wait at all`,
      );
    }
    const { client } = this.#session;
    const giveUp = new AbortController();
    const cancel =
      timeoutMs === undefined
        ? () => {}
        : client.clock.after(timeoutMs, () =>
            giveUp.abort(
              new DeadlineError(
                `the lock ${JSON.stringify(this.name)} was not free within ${timeoutMs} ms`,
              ),
            ),
          );
    const signal = AbortSignal.any([
      this.#session.lost,
      giveUp.signal,
      ...(options.signal === undefined ? [] : [options.signal]),
    ]);
    try {
      signal.throwIfAborted();
      const place = await Place.take(this.#session, this.name, this.#value, { signal });
      try {
        await place.turn({ signal, onQueued });
        signal.throwIfAborted();
      } catch (error) {
        place.abandon();
        throw error;
      }
      return new Lock(place);
    } finally {
      cancel();
    }
  }

  /** Takes the lock if nobody has it and nobody waits for it; undefined if not. Does not wait. */
  async tryAcquire(options: { readonly signal?: AbortSignal } = {}): Promise<Lock | undefined> {
    this.#refuseReentry();
    this.#session.assertValid();
    const place = await Place.tryTake(this.#session, this.name, this.#value, options);
    return place === undefined ? undefined : new Lock(place);
  }

  /**
   * Runs a function under the lock, and releases it when the function has ended and not before. If the lock is lost
   * meanwhile, `lock.lost` aborts, and the result is a LockLostError, whatever the function makes of it.
   * @throws what {@link acquire} throws; what the function throws; LockLostError, with what the function threw as its `cause` or
   * gave back as its `result`.
   */
  async run<Result>(
    task: (lock: Lock) => Promise<Result> | Result,
    options: AcquireOptions = {},
  ): Promise<Result> {
    const lock = await this.acquire(options);
    let result: Result;
    try {
      result = await heldHere.run(this.#withThis(), async () => task(lock));
    } catch (error) {
      throw await this.#ended(lock, { cause: error }, error);
    }
    const lost = await this.#ended(lock, { result }, undefined);
    if (lost !== undefined) throw lost;
    return result;
  }

  /** Releases. @returns what to throw. */
  async #ended(
    lock: Lock,
    details: { readonly cause?: unknown; readonly result?: unknown },
    otherwise: unknown,
  ): Promise<unknown> {
    lock.remainingMs();
    const wasLost = lock.lost.aborted;
    const reason: unknown = lock.lost.reason;
    // A lock that cannot be released now is removed in the background; the task's own end counts.
    await lock.release().catch(() => false);
    if (!wasLost) return otherwise;
    const why = reason instanceof Error ? reason.message : 'the lock is lost';
    return new LockLostError(`${why}, while the task ran under it`, details);
  }

  /** Who has it and who waits, next first. */
  async inspect(): Promise<LockQueue> {
    return inspectLock(this.#session.client, this.name);
  }

  #withThis(): ReadonlyMap<Session, ReadonlySet<string>> {
    const held = heldHere.getStore() ?? new Map<Session, ReadonlySet<string>>();
    const ofSession = held.get(this.#session) ?? new Set<string>();
    return new Map([...held, [this.#session, new Set([...ofSession, this.name])]]);
  }

  #refuseReentry(): void {
    if (heldHere.getStore()?.get(this.#session)?.has(this.name) === true) {
      throw new ReentryError(this.name);
    }
  }
}

/**
 * Who has the lock of a name and who waits, next first, for those who want to look and not to take part.
 * @throws InvalidError when the name is none; what a call can end in.
 */
export async function inspectLock(client: Client, name: string): Promise<LockQueue> {
  const { kvs } = await client.range(
    { prefix: `${checkedName(name)}/` },
    { sortTarget: 'create', sortOrder: 'ascend' },
  );
  const [holder, ...waiting] = kvs.map(holderOf);
  return { holder, waiting };
}
