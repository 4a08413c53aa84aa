/**
 * The frame that logs and snapshots are made of. Pure.
 *
 *   offset  0        4        8              16        20     23     24
 *           ├ crc32c ├ length ├ index (u64)  ├ term (u56)     ├ kind ├ payload, zeros up to 8 ┤
 *                    └──────────────── covered by the crc ─────────────────────────────────────┘
 *
 * All numbers are little endian. Frames begin at multiples of 8, so a scan can find the next whole
 * frame behind damage. A header of zeros is no frame: it is where the writing ended.
 */
import { assert } from '../core/base/assert.ts';
import { crc32c } from '../core/base/crc32c.ts';

export const frameHeaderBytes = 24;
/** Far above any entry; a length beyond it is damage. */
export const framePayloadBytesMax = 256 * 1024 * 1024;
export const frameKindAt = 23;
const twoTo32 = 0x1_0000_0000;

export interface FrameFields {
  readonly kind: number;
  readonly index: number;
  readonly term: number;
}

export interface Frame extends FrameFields {
  /** A view of the bytes that were read; copy it to keep it. */
  readonly payload: Uint8Array;
  /** Where the next frame begins. */
  readonly end: number;
}

/** What a frame with so many bytes of payload takes. */
export function frameBytes(payloadBytes: number): number {
  return frameHeaderBytes + paddedBytes(payloadBytes);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes that a frame is written into, with the view of the same bytes. */
export interface FrameTarget {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * Writes a frame at `at`, which must have room for {@link frameBytes}, and returns where it ends.
 * `seed` goes into the checksum: frames of another directory do not pass for this one's.
 */
export function writeFrame(
  target: FrameTarget,
  at: number,
  frame: FrameFields & { readonly payload: Uint8Array },
  seed: number,
): number {
  const { bytes, view } = target;
  const length = frame.payload.length;
  assert(length <= framePayloadBytesMax, `a record of ${length} bytes is over the limit`);
  const payloadAt = at + frameHeaderBytes;
  const end = payloadAt + paddedBytes(length);
  view.setUint32(at + 4, length, true);
  view.setUint32(at + 8, frame.index % twoTo32, true);
  view.setUint32(at + 12, Math.floor(frame.index / twoTo32), true);
  view.setUint32(at + 16, frame.term % twoTo32, true);
  const termHigh = Math.floor(frame.term / twoTo32);
  view.setUint32(at + 20, (termHigh | (frame.kind << 24)) >>> 0, true);
  bytes.set(frame.payload, payloadAt);
  for (let pad = payloadAt + length; pad < end; pad++) bytes[pad] = 0;
  view.setUint32(at, crc32c(bytes, at + 4, end, seed), true);
  return end;
}

/**
 * Reads the frame at `at`. 'end' where nothing was written (zeros, or no room for a header);
 * 'damaged' where something is that is not a whole frame with the right checksum.
 */
export function readFrame(
  target: FrameTarget,
  at: number,
  seed: number,
): Frame | 'end' | 'damaged' {
  const { bytes, view } = target;
  if (at + frameHeaderBytes > bytes.length) return 'end';
  const crc = view.getUint32(at, true);
  const length = view.getUint32(at + 4, true);
  const top = view.getUint32(at + 20, true);
  if (crc === 0 && length === 0 && top === 0 && isZero(bytes, at, at + frameHeaderBytes)) {
    return 'end';
  }
  if (length > framePayloadBytesMax) return 'damaged';
  const payloadAt = at + frameHeaderBytes;
  const end = payloadAt + paddedBytes(length);
  if (end > bytes.length || crc32c(bytes, at + 4, end, seed) !== crc) return 'damaged';
  return {
    kind: top >>> 24,
    index: view.getUint32(at + 12, true) * twoTo32 + view.getUint32(at + 8, true),
    term: (top & 0xffffff) * twoTo32 + view.getUint32(at + 16, true),
    payload: bytes.subarray(payloadAt, payloadAt + length),
    end,
  };
}

/** The end of the last byte in `bytes[from, ...)` that is not zero; `from` when there is none. */
export function endOfContent(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  if (bytes.byteOffset % 4 === 0) {
    // Four bytes a step over the zeros of a prepared segment, which are most of it.
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(end / 4));
    while (end > from && (end % 4 !== 0 || end - from < 4)) {
      if (bytes[end - 1] !== 0) return end;
      end--;
    }
    while (end - from >= 4 && words[end / 4 - 1] === 0) end -= 4;
  }
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

function paddedBytes(length: number): number {
  return length + ((8 - (length % 8)) % 8);
}
