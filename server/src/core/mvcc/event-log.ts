import type { KeyValue } from './key-value.ts';

const chunkLength = 1024;

/**
 * Every write since the compaction point in order of (revision, position in its request): what
 * watches catch up from. An event is the version it wrote, so it costs one reference.
 *
 *   chunks  [ 1024 events ][ 1024 events ][ 37 events ]     append-only
 */
export class EventLog {
  readonly #chunks: KeyValue[][] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(event: KeyValue): void {
    let last = this.#chunks[this.#chunks.length - 1];
    if (last === undefined || last.length === chunkLength) {
      last = [];
      this.#chunks.push(last);
    }
    last.push(event);
    this.#length++;
  }

  /** The event at `position`; positions count from 0. */
  at(position: number): KeyValue {
    const chunk = this.#chunks[Math.floor(position / chunkLength)] as KeyValue[];
    return chunk[position % chunkLength] as KeyValue;
  }

  /** The position of the first event of `revision` or later; the length when there is none. */
  positionOf(revision: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle).modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
