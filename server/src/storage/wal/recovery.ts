import type { Entry, HardState } from '../../core/raft/types.ts';
import type { Disk } from '../../ports.ts';
import { CorruptionError } from '../corruption-error.ts';
import { DataDirectoryError } from '../data-directory-error.ts';
import { endOfContent, type Frame } from '../frame.ts';
import { differenceOf, type StorageIdentity } from '../identity.ts';
import type { LogPoint } from './batch.ts';
import { LogMap } from './log-map.ts';
import {
  checksumSeed,
  entryOf,
  hardStateOf,
  isBefore,
  type Position,
  recordKind,
} from './record.ts';
import {
  highestDurable,
  readSegmentHeader,
  type SegmentHeader,
  scanSegment,
  segmentName,
  sequenceOf,
} from './segment.ts';

export interface SegmentInfo {
  readonly sequence: number;
  /** The highest index of an entry in it, 0 when it has none. */
  indexMax: number;
}

/** What the files say, before anything is repaired. */
export interface Recovery {
  readonly segments: readonly SegmentInfo[];
  /** Where the log goes on, in the last of `segments`. */
  readonly end: Position;
  /** Where what is behind `end` in the same segment ends; zeros from there on. */
  readonly contentEnd: number;
  /** The segment after the last is there, all zeros. */
  readonly nextPrepared: boolean;
  /** Files that are no longer part of the log. */
  readonly leftovers: readonly string[];
  readonly hardState: HardState;
  /** What the entries follow. Its term is 0 when unknown. */
  readonly base: LogPoint;
  readonly entries: readonly Entry[];
  readonly map: LogMap;
}

/**
 * Reads the log back. Every position up to the highest one that a later batch calls durable must
 * verify; behind it the log ends at the first frame that does not: the last batch was still being
 * written, and its pages may have reached the disk in any order or not at all.
 * @throws CorruptionError for damage before that position.
 * @throws DataDirectoryError for a log of another member, or none.
 */
export function recoverLog(
  disk: Disk,
  identity: StorageIdentity,
  keepPayloadsAfter: number,
): Recovery {
  const names = disk.list();
  const leftovers = names.filter((name) => name.startsWith('wal-') && name.endsWith('.tmp'));
  const sequences = names.map(sequenceOf).filter((sequence) => sequence !== undefined);
  const run = lastRun(sequences.sort((left, right) => left - right));
  for (const sequence of sequences) {
    if (!run.includes(sequence)) leftovers.push(segmentName(sequence));
  }
  if (run.length === 0) {
    throw new DataDirectoryError(
      `${disk.location} has no log (wal-*.log) although a member was set up in it. Restore the ` +
        'files, or replace this member: remove it from the cluster and add it with an empty directory.',
    );
  }
  return new LogReader(disk, identity, keepPayloadsAfter).read(run, leftovers);
}

/** Removals are not ordered on every file system, so what is before a gap was released. */
function lastRun(sequences: readonly number[]): number[] {
  let start = 0;
  sequences.forEach((sequence, at) => {
    if (at > 0 && sequence !== (sequences[at - 1] ?? 0) + 1) start = at;
  });
  return sequences.slice(start);
}

class LogReader {
  readonly #disk: Disk;
  readonly #identity: StorageIdentity;
  readonly #seed: number;
  readonly #keepPayloadsAfter: number;
  readonly #segments: SegmentInfo[] = [];
  readonly #map = new LogMap();
  #base: LogPoint = { index: 0, term: 0 };
  #entries: Entry[] = [];
  #hardState: HardState = { term: 0, vote: '', commit: 0 };
  #buffer = new Uint8Array(0);
  /** The end of the log is looked at more than once. */
  #lastRead: { readonly sequence: number; readonly bytes: Uint8Array } | undefined;

  constructor(disk: Disk, identity: StorageIdentity, keepPayloadsAfter: number) {
    this.#disk = disk;
    this.#identity = identity;
    this.#seed = checksumSeed(identity);
    this.#keepPayloadsAfter = keepPayloadsAfter;
  }

  read(run: readonly number[], leftovers: string[]): Recovery {
    let end: Position = { sequence: run[0] ?? 0, offset: 0 };
    let contentEnd = 0;
    let behind: readonly number[] = [];
    for (const [at, sequence] of run.entries()) {
      const bytes = this.#bytesOf(sequence);
      const header = this.#headerOf(bytes, sequence);
      if (header === undefined) {
        // No batch of this segment became durable as a whole: the log ends in the one before.
        behind = run.slice(at);
        break;
      }
      if (at === 0) {
        this.#base = header.base;
        this.#hardState = header.hardState;
      } else this.#checkReached(end, header);
      const scan = this.#scan(bytes, sequence);
      end = { sequence, offset: scan.end };
      contentEnd = endOfContent(bytes, scan.end);
      if (!scan.clean && !this.#isContinued(end, run[at + 1])) {
        behind = run.slice(at + 1);
        break;
      }
    }
    if (this.#segments.length === 0) {
      throw this.#damage({ sequence: end.sequence, offset: 0 }, 'its header does not verify');
    }
    const next = this.#checkBehind(end, behind);
    for (const sequence of behind) {
      if (sequence !== next) leftovers.push(segmentName(sequence));
    }
    return {
      segments: this.#segments,
      end,
      contentEnd,
      nextPrepared: next !== undefined,
      leftovers,
      hardState: this.#hardState,
      base: this.#base,
      entries: this.#entries,
      map: this.#map,
    };
  }

