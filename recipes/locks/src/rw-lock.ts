import { type Client, compare, type KeyValue, op, type Session } from '@lockstep/client';
import { type Claim, claimsOf } from './claim.ts';
import { LockLostError } from './errors.ts';
import { ghostOf } from './ghosts.ts';
import { encodeHolder, holderOf, type LockHolder, objectIn, record } from './holder.ts';
import { Lock, type Ownership } from './lock.ts';
import { type HolderOptions, Lockable } from './lockable.ts';
import { checkedName, isPlace } from './name.ts';
import { abandon } from './place.ts';
import { nothingNew, placesIn } from './queue.ts';

export interface RwLockHolder extends LockHolder {
  readonly mode: 'read' | 'write';
}

export interface RwLockQueue {
  /** One writer, or any number of readers. */
  readonly holders: readonly RwLockHolder[];
  /** Who waits, next first. */
  readonly waiting: readonly RwLockHolder[];
}

/**
 * Many read or one writes. First come, first served for both: a reader who comes after a waiting writer waits for it,
 * so neither side can starve the other.
 *
 * Not promised: that readers have an order to fence by. A read lock's `txn()` is guarded like any other's.
 */
export class RwLock {
  readonly name: string;
  readonly read: ReadLocks;
  readonly write: WriteLocks;
  readonly #session: Session;

  /** @throws InvalidError when the name is none. */
  constructor(session: Session, name: string, options: HolderOptions = {}) {
    this.name = checkedName(name);
    this.#session = session;
    this.read = new ReadLocks(session, name, options);
    this.write = new WriteLocks(session, name, options);
  }

  inspect(): Promise<RwLockQueue> {
    return inspectRwLock(this.#session.client, this.name);
  }
}

/** Who reads or writes and who waits, for those who only look. @throws InvalidError; what a call can end in. */
export async function inspectRwLock(client: Client, name: string): Promise<RwLockQueue> {
  const kvs = await placesIn(client, `${checkedName(name)}/`);
  const [reads, writes] = [`${name}/read/`, `${name}/write/`];
  const all = kvs.flatMap((kv): readonly RwLockHolder[] => {
    const isWrite = isPlace(kv, writes);
    if (!isWrite && !isPlace(kv, reads)) return [];
    return [{ ...holderOf(kv), mode: isWrite && !isDowngraded(kv) ? 'write' : 'read' }];
  });
  const firstWrite = all.findIndex(({ mode }) => mode === 'write');
  const held = firstWrite === 0 ? 1 : firstWrite === -1 ? all.length : firstWrite;
  return { holders: all.slice(0, held), waiting: all.slice(held) };
}

/** The reading side of an {@link RwLock}. */
export class ReadLocks extends Lockable {
  readonly name: string;
  readonly #claim: Claim;

  /** Made by RwLock. */
  constructor(session: Session, name: string, options: HolderOptions) {
    super(session);
    this.name = name;
    const writes = `${name}/write/`;
    const value = encodeHolder(options);
    this.#claim = {
      name,
      lock: `rwlock ${name}`,
      ghost: ghostOf(options, `${name}/read/`, `${name}/write/`),
      prefix: `${name}/read/`,
      scope: writes,
      value: () => value,
      // Nobody is before a writer who became a reader: it held the lock then.
      judge: (kv) => (!isPlace(kv, writes) ? 'stranger' : isDowngraded(kv) ? 'clears' : 'blocks'),
      free: async (call) => {
        const kvs = await placesIn(session.client, writes, call);
        const blocks = kvs.some((kv) => isPlace(kv, writes) && !isDowngraded(kv));
        return blocks ? undefined : [nothingNew(writes, kvs)];
      },
    };
  }

  override [claimsOf](): readonly Claim[] {
    return [this.#claim];
  }

  protected override hold(ownership: Ownership): Lock {
    return new Lock(ownership);
  }
}

/** The writing side of an {@link RwLock}. */
export class WriteLocks extends Lockable<WriteLock> {
  readonly name: string;
  readonly #claim: Claim;
  readonly #options: HolderOptions;

  /** Made by RwLock. */
  constructor(session: Session, name: string, options: HolderOptions) {
    super(session);
    this.name = name;
    this.#options = options;
    const all = `${name}/`;
    const value = encodeHolder(options);
    const isIts = (kv: KeyValue): boolean =>
      isPlace(kv, `${name}/read/`) || isPlace(kv, `${name}/write/`);
    this.#claim = {
      name,
      lock: `rwlock ${name}`,
      ghost: ghostOf(options, `${name}/read/`, `${name}/write/`),
      prefix: `${name}/write/`,
      scope: all,
      value: () => value,
      judge: (kv) => (isIts(kv) ? 'blocks' : 'stranger'),
      free: async (call) => {
        const kvs = await placesIn(session.client, all, call);
        return kvs.some(isIts) ? undefined : [nothingNew(all, kvs)];
      },
      // Written a second time it is a reader's.
      guard: ({ key, token }) => compare.modRevision(key, '=', token),
    };
  }

  override [claimsOf](): readonly Claim[] {
    return [this.#claim];
  }

  protected override hold(ownership: Ownership): WriteLock {
    return new WriteLock(ownership, this.#options);
  }
}

/** A lock that is held for writing. */
export class WriteLock extends Lock {
  readonly #ownership: Ownership;
  readonly #options: HolderOptions;
  #downgraded: Lock | undefined;

  /** Made by `rwLock.write.acquire`. */
  constructor(ownership: Ownership, options: HolderOptions) {
    super(ownership);
    this.#ownership = ownership;
    this.#options = options;
  }

  /**
   * Becomes a reader without letting any writer in between; readers who wait for this writer alone come in. This
   * handle is lost from then on, and the one that it resolves with is to be released instead.
   * @throws LockLostError when it is not held any more; what a call can end in: the lock is given up then.
   */
  async downgrade(): Promise<Lock> {
    const { session, places } = this.#ownership;
    this.assertHeld();
    // Lost before it is asked for: readers may be in before the answer is here.
    this.surrender('the lock was downgraded: the handle that downgrade() gave holds it');
    const value = JSON.stringify({ ...record(this.#options), [downgradedMark]: true });
    try {
      const { succeeded } = await session.client
        .txn()
        .if(...this.isHeld)
        .do(op.put(this.key, value, { lease: session.leaseId }))
        .commit();
      if (!succeeded) throw new LockLostError('the lock is lost, so it cannot be downgraded');
    } catch (error) {
      abandon(places);
      throw error;
    }
    const guards = places.map(({ isTaken }) => isTaken);
    this.#downgraded = new Lock({ session, places, guards });
    return this.#downgraded;
  }

  override get current(): Lock {
    return this.#downgraded ?? this;
  }
}

const downgradedMark = 'downgraded';

function isDowngraded(kv: KeyValue): boolean {
  return objectIn(kv)[downgradedMark] === true;
}
