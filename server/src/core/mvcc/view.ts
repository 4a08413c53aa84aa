import { assert } from '../base/assert.ts';
import { liveAt } from './key-history.ts';
import type { KeyRange } from './key-range.ts';
import type { KeyValue } from './key-value.ts';
import type { MvccStore } from './store.ts';
import { type ByteString, emptyBytes } from './values.ts';

/** Keys that one slice of the walk over the base looks at. */
const sliceKeys = 512;
const everything: KeyRange = { key: '\0' as ByteString, rangeEnd: '\0' as ByteString };

/**
 * The store as it is now, to be read bit by bit while writes go on: what a snapshot is written from,
 * and what a hash is made of. It shows the logical state, so it is the same on members of which one
 * has swept and the other has not.
 *
 *   base     what is visible at the compaction point and was written before it, by key
 *   events   everything from the compaction point on, in the order in which it was written
 *
 * Nothing is copied: versions never change, events are only appended, and a pin keeps both from being swept.
 */
export class StoreView {
  readonly #store: MvccStore;
  readonly revision: number;
  readonly compactRevision: number;
  readonly #release: () => void;
  readonly #firstEvent: number;
  readonly #endOfEvents: number;
  #released = false;

  constructor(store: MvccStore) {
    this.#store = store;
    this.revision = store.revision;
    this.compactRevision = store.compactRevision;
    this.#release = store.pins.pin(store.compactRevision);
    this.#firstEvent = store.events.positionOf(store.compactRevision);
    this.#endOfEvents = store.events.length;
  }

  get eventCount(): number {
    return this.#endOfEvents - this.#firstEvent;
  }

  /** Lazy: whoever iterates may pause between any two pairs. */
  *base(): Generator<KeyValue> {
    let after: ByteString | undefined = emptyBytes;
    while (after !== undefined && this.compactRevision > 0) {
      assert(!this.#released, 'a view is read after it was released');
      const slice: KeyValue[] = [];
      let visited = 0;
      after = this.#store.walk(everything, after, this.compactRevision, (versions) => {
        const kv = liveAt(versions, this.compactRevision);
        if (kv !== undefined && kv.modRevision < this.compactRevision) slice.push(kv);
        return ++visited === sliceKeys;
      });
      yield* slice;
    }
  }

  /** Lazy as {@link base}. */
  *events(): Generator<KeyValue> {
    for (let position = this.#firstEvent; position < this.#endOfEvents; position++) {
      assert(!this.#released, 'a view is read after it was released');
      yield this.#store.events.at(position);
    }
  }

  /** Nobody reads it any more. Idempotent. */
  release(): void {
    this.#released = true;
    this.#release();
  }
}
