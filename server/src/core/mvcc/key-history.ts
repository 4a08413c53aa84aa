import { isTombstone, type KeyValue } from './key-value.ts';

/**
 * All versions of one key down to the compaction point, oldest first.
 *
 *   put a=1 (rev 2), put a=2 (rev 4), delete a (rev 7), put a=3 (rev 9)
 *
 *   versions  [ rev 2 v1 ][ rev 4 v2 ][ rev 7 tombstone ][ rev 9 v1 ]
 *   at(3) = rev 2   at(8) = rev 7, so absent
 *
 * A history is replaced, never changed: with() appends to the shared array beyond the older
 * history's count, which that one does not see. So a clone of the index is a consistent view.
 */
export class KeyHistory {
  readonly #versions: KeyValue[];
  readonly #count: number;

  private constructor(versions: KeyValue[], count: number) {
    this.#versions = versions;
    this.#count = count;
  }

  static of(first: KeyValue): KeyHistory {
    return new KeyHistory([first], 1);
  }

  get latest(): KeyValue {
    return this.#versions[this.#count - 1] as KeyValue;
  }

  get count(): number {
    return this.#count;
  }

  /** This history with a newer version at its end. */
  with(next: KeyValue): KeyHistory {
    // Only the newest history may extend the shared array; any other has to copy its part.
    const versions =
      this.#versions.length === this.#count ? this.#versions : this.#versions.slice(0, this.#count);
    versions.push(next);
    return new KeyHistory(versions, this.#count + 1);
  }

  /** The newest version written at or before `revision`; it may be a tombstone. */
  at(revision: number): KeyValue | undefined {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#versions[middle] as KeyValue).modRevision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#versions[low - 1];
  }

  /** The live version at `revision`, or undefined when the key did not exist then. */
  liveAt(revision: number): KeyValue | undefined {
    const version = this.at(revision);
    return version === undefined || isTombstone(version) ? undefined : version;
  }
}
