import type { Entry } from '../../core/raft/types.ts';
import type { Disk, DiskFile } from '../../ports.ts';
import { CorruptionError } from '../corruption-error.ts';
import { frameHeaderBytes, readFrame, viewOf } from '../frame.ts';
import type { LogMap, Mark } from './log-map.ts';
import { entryOf, type Position } from './record.ts';
import { segmentName } from './segment.ts';

const readBytes = 128 * 1024;

export interface EntrySource {
  readonly disk: Disk;
  readonly map: LogMap;
  readonly seed: number;
}

/**
 * Durable entries from `fromIndex` to at most `lastIndex`, about `bytesMax` bytes of them and at
 * least one; undefined if the log does not reach back to `fromIndex`.
 * @throws CorruptionError
 */
export function readEntries(
  source: EntrySource,
  wanted: { readonly fromIndex: number; readonly lastIndex: number; readonly bytesMax: number },
): Entry[] | undefined {
  const entries: Entry[] = [];
  let index = wanted.fromIndex;
  let bytes = 0;
  while (index <= wanted.lastIndex && (entries.length === 0 || bytes < wanted.bytesMax)) {
    const found = source.map.find(index);
    if (found === undefined) return undefined;
    const last = Math.min(wanted.lastIndex, (found.next?.index ?? Number.POSITIVE_INFINITY) - 1);
    const run = readRun(source, found.mark, { index, last, bytes: wanted.bytesMax - bytes });
    for (const entry of run) {
      bytes += entry.payload.length + frameHeaderBytes;
      entries.push(entry);
    }
    index += run.length;
  }
  return entries;
}

/** Entries index..last, which follow the mark in its segment, until they are `bytes` long. */
function readRun(
  source: EntrySource,
  mark: Mark,
  wanted: { readonly index: number; readonly last: number; readonly bytes: number },
): Entry[] {
  const file = source.disk.open(segmentName(mark.sequence), 'read');
  try {
    const frames = new FrameWindow(file, source, mark);
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index = mark.index; index <= wanted.last; ) {
      const entry = frames.next(index, index >= wanted.index);
      if (entry === undefined) continue;
      index++;
      if (entry.index < wanted.index) continue;
      entries.push(entry);
      bytes += entry.payload.length + frameHeaderBytes;
      if (bytes >= wanted.bytes) break;
    }
    return entries;
  } finally {
    file.close();
  }
}

/** The frames of a segment from a position on, read in pieces. */
class FrameWindow {
  readonly #file: DiskFile;
  readonly #source: EntrySource;
  readonly #sequence: number;
  #offset: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(file: DiskFile, source: EntrySource, start: Position) {
    this.#file = file;
    this.#source = source;
    this.#sequence = start.sequence;
    this.#offset = start.offset;
  }

  /** The entry in the next frame, which must have this index; undefined for another record. */
  next(index: number, withPayload: boolean): Entry | undefined {
    const length = this.#frameLength();
    if (this.#at + length > this.#bytes.length) this.#fill(length);
    const target = { bytes: this.#bytes, view: viewOf(this.#bytes) };
    const frame = readFrame(target, this.#at, this.#source.seed);
    if (typeof frame === 'string') throw this.#damage(`entry ${index} was here`);
    this.#at = frame.end;
    const entry = entryOf(
      withPayload ? frame : { ...frame, payload: frame.payload.subarray(0, 0) },
    );
    if (entry !== undefined && entry.index !== index) {
      throw this.#damage(`entry ${index} was here, now it is entry ${entry.index}`);
    }
    return entry;
  }

  #frameLength(): number {
    if (this.#at + frameHeaderBytes > this.#bytes.length) this.#fill(frameHeaderBytes);
    if (this.#at + frameHeaderBytes > this.#bytes.length) throw this.#damage('the file ends here');
    const payload = viewOf(this.#bytes).getUint32(this.#at + 4, true);
    return frameHeaderBytes + payload + ((8 - (payload % 8)) % 8);
  }

  /** Reads on so that `length` bytes from the present frame on are there, if the file has them. */
  #fill(length: number): void {
    this.#offset += this.#at;
    this.#at = 0;
    const rest = Math.max(0, this.#file.size() - this.#offset);
    this.#bytes = this.#file.read(this.#offset, Math.min(rest, Math.max(length, readBytes)));
  }

  #damage(what: string): CorruptionError {
    return new CorruptionError({
      location: this.#source.disk.location,
      file: segmentName(this.#sequence),
      offset: this.#offset + this.#at,
      what,
    });
  }
}
