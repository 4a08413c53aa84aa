import type { KeyValue } from './key-value.ts';

const chunkLength = 1024;

/**
 * Every write since the compaction point in order of (revision, position in its request): what
 * watches catch up from. An event is the version it wrote, so it costs one reference.
 *
 *   chunks  [ 1024 events ][ 1024 events ][ 37 events ]     appended at the end, dropped at the front
 *           ^ firstPosition                        ^ length
 *
 * A position is the number of events before it, dropped ones included: it never changes.
 */
export class EventLog {
  #chunks: KeyValue[][] = [];
  /** Chunks at the front that were dropped. */
  #dropped = 0;
  #first = 0;
  #length = 0;

  /** The position of the oldest event that is left. */
  get firstPosition(): number {
    return this.#first;
  }

  /** The position after the newest event. */
  get length(): number {
    return this.#length;
  }

  append(event: KeyValue): void {
    let last = this.#chunks[this.#chunks.length - 1];
    if (last === undefined || this.#length % chunkLength === 0) {
      last = [];
      this.#chunks.push(last);
    }
    last.push(event);
    this.#length++;
  }

  /** The event at `position`, which must not be dropped. */
  at(position: number): KeyValue {
    const chunk = this.#chunks[Math.floor(position / chunkLength) - this.#dropped] as KeyValue[];
    return chunk[position % chunkLength] as KeyValue;
  }

  /** The position of the first event of `revision` or later that is left; the length when there is none. */
  positionOf(revision: number): number {
    let low = this.#first;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle).modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops what is before `position`. Memory is given back a chunk at a time. */
  dropBefore(position: number): void {
    this.#first = Math.max(this.#first, Math.min(position, this.#length));
    const whole = Math.floor(this.#first / chunkLength) - this.#dropped;
    if (whole === 0) return;
    this.#chunks = this.#chunks.slice(whole);
    this.#dropped += whole;
  }
}
