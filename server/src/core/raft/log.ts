import { assert } from '../base/assert.ts';
import { type Entry, entryBytes } from './types.ts';

/**
 * The log in memory: what stands after the compaction point.
 *
 *      compacted            handed      committed      last
 *   ... ──┤ e  e  e  e  e  e  ├  e  e  e  ├  e  e  e  e ┤
 *         first = compacted + 1
 *
 * Invariants: compacted <= handed <= committed <= last; entry indexes have no gap
 * and terms never decrease. An entry at or below `committed` is never replaced.
 */
export class RaftLog {
  #entries: Entry[] = [];
  #bytes = 0;
  #compactedIndex: number;
  #compactedTerm: number;
  #committed: number;
  #handed: number;

  constructor(compacted: { index: number; term: number }) {
    this.#compactedIndex = compacted.index;
    this.#compactedTerm = compacted.term;
    this.#committed = compacted.index;
    this.#handed = compacted.index;
  }

  get firstIndex(): number {
    return this.#compactedIndex + 1;
  }

  get lastIndex(): number {
    return this.#compactedIndex + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries[this.#entries.length - 1]?.term ?? this.#compactedTerm;
  }

  get committed(): number {
    return this.#committed;
  }

  /** The last committed entry that was handed out to be applied. */
  get handed(): number {
    return this.#handed;
  }

  /** Bytes of all entries in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The term of the entry at `index`, or undefined where the log does not know it (compacted away, or beyond the end). */
  termAt(index: number): number | undefined {
    if (index === this.#compactedIndex) return this.#compactedTerm;
    return this.#entries[index - this.firstIndex]?.term;
  }

  matches(index: number, term: number): boolean {
    return this.termAt(index) === term;
  }

  /** Whether a log ending so is at least as up to date as this one (paper 5.4.1). */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /** Entries from `index` on, as many as fit `bytesMax`, at least one if there is one. */
  slice(index: number, bytesMax: number): Entry[] {
    assert(index >= this.firstIndex, `log entry ${index} is compacted`);
    const slice: Entry[] = [];
    let bytes = 0;
    for (let at = index - this.firstIndex; at < this.#entries.length; at++) {
      const entry = this.#entries[at] as Entry;
      bytes += entryBytes(entry);
      if (bytes > bytesMax && slice.length > 0) break;
      slice.push(entry);
    }
    return slice;
  }

  /** Bytes of the entries from `first` to `last`. */
  bytesBetween(first: number, last: number): number {
    let bytes = 0;
    for (let index = first; index <= last; index++) {
      bytes += entryBytes(this.#entries[index - this.firstIndex] as Entry);
    }
    return bytes;
  }

  /** The first index such that the entries from there on take at most `bytesMax`. */
  firstIndexWithin(bytesMax: number): number {
    let bytes = this.#bytes;
    let index = this.firstIndex;
    while (bytes > bytesMax && index <= this.lastIndex) {
      bytes -= entryBytes(this.#entries[index - this.firstIndex] as Entry);
      index++;
    }
    return index;
  }

  /** Adds entries at the end. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, `entry ${entry.index} leaves a gap`);
      assert(entry.term >= this.lastTerm, `entry ${entry.index} lowers the term`);
      this.#entries.push(entry);
      this.#bytes += entryBytes(entry);
    }
  }

  /** Drops every entry from `index` on. */
  truncate(index: number): void {
    assert(index > this.#committed, `committed entry ${index} must not be replaced`);
    for (const entry of this.#entries.splice(index - this.firstIndex)) {
      this.#bytes -= entryBytes(entry);
    }
  }

  commitTo(index: number): boolean {
    if (index <= this.#committed) return false;
    assert(index <= this.lastIndex, `commit ${index} is beyond the last entry ${this.lastIndex}`);
    this.#committed = index;
    return true;
  }

  /** True when a change of membership is committed and was not handed out yet. */
  get hasMembershipToHandOut(): boolean {
    for (let index = this.#handed + 1; index <= this.#committed; index++) {
      if (this.#entries[index - this.firstIndex]?.kind === 'membership') return true;
    }
    return false;
  }

  /** Committed entries that were not handed out yet, and marks them as handed out. */
  handOut(bytesMax: number): Entry[] {
    if (this.#handed === this.#committed) return [];
    const entries: Entry[] = [];
    let bytes = 0;
    while (this.#handed < this.#committed) {
      const entry = this.#entries[this.#handed + 1 - this.firstIndex] as Entry;
      bytes += entryBytes(entry);
      if (bytes > bytesMax && entries.length > 0) break;
      entries.push(entry);
      this.#handed++;
    }
    return entries;
  }

  /** Forgets entries up to `index`; they must have been handed out. */
  compact(index: number): void {
    if (index <= this.#compactedIndex) return;
    assert(index <= this.#handed, `entry ${index} is not applied and cannot be compacted`);
    const term = this.termAt(index) as number;
    for (const entry of this.#entries.splice(0, index - this.#compactedIndex)) {
      this.#bytes -= entryBytes(entry);
    }
    this.#compactedIndex = index;
    this.#compactedTerm = term;
  }

  /** Starts over at a snapshot that this log does not contain. */
  restore(snapshot: { index: number; term: number }): void {
    assert(snapshot.index > this.#committed, 'a snapshot must not take back what is committed');
    this.#entries = [];
    this.#bytes = 0;
    this.#compactedIndex = snapshot.index;
    this.#compactedTerm = snapshot.term;
    this.#committed = snapshot.index;
    this.#handed = snapshot.index;
  }

  /**
   * The last index at or below `index` whose term is at most `term`: where a log that is ahead or
   * behind may agree with one that has `term` there. Skips a whole diverging term per round trip
   * (paper 5.3, last paragraphs).
   */
  lastIndexAtMost(index: number, term: number): number {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#compactedIndex && (this.termAt(at) as number) > term) at--;
    return at;
  }
}