  /** A view that holds until the next call. */
  #bytesOf(sequence: number): Uint8Array {
    if (this.#lastRead?.sequence === sequence) return this.#lastRead.bytes;
    const file = this.#disk.open(segmentName(sequence), 'read');
    try {
      const size = file.size();
      if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
      const bytes = file.read(0, size, this.#buffer);
      this.#lastRead = { sequence, bytes };
      return bytes;
    } finally {
      file.close();
    }
  }

  #headerOf(bytes: Uint8Array, sequence: number): SegmentHeader | undefined {
    const header = readSegmentHeader(bytes);
    if (typeof header === 'string') return undefined;
    const difference = differenceOf(header.identity, this.#identity);
    if (difference !== undefined) {
      throw new DataDirectoryError(
        `${this.#disk.location}/${segmentName(sequence)} is not this member's: ${difference}. ` +
          'Put back the files that belong here, or start with an empty directory.',
      );
    }
    if (header.sequence !== sequence) {
      throw this.#damage({ sequence, offset: 0 }, `it was written as segment ${header.sequence}`);
    }
    return header;
  }

  #scan(bytes: Uint8Array, sequence: number): { end: number; clean: boolean } {
    const info: SegmentInfo = { sequence, indexMax: 0 };
    this.#segments.push(info);
    return scanSegment({ bytes, sequence, seed: this.#seed }, (frame, offset) => {
      this.#apply(frame, { sequence, offset });
      const isEntry = frame.kind === recordKind.command || frame.kind === recordKind.membership;
      if (isEntry && frame.index > info.indexMax) info.indexMax = frame.index;
    });
  }

  #apply(frame: Frame, position: Position): void {
    switch (frame.kind) {
      case recordKind.hardState:
        this.#hardState = hardStateOf(frame);
        return;
      case recordKind.reset:
        this.#base = { index: frame.index, term: frame.term };
        this.#entries = [];
        this.#map.clear();
        return;
      case recordKind.command:
      case recordKind.membership:
        this.#addEntry(frame, position);
        return;
      default:
        throw new DataDirectoryError(
          `${this.#disk.location}/${segmentName(position.sequence)} holds a record of kind ` +
            `${frame.kind} at offset ${position.offset}, which this build does not know: it was ` +
            'written by a newer lockstep; start it with that build or newer.',
        );
    }
  }

  #addEntry(frame: Frame, position: Position): void {
    const { index } = frame;
    const last = this.#base.index + this.#entries.length;
    if (index > last + 1) {
      throw this.#damage(position, `entry ${index} follows entry ${last}`);
    }
    const replaces = index <= last;
    if (index <= this.#base.index) {
      this.#base = { index: index - 1, term: 0 };
      this.#entries = [];
    } else if (replaces) this.#entries.length = index - this.#base.index - 1;
    // What a snapshot covers is only asked for its term.
    const kept = index > this.#keepPayloadsAfter ? frame : { ...frame, payload: noPayload };
    const entry = entryOf(kept);
    if (entry !== undefined) this.#entries.push(entry);
    this.#map.add({ index, ...position }, replaces);
  }

  /** What follows the end of a segment is no torn batch when the next segment goes on from just there. */
  #isContinued(end: Position, next: number | undefined): boolean {
    if (next === undefined) return false;
    return this.#headerOf(this.#bytesOf(next), next)?.previousEnd === end.offset;
  }

  /** The next segment was begun when all before it was durable. */
  #checkReached(end: Position, next: SegmentHeader): void {
    if (end.offset !== next.previousEnd) {
      throw this.#lost(end, { sequence: end.sequence, offset: next.previousEnd });
    }
  }

  /** Looks for batches behind the end that prove it damaged, and for a prepared segment. */
  #checkBehind(end: Position, behind: readonly number[]): number | undefined {
    let highest = this.#highest(this.#bytesOf(end.sequence), end);
    let prepared: number | undefined;
    let headerDamaged = false;
    for (const sequence of behind) {
      const bytes = this.#bytesOf(sequence);
      if (endOfContent(bytes, 0) === 0) {
        if (sequence === end.sequence + 1) prepared = sequence;
        continue;
      }
      const found = this.#highest(bytes, { sequence, offset: 0 });
      if (found === undefined) continue;
      if (highest === undefined || isBefore(highest, found)) highest = found;
      headerDamaged = true;
    }
    if (highest === undefined || !isBefore(end, highest)) return prepared;
    const clean = headerDamaged && highest.sequence > end.sequence && this.#endsClean(end);
    throw this.#lost(clean ? { sequence: end.sequence + 1, offset: 0 } : end, highest);
  }

  #endsClean(end: Position): boolean {
    return endOfContent(this.#bytesOf(end.sequence), end.offset) === end.offset;
  }

  #highest(bytes: Uint8Array, from: Position): Position | undefined {
    return highestDurable({ bytes, sequence: from.sequence, seed: this.#seed }, from.offset);
  }

  #lost(at: Position, durable: Position): CorruptionError {
    const place =
      durable.sequence === at.sequence
        ? `offset ${durable.offset}`
        : `offset ${durable.offset} of ${segmentName(durable.sequence)}`;
    return this.#damage(at, `no record verifies here, but the log was durable up to ${place}`);
  }

  #damage(position: Position, what: string): CorruptionError {
    const file = segmentName(position.sequence);
    return new CorruptionError({
      location: this.#disk.location,
      file,
      offset: position.offset,
      what,
    });
  }
}

const noPayload = new Uint8Array(0);
