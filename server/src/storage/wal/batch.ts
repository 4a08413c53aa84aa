import type { Entry, HardState } from '../../core/raft/types.ts';
import { type FrameTarget, frameBytes, viewOf } from '../frame.ts';
import type { LogMap } from './log-map.ts';
import {
  batchRecordBytes,
  hardStateBytesOf,
  type Position,
  writeBatchRecord,
  writeEntry,
  writeHardState,
  writeReset,
} from './record.ts';
import { type SegmentHeader, segmentHeaderBytes, writeSegmentHeader } from './segment.ts';

export interface LogPoint {
  readonly index: number;
  readonly term: number;
}

/** In the buffer: room for a segment header, should this batch begin one; then the batch record. */
const recordAt = segmentHeaderBytes;
const firstFrameAt = segmentHeaderBytes + batchRecordBytes;
const firstCapacity = 16 * 1024;

interface BatchMark {
  readonly index: number;
  readonly at: number;
  readonly jump: 'none' | 'replace' | 'reset';
}

/**
 * What goes to the disk with one write and one sync. Entries are encoded as they arrive, into one
 * buffer that grows, so that starting the write costs nothing per entry.
 */
export class Batch implements FrameTarget {
  bytes: Uint8Array;
  view: DataView;
  /** To be called when it is durable. */
  readonly waiting: (() => void)[] = [];
  /** The last entry after this batch, and the highest index in it. */
  last: LogPoint;
  indexMax = 0;
  hardState: HardState | undefined;
  #end = firstFrameAt;
  #marks: BatchMark[] = [];

  constructor(last: LogPoint, buffer: Uint8Array = new Uint8Array(firstCapacity)) {
    this.last = last;
    this.bytes = buffer;
    this.view = viewOf(buffer);
  }

  /** Bytes that it takes in a segment that has a header. */
  get length(): number {
    return this.#end - recordAt;
  }

  get isEmpty(): boolean {
    return this.#end === firstFrameAt;
  }

  addEntry(entry: Entry, seed: number): void {
    this.#reserve(frameBytes(entry.payload.length));
    const replaces = entry.index <= this.last.index;
    const before = this.#marks[this.#marks.length - 1];
    const near = before !== undefined && before.jump !== 'reset' && this.#end - before.at < 65_536;
    if (replaces || !near) {
      const jump = replaces ? 'replace' : 'none';
      this.#marks.push({ index: entry.index, at: this.#end, jump });
    }
    this.#end = writeEntry(this, this.#end, entry, seed);
    this.last = { index: entry.index, term: entry.term };
    if (entry.index > this.indexMax) this.indexMax = entry.index;
  }

  addHardState(state: HardState, seed: number): void {
    this.#reserve(frameBytes(hardStateBytesOf(state).length));
    this.#end = writeHardState(this, this.#end, state, seed);
    this.hardState = state;
  }

  addReset(base: LogPoint, seed: number): void {
    this.#reserve(frameBytes(0));
    this.#end = writeReset(this, this.#end, base, seed);
    this.#marks.push({ index: base.index, at: this.#end, jump: 'reset' });
    this.last = base;
  }

  /** The bytes to write at `position`, where the log goes on (offset 0: with the segment's header). */
  place(
    position: Position,
    written: { readonly durable: Position; readonly header: SegmentHeader; readonly seed: number },
  ): Uint8Array {
    const begins = position.offset === 0;
    if (begins) writeSegmentHeader(this, written.header);
    const offset = begins ? segmentHeaderBytes : position.offset;
    const batch = { position: { sequence: position.sequence, offset }, durable: written.durable };
    writeBatchRecord(this, recordAt, batch, written.seed);
    return this.bytes.subarray(begins ? 0 : recordAt, this.#end);
  }

  /** Enters its entries, written so that the batch record is at `position`, into the map. */
  addTo(map: LogMap, position: Position): void {
    for (const mark of this.#marks) {
      if (mark.jump === 'reset') {
        map.clear();
        continue;
      }
      const offset = position.offset + mark.at - recordAt;
      const { sequence } = position;
      map.add({ index: mark.index, sequence, offset }, mark.jump === 'replace');
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.#end));
    this.bytes = grown;
    this.view = viewOf(grown);
  }
}
