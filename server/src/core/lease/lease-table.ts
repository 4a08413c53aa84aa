import sortedBtree from 'sorted-btree';
import type { LeaseBook } from '../mvcc/lease-book.ts';
import type { ByteString, LeaseId, LeaseMark, LeaseObserver, LeaseRecord } from './types.ts';

// The package is CommonJS, so its class hides behind the default of the default import.
const BTree = sortedBtree.default;
type Records = InstanceType<typeof BTree<LeaseId, LeaseRecord>>;

export interface LeaseGrant {
  readonly id: LeaseId;
  /** Seconds. */
  readonly ttl: number;
  /**
   * Where its count of renewals begins; absent for 0. The log index of the grant is a good choice:
   * then a mark of a lease that is gone never fits one that was granted later under the same id.
   */
  readonly renewals?: number;
}

/** The leases at one moment; later changes do not show in it. */
export interface LeaseView {
  readonly size: number;
  /** In the order of the ids as text; can be walked more than once. */
  records(): Iterable<LeaseRecord>;
}

/**
 * The replicated leases, and which keys hang on them. Knows no time: who counts down is told of
 * every change. Deterministic.
 */
export class LeaseTable implements LeaseBook {
  readonly #records: Records = new BTree<LeaseId, LeaseRecord>(undefined, compareIds);
  /** Most leases have one key or none, so that a set is made only for the second. */
  readonly #keys = new Map<LeaseId, ByteString | Set<ByteString>>();
  readonly #observers: LeaseObserver[] = [];

  /** Tells the observer of every lease there is, and of every change from now on. */
  observe(observer: LeaseObserver): void {
    this.#observers.push(observer);
    for (const record of this.#records.values()) observer.counts(record, secondsLeft(record));
  }

  get size(): number {
    return this.#records.size;
  }

  get(id: LeaseId): LeaseRecord | undefined {
    return this.#records.get(id);
  }

  has(id: LeaseId): boolean {
    return this.#records.has(id);
  }

  /** In the order of the ids as text. */
  list(): LeaseRecord[] {
    return this.#records.valuesArray();
  }

  /** The keys that hang on the lease, sorted. */
  keys(id: LeaseId): ByteString[] {
    const keys = this.#keys.get(id);
    if (keys === undefined) return [];
    return typeof keys === 'string' ? [keys] : [...keys].sort();
  }

  /** @returns undefined when there is such a lease already. */
  grant({ id, ttl, renewals = 0 }: LeaseGrant): LeaseRecord | undefined {
    if (this.#records.has(id)) return undefined;
    return this.#set({ id, ttl, remaining: 0, renewals });
  }

  /** Removes the lease. @returns its keys, sorted, for the caller to delete; undefined when there is no such lease. */
  revoke(id: LeaseId): ByteString[] | undefined {
    if (!this.#records.delete(id)) return undefined;
    const keys = this.keys(id);
    this.#keys.delete(id);
    for (const observer of this.#observers) observer.gone(id);
    return keys;
  }

  /** Its full time begins again. @returns undefined when there is no such lease. */
  renew(id: LeaseId): LeaseRecord | undefined {
    const record = this.#records.get(id);
    if (record === undefined) return undefined;
    return this.#set({ id, ttl: record.ttl, remaining: 0, renewals: record.renewals + 1 });
  }

  /** Like {@link revoke}, but undefined also when the lease was renewed since the mark. */
  expire(mark: LeaseMark): ByteString[] | undefined {
    return this.#marked(mark) === undefined ? undefined : this.revoke(mark.id);
  }

  /**
   * Notes how many seconds were left, for a clock that begins later; those that run go on counting
   * and are not told. @returns false when the lease is gone or was renewed since the mark.
   */
  checkpoint(mark: LeaseMark, remaining: number): boolean {
    const record = this.#marked(mark);
    if (record === undefined) return false;
    const { id, ttl, renewals } = record;
    this.#records.set(id, { id, ttl, remaining, renewals });
    return true;
  }

  /**
   * Takes a record as it was in a snapshot. Its keys come through {@link attach}, before or after
   * it: versions of keys may name leases that are long gone, and are detached again by later ones.
   */
  restore({ id, ttl, remaining, renewals }: LeaseRecord): void {
    this.#set({ id, ttl, remaining, renewals });
  }

  attach(id: LeaseId, key: ByteString): void {
    const keys = this.#keys.get(id);
    if (keys === undefined) this.#keys.set(id, key);
    else if (typeof keys !== 'string') keys.add(key);
    else if (keys !== key) this.#keys.set(id, new Set([keys, key]));
  }

  detach(id: LeaseId, key: ByteString): void {
    const keys = this.#keys.get(id);
    if (keys === key) this.#keys.delete(id);
    if (keys === undefined || typeof keys === 'string') return;
    keys.delete(key);
    if (keys.size > 1) return;
    for (const last of keys) this.#keys.set(id, last);
  }

  /** A consistent view, taken in constant time. */
  view(): LeaseView {
    const records = this.#records.clone();
    return { size: records.size, records: () => records.values() };
  }

  #set(record: LeaseRecord): LeaseRecord {
    this.#records.set(record.id, record);
    const seconds = secondsLeft(record);
    for (const observer of this.#observers) observer.counts(record, seconds);
    return record;
  }

  /** The lease, if it is still as it was when the mark was made. */
  #marked({ id, renewals }: LeaseMark): LeaseRecord | undefined {
    const record = this.#records.get(id);
    return record?.renewals === renewals ? record : undefined;
  }
}

function secondsLeft({ ttl, remaining }: LeaseRecord): number {
  return remaining || ttl;
}

function compareIds(left: LeaseId, right: LeaseId): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
