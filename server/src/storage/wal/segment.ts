import { assert } from '../../core/base/assert.ts';
import type { HardState } from '../../core/raft/types.ts';
import { DataDirectoryError } from '../data-directory-error.ts';
import {
  type Frame,
  type FrameTarget,
  frameBytes,
  frameHeaderBytes,
  frameKindAt,
  readFrame,
  viewOf,
  writeFrame,
} from '../frame.ts';
import { type StorageIdentity, storageFormat } from '../identity.ts';
import { batchAt, isBefore, type Position, recordKind } from './record.ts';

/**
 * A segment file:
 *
 *   0        512
 *   ├ header ├ batch record, frames ├ batch record, frames, frames ├ zeros, written ahead ┤
 *
 * A segment of zeros only is prepared for later use; its header comes with its first batch.
 */
export const segmentHeaderBytes = 512;
const namePattern = /^wal-([0-9a-f]{16})\.log$/;
const magic = 'lockstep log';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface SegmentHeader {
  readonly identity: StorageIdentity;
  readonly sequence: number;
  /** The log's last entry (and its term, 0 when unknown) when the segment was begun. */
  readonly base: { readonly index: number; readonly term: number };
  /** Where the segment before ended; all of it was durable. 0 in the first. */
  readonly previousEnd: number;
  readonly hardState: HardState;
}

export function segmentName(sequence: number): string {
  return `wal-${sequence.toString(16).padStart(16, '0')}.log`;
}

export function sequenceOf(name: string): number | undefined {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** Writes the header into the first {@link segmentHeaderBytes} of `target`. */
export function writeSegmentHeader(target: FrameTarget, header: SegmentHeader): void {
  const { sequence, identity, base, hardState } = header;
  const { clusterId, memberId, directoryId } = identity;
  // Field by field: what the caller hands over may be richer than its type, and space is bounded.
  const text = JSON.stringify({
    magic,
    format: storageFormat,
    identity: { clusterId, memberId, directoryId },
    sequence,
    base: { index: base.index, term: base.term },
    previousEnd: header.previousEnd,
    hardState: { term: hardState.term, vote: hardState.vote, commit: hardState.commit },
  });
  const payload = new Uint8Array(segmentHeaderBytes - frameHeaderBytes).fill(0x20);
  const { read } = encoder.encodeInto(text, payload);
  assert(read === text.length, 'a segment header does not fit into its space');
  const frame = { kind: recordKind.header, index: 0, term: 0, payload };
  const end = writeFrame(target, 0, frame, 0);
  assert(end === segmentHeaderBytes, 'a segment header fills its space');
}

/** What a segment's header says, checked by its checksum alone; or why there is none. */
export function readSegmentHeader(bytes: Uint8Array): SegmentHeader | 'end' | 'damaged' {
  const frame = readFrame({ bytes, view: viewOf(bytes) }, 0, 0);
  if (typeof frame === 'string') return frame;
  if (frame.kind !== recordKind.header || frame.end !== segmentHeaderBytes) return 'damaged';
  // What carries our checksum was written by us, so its shape needs no second check.
  const header: SegmentHeader & { magic: string; format: number } = JSON.parse(
    decoder.decode(frame.payload),
  );
  if (header.magic !== magic) return 'damaged';
  if (header.format > storageFormat) {
    throw new DataDirectoryError(
      `the log was written by a newer lockstep (format ${header.format}; this build reads up to ` +
        `${storageFormat}): start it with that build or newer`,
    );
  }
  return header;
}

/** Where the good frames of a segment end, and whether zeros (`clean`) or something else follows. */
export interface SegmentScan {
  readonly end: number;
  readonly clean: boolean;
}

/** Walks the frames behind the header, handing each but the batch records to `visit`. */
export function scanSegment(
  segment: { readonly bytes: Uint8Array; readonly sequence: number; readonly seed: number },
  visit: (frame: Frame, offset: number) => void,
): SegmentScan {
  const { bytes, sequence, seed } = segment;
  const target = { bytes, view: viewOf(bytes) };
  let at = segmentHeaderBytes;
  for (;;) {
    const frame = readFrame(target, at, seed);
    if (typeof frame === 'string') return { end: at, clean: frame === 'end' };
    if (frame.kind !== recordKind.batch) visit(frame, at);
    else if (batchAt(target, { sequence, offset: at }, seed) === undefined) {
      return { end: at, clean: false };
    }
    at = frame.end;
  }
}

/** The highest position that a valid batch record at or after `from` says was durable. */
export function highestDurable(
  segment: { readonly bytes: Uint8Array; readonly sequence: number; readonly seed: number },
  from: number,
): Position | undefined {
  const { bytes, sequence, seed } = segment;
  const target = { bytes, view: viewOf(bytes) };
  const last = bytes.length - frameBytes(0);
  let highest: Position | undefined;
  for (let offset = from + ((8 - (from % 8)) % 8); offset <= last; offset += 8) {
    if (bytes[offset + frameKindAt] !== recordKind.batch) continue;
    const durable = batchAt(target, { sequence, offset }, seed);
    if (durable !== undefined && (highest === undefined || isBefore(highest, durable))) {
      highest = durable;
    }
  }
  return highest;
}
