import sortedBtree from 'sorted-btree';
import { assert } from '../base/assert.ts';
import { EventLog } from './event-log.ts';
import { KeyHistory } from './key-history.ts';
import type { KeyRange } from './key-range.ts';
import { isTombstone, type KeyValue, successor, tombstone } from './key-value.ts';
import type { ByteString, LeaseId } from './values.ts';

// The package is CommonJS, so its class hides behind the default of the default import.
const BTree = sortedBtree.default;
type Index = InstanceType<typeof BTree<ByteString, KeyHistory>>;

/** The store's revision before the first write, as in etcd. */
export const initialRevision = 1;

export interface RangeQuery extends KeyRange {
  /** 0 for no limit. */
  readonly limit: number;
  /** 0 for the newest. */
  readonly revision: number;
  readonly countOnly: boolean;
}

export interface RangeAnswer {
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

/** Why a revision cannot be read. */
export type RevisionRefusal = 'compacted' | 'future_revision';

/**
 * The multi-version key space: an ordered index of key histories, and the log of all events.
 * Deterministic; knows nothing of Raft.
 */
export class MvccStore {
  readonly #index: Index;
  readonly #events: EventLog;
  #revision = initialRevision;
  #compactRevision = 0;
  /** Keys that exist now. */
  #live = 0;

  constructor() {
    this.#index = new BTree<ByteString, KeyHistory>(undefined, compareBytes);
    this.#events = new EventLog();
  }

  get revision(): number {
    return this.#revision;
  }

  /** Below this revision history is gone; the state at it is still readable. 0 when never compacted. */
  get compactRevision(): number {
    return this.#compactRevision;
  }

  get keys(): number {
    return this.#live;
  }

  get events(): EventLog {
    return this.#events;
  }

  /** Runs the writes of one request; they share one new revision if there is at least one. */
  write<Reply>(run: (txn: WriteTxn) => Reply): { reply: Reply; events: readonly KeyValue[] } {
    const txn = new WriteTxn(this, this.#revision + 1);
    const reply = run(txn);
    if (txn.events.length > 0) this.#revision++;
    return { reply, events: txn.events };
  }

  /** Why `revision` cannot be read now, if so. 0 always can. */
  refusal(revision: number): RevisionRefusal | undefined {
    if (revision > this.#revision) return 'future_revision';
    return revision > 0 && revision < this.#compactRevision ? 'compacted' : undefined;
  }

  /** Pairs in key order. The caller has asked {@link refusal} first. */
  range(query: RangeQuery): RangeAnswer {
    const revision = query.revision || this.#revision;
    if (query.rangeEnd === '') {
      const kv = this.#index.get(query.key)?.liveAt(revision);
      if (kv === undefined) return { kvs: [], more: false, count: 0 };
      return { kvs: query.countOnly ? [] : [kv], more: false, count: 1 };
    }
    const kvs: KeyValue[] = [];
    let count = 0;
    const room = query.countOnly ? 0 : query.limit || Number.POSITIVE_INFINITY;
    this.#walk(query, (history) => {
      const kv = history.liveAt(revision);
      if (kv === undefined) return;
      count++;
      if (kvs.length < room) kvs.push(kv);
    });
    return { kvs, more: !query.countOnly && count > kvs.length, count };
  }

  /** Calls `visit` with the history of every key in the range, in order; keys that are deleted included. */
  #walk(range: KeyRange, visit: (history: KeyHistory) => void): void {
    const toTheEnd = range.rangeEnd === '\0';
    const high = toTheEnd ? this.#index.maxKey() : range.rangeEnd;
    if (high === undefined || high < range.key) return;
    this.#index.forRange(range.key, high, toTheEnd, (_key, history) => visit(history));
  }

  /** The live pair of `key` now. */
  get(key: ByteString): KeyValue | undefined {
    return this.#index.get(key)?.liveAt(this.#revision);
  }

  /** The live pair of `key` before `revision`, if that is not compacted. */
  before(key: ByteString, revision: number): KeyValue | undefined {
    if (revision <= this.#compactRevision) return undefined;
    return this.#index.get(key)?.liveAt(revision - 1);
  }

  /** Only for {@link WriteTxn} and restoring: records one version. */
  record(kv: KeyValue): void {
    const history = this.#index.get(kv.key);
    const lived = history !== undefined && !isTombstone(history.latest);
    this.#index.set(kv.key, history === undefined ? KeyHistory.of(kv) : history.with(kv));
    this.#events.append(kv);
    this.#live += (isTombstone(kv) ? 0 : 1) - (lived ? 1 : 0);
  }

  latest(key: ByteString): KeyValue | undefined {
    return this.#index.get(key)?.latest;
  }

  liveInRange(range: KeyRange): KeyValue[] {
    if (range.rangeEnd === '') {
      const kv = this.latest(range.key);
      return kv === undefined || isTombstone(kv) ? [] : [kv];
    }
    const live: KeyValue[] = [];
    this.#walk(range, ({ latest }) => {
      if (!isTombstone(latest)) live.push(latest);
    });
    return live;
  }

  /** A consistent view of everything, taken in constant time; later writes do not show in it. */
  view(): MvccView {
    // Events and histories are append-only up to the counts noted here, so nothing is copied.
    const { length } = this.#events;
    return {
      revision: this.#revision,
      compactRevision: this.#compactRevision,
      eventCount: length,
      eventAt: (position) => {
        assert(position < length, `event ${position} is outside the view`);
        return this.#events.at(position);
      },
    };
  }

  /** Sets the counters after every event of a view was given to {@link record}. */
  restored(revision: number, compactRevision: number): void {
    this.#revision = revision;
    this.#compactRevision = compactRevision;
  }
}

/** What a snapshot is written from. The events alone rebuild index and log alike. */
export interface MvccView {
  readonly revision: number;
  readonly compactRevision: number;
  readonly eventCount: number;
  eventAt(position: number): KeyValue;
}

/** The writes of one request. */
export class WriteTxn {
  readonly #store: MvccStore;
  readonly #revision: number;
  readonly events: KeyValue[] = [];

  constructor(store: MvccStore, revision: number) {
    this.#store = store;
    this.#revision = revision;
  }

  /** @returns the live pair it replaced, if any. */
  put(put: { key: ByteString; value: ByteString; lease: LeaseId }): KeyValue | undefined {
    const previous = this.#store.latest(put.key);
    this.#record(successor(previous, put, this.#revision));
    return previous === undefined || isTombstone(previous) ? undefined : previous;
  }

  /** @returns the pairs that are gone, in key order. */
  deleteRange(range: KeyRange): KeyValue[] {
    const gone = this.#store.liveInRange(range);
    for (const { key } of gone) this.#record(tombstone(key, this.#revision));
    return gone;
  }

  #record(kv: KeyValue): void {
    this.#store.record(kv);
    this.events.push(kv);
  }
}

function compareBytes(left: ByteString, right: ByteString): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
