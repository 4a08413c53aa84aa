import type { KeyRange } from './key-range.ts';
import { isTombstone, type KeyValue, successor, tombstone } from './key-value.ts';
import type { RangeReply, RangeRequest } from './requests.ts';
import type { MvccStore } from './store.ts';
import type { ByteString, LeaseId } from './values.ts';

/** The writes of one request, and what it reads between them. */
export class WriteTxn {
  readonly #store: MvccStore;
  readonly #revision: number;
  readonly events: KeyValue[] = [];

  constructor(store: MvccStore, revision: number) {
    this.#store = store;
    this.#revision = revision;
  }

  /** The revision that the request has reached: the next one as soon as it wrote something. */
  get revision(): number {
    return this.events.length > 0 ? this.#revision : this.#revision - 1;
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

  /** Sees what the request wrote so far. */
  range(request: RangeRequest): RangeReply {
    return this.#store.range(request, this.revision);
  }

  #record(kv: KeyValue): void {
    this.#store.record(kv);
    this.events.push(kv);
  }
}
