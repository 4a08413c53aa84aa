import { crc32c } from '../../core/base/crc32c.ts';
import type { Entry, HardState } from '../../core/raft/types.ts';
import { type Frame, type FrameTarget, readFrame, writeFrame } from '../frame.ts';
import type { StorageIdentity } from '../identity.ts';

/** What a frame of the log is. 0 is none, so that zeros are never a record. */
export const recordKind = {
  /** First in a segment: whose it is, and the state that older segments held. */
  header: 1,
  /** First in a batch: where it is (index, term) and how far the log was durable when it was written. */
  batch: 2,
  /** index: commit; term: term; payload: the vote. */
  hardState: 3,
  /** The log begins anew after (index, term): a snapshot took the place of all before. */
  reset: 4,
  command: 5,
  membership: 6,
} as const;

const noBytes = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A place in the log: the sequence number of a segment and an offset in it. */
export interface Position {
  readonly sequence: number;
  readonly offset: number;
}

export function isBefore(left: Position, right: Position): boolean {
  return (
    left.sequence < right.sequence ||
    (left.sequence === right.sequence && left.offset < right.offset)
  );
}

/**
 * Goes into every checksum of the log but the header's. Values come from clients and may hold
 * anything, also a copy of a log: without the random directory id such bytes do not verify.
 */
export function checksumSeed(identity: StorageIdentity): number {
  return crc32c(encoder.encode(identity.directoryId));
}

export const batchRecordBytes = 40;
const batchPayloadBytes = 16;

export function writeBatchRecord(
  target: FrameTarget,
  at: number,
  batch: { readonly position: Position; readonly durable: Position },
  seed: number,
): number {
  const payload = new Uint8Array(batchPayloadBytes);
  const view = new DataView(payload.buffer);
  view.setBigUint64(0, BigInt(batch.durable.sequence), true);
  view.setBigUint64(8, BigInt(batch.durable.offset), true);
  const { sequence, offset } = batch.position;
  const frame = { kind: recordKind.batch, index: sequence, term: offset, payload };
  return writeFrame(target, at, frame, seed);
}

/** What a batch record at `position` says was durable; undefined if it was not written for that place. */
export function durableOf(frame: Frame, position: Position): Position | undefined {
  if (frame.kind !== recordKind.batch || frame.payload.length !== batchPayloadBytes) {
    return undefined;
  }
  if (frame.index !== position.sequence || frame.term !== position.offset) return undefined;
  const view = new DataView(frame.payload.buffer, frame.payload.byteOffset, batchPayloadBytes);
  return {
    sequence: Number(view.getBigUint64(0, true)),
    offset: Number(view.getBigUint64(8, true)),
  };
}

export function writeEntry(target: FrameTarget, at: number, entry: Entry, seed: number): number {
  const { index, term, payload } = entry;
  return writeFrame(target, at, { kind: recordKind[entry.kind], index, term, payload }, seed);
}

/** The entry in a frame, its payload copied; undefined if the frame is another record. */
export function entryOf(frame: Frame): Entry | undefined {
  const { index, term } = frame;
  switch (frame.kind) {
    case recordKind.command:
      return { index, term, kind: 'command', payload: frame.payload.slice() };
    case recordKind.membership:
      return { index, term, kind: 'membership', payload: frame.payload.slice() };
    default:
      return undefined;
  }
}

export function hardStateBytesOf(state: HardState): Uint8Array {
  return encoder.encode(state.vote);
}

export function writeHardState(
  target: FrameTarget,
  at: number,
  state: HardState,
  seed: number,
): number {
  const payload = hardStateBytesOf(state);
  const frame = { kind: recordKind.hardState, index: state.commit, term: state.term, payload };
  return writeFrame(target, at, frame, seed);
}

export function hardStateOf(frame: Frame): HardState {
  return { term: frame.term, vote: decoder.decode(frame.payload), commit: frame.index };
}

export function writeReset(
  target: FrameTarget,
  at: number,
  base: { readonly index: number; readonly term: number },
  seed: number,
): number {
  const frame = { kind: recordKind.reset, index: base.index, term: base.term, payload: noBytes };
  return writeFrame(target, at, frame, seed);
}

/** The batch record at `at` if there is a valid one, for a scan through damage. */
export function batchAt(
  target: FrameTarget,
  position: Position,
  seed: number,
): Position | undefined {
  const frame = readFrame(target, position.offset, seed);
  return typeof frame === 'string' ? undefined : durableOf(frame, position);
}
