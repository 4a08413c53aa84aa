import { assert } from '../../core/base/assert.ts';
import type { Entry, HardState } from '../../core/raft/types.ts';
import { doubling, Histogram, type HistogramReading } from '../../metrics/histogram.ts';
import type { Disk, DiskFile } from '../../ports.ts';
import { asError } from '../as-error.ts';
import { frameBytes } from '../frame.ts';
import type { StorageIdentity } from '../identity.ts';
import { Batch, type LogPoint } from './batch.ts';
import type { LogMap } from './log-map.ts';
import { readEntries } from './log-reader.ts';
import { checksumSeed, type Position } from './record.ts';
import type { SegmentInfo } from './recovery.ts';
import { segmentHeaderBytes, segmentName } from './segment.ts';
import { type PreparedSegment, SegmentFiller } from './segment-filler.ts';

export interface WalOptions {
  /** Size of a segment file; default 64 MiB. */
  readonly segmentBytes?: number;
  /** What one write takes at most, default 8 MiB; more waits for the next. One larger entry still goes alone. */
  readonly batchBytesMax?: number;
  /** The log can take nothing more: a write or sync failed, or the disk is full. Called at most once. */
  readonly onFailure: (error: Error) => void;
  /** Times every write; without it none is measured. */
  readonly monotonicMs?: (() => number) | undefined;
}

/** What to make durable, in this order: snapshot, hard state, entries. */
export interface WalWrite {
  /** A snapshot from elsewhere, durable already, takes the place of the whole log up to now. */
  readonly snapshot?: LogPoint | undefined;
  readonly hardState?: HardState | undefined;
  /** Their indexes count up by one. One at or below an earlier entry's replaces that entry and all after it. */
  readonly entries: readonly Entry[];
}

/** The segment that is written to. */
export interface ActiveSegment extends SegmentInfo {
  readonly file: DiskFile;
  size: number;
  /** Where the next batch goes; 0 while the segment has no header. */
  end: number;
}

/** What a log begins with when it is opened; everything in it is durable. */
export interface WalStart {
  readonly active: ActiveSegment;
  readonly older: readonly SegmentInfo[];
  readonly prepared: PreparedSegment | undefined;
  readonly map: LogMap;
  readonly hardState: HardState;
  readonly last: LogPoint;
}

const mebibyte = 1024 * 1024;
export const segmentBytesDefault = 64 * mebibyte;
const segmentBytesMin = 4096;
/** In seconds, as etcd has them: 1 ms to 8 s. */
const writeSeconds = doubling(0.001, 14);
const sparesMax = 2;
const spareBytesMax = 4 * mebibyte;

/**
 * The write-ahead log: what a member must not forget before it answers. Appends that arrive while
 * the disk is busy wait together and go out with one write and one sync (group commit).
 *
 *   append ─▶ encoded into the open batch ─▶ [queue] ─▶ write ─▶ sync ─▶ done, done, done
 *                                                    one at a time
 *
 * A failed write or sync is final: what is durable is unknown then, so nothing is tried again.
 */
export class Wal {
  readonly #disk: Disk;
  readonly #identity: StorageIdentity;
  readonly #seed: number;
  readonly #batchBytesMax: number;
  readonly #onFailure: (error: Error) => void;
  readonly #filler: SegmentFiller;
  readonly #monotonicMs: (() => number) | undefined;
  readonly #writeSeconds = new Histogram(writeSeconds);
  /** When the write that is under way began. */
  #writingSinceMs = 0;
  #slowestMs = 0;
  readonly #map: LogMap;
  #older: SegmentInfo[];
  #active: ActiveSegment;
  #queue: Batch[] = [];
  #inFlight: Batch | undefined;
  #spares: Uint8Array[] = [];
  #durable: Position;
  #durableLast: LogPoint;
  /** The last entry that was handed to the disk, and the last one that was appended. */
  #written: LogPoint;
  #last: LogPoint;
  #hardState: HardState;
  #appendedBytes: number;
  #preparedTwice = false;
  #failure: Error | undefined;
  /** A write or sync of the active segment is under way. */
  #diskBusy = false;
  #closing: (() => void) | undefined;
  #isClosed = false;

  /** Use `openWal` or `createWal`. */
  constructor(disk: Disk, identity: StorageIdentity, options: WalOptions, start: WalStart) {
    const segmentBytes = options.segmentBytes ?? segmentBytesDefault;
    assert(
      segmentBytes >= segmentBytesMin && segmentBytes % 8 === 0,
      `a log segment has at least ${segmentBytesMin} bytes and a multiple of 8, not ${segmentBytes}`,
    );
    this.#disk = disk;
    this.#identity = identity;
    this.#seed = checksumSeed(identity);
    this.#onFailure = options.onFailure;
    this.#monotonicMs = options.monotonicMs;
    this.#batchBytesMax = Math.min(
      options.batchBytesMax ?? 8 * mebibyte,
      segmentBytes - segmentHeaderBytes,
    );
    const { active } = start;
    this.#active = active;
    this.#older = [...start.older];
    this.#map = start.map;
    this.#hardState = start.hardState;
    this.#last = start.last;
    this.#written = start.last;
    this.#durableLast = start.last;
    this.#durable = { sequence: active.sequence, offset: active.end };
    this.#appendedBytes = start.older.length * segmentBytes + active.end;
    this.#filler = new SegmentFiller(disk, segmentBytes, () => this.#fillerChanged());
    if (start.prepared !== undefined) this.#filler.adopt(start.prepared);
    else this.#filler.prepare(active.sequence + 1);
  }

  /** The last entry that was appended, durable or not. */
  get lastIndex(): number {
    return this.#last.index;
  }

  /** Bytes that are accepted and not durable yet. The caller stops appending when they are too many. */
  queuedBytes(): number {
    let bytes = this.#inFlight?.length ?? 0;
    for (const batch of this.#queue) bytes += batch.length;
    return bytes;
  }

  /** Bytes that were appended in all, with what was there when the log was opened; it only grows. */
  get appendedBytes(): number {
    return this.#appendedBytes;
  }

  /** How long it took to make each batch durable. */
  get writeSeconds(): HistogramReading {
    return this.#writeSeconds;
  }

  /** The longest write since the last call, in milliseconds; one that is still under way counts so far. */
  takeSlowestMs(): number {
    const now = this.#monotonicMs?.() ?? 0;
    const slowest = Math.max(this.#slowestMs, this.#diskBusy ? now - this.#writingSinceMs : 0);
    this.#slowestMs = 0;
    return slowest;
  }

  /** What is wrong but not fatal yet: the next segment cannot be prepared. */
  get warning(): string | undefined {
    return this.#filler.failure === undefined ? undefined : this.#fullError().message;
  }

  /**
   * Makes `write` durable, then calls `durable`; the calls come in the order of the appends. With
   * nothing to write, it comes after all that was appended before. After a failure it never comes:
   * `onFailure` tells, once for all.
   */
  append(write: WalWrite, durable: () => void): void {
    assert(this.#closing === undefined, 'nothing is appended to a closed log');
    if (this.#failure !== undefined) return;
    const seed = this.#seed;
    if (write.snapshot !== undefined) {
      this.#openBatch(frameBytes(0)).addReset(write.snapshot, seed);
      this.#last = write.snapshot;
    }
    if (write.hardState !== undefined) {
      this.#openBatch(frameBytes(32)).addHardState(write.hardState, seed);
    }
    for (const entry of write.entries) {
      assert(
        entry.index <= this.#last.index + 1 && entry.index > 0,
        `entry ${entry.index} cannot follow entry ${this.#last.index} in the log`,
      );
      this.#openBatch(frameBytes(entry.payload.length)).addEntry(entry, seed);
      this.#last = { index: entry.index, term: entry.term };
    }
    const newest = this.#queue[this.#queue.length - 1] ?? this.#inFlight;
    if (newest === undefined) {
      durable();
      return;
    }
    newest.waiting.push(durable);
    this.#startNext();
  }

  /**
   * Up to `bytesMax` bytes of durable entries from `fromIndex` on, at least one if there is one;
   * undefined when the log no longer reaches back so far. Synchronous: keep `bytesMax` small.
   * @throws CorruptionError if the file no longer holds what was written.
   */
  read(fromIndex: number, bytesMax: number): Entry[] | undefined {
    const source = { disk: this.#disk, map: this.#map, seed: this.#seed };
    return readEntries(source, { fromIndex, lastIndex: this.#durableLast.index, bytesMax });
  }

  /** Entries up to `index` are not needed any more: deletes the segments that hold no others. */
  release(index: number, done: () => void = () => {}): void {
    let count = 0;
    for (const { sequence, indexMax } of this.#older) {
      // What a segment said about the hard state is in the next one's header, once that is durable.
      if (indexMax > index || sequence >= this.#durable.sequence) break;
      count++;
    }
    const released = this.#older.splice(0, count);
    if (released.length === 0) {
      done();
      return;
    }
    this.#map.release(this.#older[0]?.sequence ?? this.#active.sequence);
    try {
      for (const { sequence } of released) this.#disk.remove(segmentName(sequence));
    } catch (error) {
      this.#fail(asError(error));
      return;
    }
    this.#disk.syncDirectory((error) => (error === undefined ? done() : this.#fail(error)));
  }

  /** Finishes what was appended, then closes the files. */
  close(done: () => void = () => {}): void {
    assert(this.#closing === undefined, 'the log is closed once');
    this.#closing = done;
    this.#closeIfIdle();
  }

  #openBatch(bytes: number): Batch {
    const open = this.#queue[this.#queue.length - 1];
    if (open !== undefined && (open.isEmpty || open.length + bytes <= this.#batchBytesMax)) {
      return open;
    }
    const batch = new Batch(this.#last, this.#spares.pop());
    this.#queue.push(batch);
    return batch;
  }

  #startNext(): void {
    const batch = this.#queue[0];
    if (batch === undefined || this.#inFlight !== undefined || this.#failure !== undefined) return;
    const { end, size } = this.#active;
    const fits = end + batch.length <= size || end <= segmentHeaderBytes;
    if (!fits && !this.#cut()) return;
    this.#queue.shift();
    this.#inFlight = batch;
    this.#write(batch);
  }

  #write(batch: Batch): void {
    const active = this.#active;
    const { sequence } = active;
    const bytes = batch.place(
      { sequence, offset: active.end },
      {
        durable: this.#durable,
        header: {
          identity: this.#identity,
          sequence,
          base: this.#written,
          // A segment is begun when no batch is under way, so this is where the one before ends.
          previousEnd: this.#durable.offset,
          hardState: this.#hardState,
        },
        seed: this.#seed,
      },
    );
    const offset = active.end;
    this.#appendedBytes += bytes.length;
    this.#written = batch.last;
    this.#hardState = batch.hardState ?? this.#hardState;
    active.indexMax = Math.max(active.indexMax, batch.indexMax);
    active.end = offset + bytes.length;
    active.size = Math.max(active.size, active.end);
    this.#diskBusy = true;
    this.#writingSinceMs = this.#monotonicMs?.() ?? 0;
    active.file.writeDurable(offset, bytes, (error) => {
      if (error !== undefined) this.#failWith('writing', error);
      else this.#finish(batch);
    });
  }

  #finish(batch: Batch): void {
    this.#diskBusy = false;
    this.#measure();
    if (this.#failure !== undefined) {
      this.#closeIfIdle();
      return;
    }
    const { sequence, end } = this.#active;
    this.#inFlight = undefined;
    this.#durable = { sequence, offset: end };
    this.#durableLast = batch.last;
    batch.addTo(this.#map, { sequence, offset: end - batch.length });
    if (this.#spares.length < sparesMax && batch.bytes.length <= spareBytesMax) {
      this.#spares.push(batch.bytes);
    }
    // The disk goes on with the next batch while the callers of this one are told.
    this.#startNext();
    for (const durable of batch.waiting) durable();
    this.#closeIfIdle();
  }

  #measure(): void {
    if (this.#monotonicMs === undefined) return;
    const tookMs = this.#monotonicMs() - this.#writingSinceMs;
    this.#writeSeconds.observe(tookMs / 1000);
    this.#slowestMs = Math.max(this.#slowestMs, tookMs);
  }

  /** Moves on to the prepared segment; false while there is none, and then its filler comes back. */
  #cut(): boolean {
    const prepared = this.#filler.take();
    const next = this.#active.sequence + 1;
    if (prepared === undefined) {
      if (this.#filler.failure !== undefined) {
        // Space may have become free since; one new attempt, then it is final.
        if (this.#preparedTwice) {
          this.#fail(this.#fullError());
          return false;
        }
        this.#preparedTwice = true;
      }
      this.#filler.prepare(next);
      return false;
    }
    this.#preparedTwice = false;
    const { file, sequence } = prepared;
    this.#active.file.close();
    this.#older.push({ sequence: this.#active.sequence, indexMax: this.#active.indexMax });
    this.#active = { sequence, indexMax: 0, file, size: file.size(), end: 0 };
    this.#filler.prepare(next + 1);
    return true;
  }

  #fillerChanged(): void {
    this.#startNext();
    this.#closeIfIdle();
  }

  #fullError(): Error {
    const cause = this.#filler.failure;
    return new Error(
      `the next log segment in ${this.#disk.location} cannot be prepared (${cause?.message}). ` +
        'Nothing acknowledged is lost: free space there, then start the member again',
      { cause },
    );
  }

  #failWith(doing: string, cause: Error): void {
    this.#diskBusy = false;
    const file = `${this.#disk.location}/${segmentName(this.#active.sequence)}`;
    this.#fail(
      new Error(
        `${doing} the log failed (${file}: ${cause.message}). What is durable is unknown now, so ` +
          'this member stops; check the disk, then start it again',
        { cause },
      ),
    );
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) {
      this.#closeIfIdle();
      return;
    }
    this.#failure = error;
    this.#inFlight = undefined;
    this.#queue = [];
    this.#onFailure(error);
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    const done = this.#closing;
    if (done === undefined || this.#isClosed || this.#diskBusy || this.#queue.length > 0) return;
    this.#filler.close();
    if (this.#filler.busy) return;
    this.#isClosed = true;
    this.#active.file.close();
    done();
  }
}
