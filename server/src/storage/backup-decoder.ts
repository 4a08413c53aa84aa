import { crc32c } from '../core/base/crc32c.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import { BackupError } from './backup-error.ts';
import { backupDigestBytes, backupPadding } from './backup-format.ts';
import { type Frame, frameBytes, frameHeaderBytes, readFrame, viewOf } from './frame.ts';
import { type StorageIdentity, storageFormat } from './identity.ts';
import { chainBytes, chunkBytesMax, headerBytesMax, snapshotKind } from './snapshot-format.ts';

/** Whose state a backup holds, and where in its log that stood. */
export interface BackupHeader extends StorageIdentity {
  readonly format: number;
  readonly meta: SnapshotMeta;
}

const decoder = new TextDecoder();

/**
 * Verifies a backup as it arrives, in pieces of any size: every frame by its checksum, their order by
 * the chain, and that nothing is missing at the end. It holds one frame at a time.
 *
 *   push(bytes) ... ─▶ onChunk(chunk) ... ─▶ finish()
 */
export class BackupDecoder {
  readonly #file: string;
  readonly #onChunk: (chunk: Uint8Array) => void;
  #header: BackupHeader | undefined;
  /** What came and is no whole frame yet, and where in the file it begins. */
  #pieces: Uint8Array[] = [];
  #held = 0;
  #offset = 0;
  #wanted = frameHeaderBytes;
  #state: 'frames' | 'zeros' | 'digest' = 'frames';
  #left = 0;
  #count = 0;
  #chunkBytes = 0;
  #chain = 0;
  #hash = 0;

  /** @param file names it in errors. */
  constructor(file: string, onChunk: (chunk: Uint8Array) => void = () => {}) {
    this.#file = file;
    this.#onChunk = onChunk;
  }

  /** Undefined until it has arrived. */
  get header(): BackupHeader | undefined {
    return this.#header;
  }

  /** The checksum of the state: that of the member at the same log index. */
  get hash(): number {
    return this.#hash;
  }

  /** Bytes of the state so far, without what holds them together. */
  get chunkBytes(): number {
    return this.#chunkBytes;
  }

  /** @throws BackupError that names the file and the offset. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'frames') at = this.#take(bytes, at);
      else at = this.#takeEnd(bytes, at);
    }
  }

  /** All of it has been pushed. @throws BackupError when that was not a whole backup. */
  finish(): BackupHeader {
    const end = this.#offset + this.#held;
    if (this.#header === undefined) {
      throw this.#fault(0, this.#notOurs(`it ends too early, after ${end} bytes`));
    }
    if (this.#held > 0) {
      const what = `the file ends, ${this.#held} bytes on, inside the record that begins here`;
      throw this.#fault(this.#offset, `${what}: it was cut off, or damaged`);
    }
    if (this.#state === 'frames') {
      throw this.#fault(end, 'it ends too early: it was cut off');
    }
    const digestIsCut = this.#state === 'digest' && this.#left % backupDigestBytes !== 0;
    if (this.#state === 'zeros' || digestIsCut) {
      throw this.#fault(end, 'it ends too early: it was cut off');
    }
    return this.#header;
  }

  /** Collects one frame. @returns where the next one begins in `bytes`. */
  #take(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#wanted - this.#held);
    this.#pieces.push(bytes.subarray(at, end));
    this.#held += end - at;
    if (this.#held < this.#wanted) {
      // What was pushed belongs to the caller, who may use it again.
      this.#pieces = [joined(this.#pieces, this.#held)];
      return end;
    }
    const frame = joined(this.#pieces, this.#held);
    this.#pieces = [frame];
    if (this.#wanted === frameHeaderBytes) {
      const length = viewOf(frame).getUint32(4, true);
      const most = this.#header === undefined ? headerBytesMax : chunkBytesMax;
      if (length > most) throw this.#fault(this.#offset, this.#notOurs('a length is out of range'));
      this.#wanted = frameBytes(length);
      if (this.#wanted > frameHeaderBytes) return end;
    }
    this.#frame(frame);
    this.#offset += frame.length;
    this.#pieces = [];
    this.#held = 0;
    this.#wanted = frameHeaderBytes;
    if (this.#state === 'zeros') this.#begin();
    return end;
  }

  #frame(bytes: Uint8Array): void {
    const frame = readFrame({ bytes, view: viewOf(bytes) }, 0, 0);
    if (typeof frame === 'string') {
      throw this.#fault(this.#offset, this.#notOurs('a checksum does not match'));
    }
    const chain = this.#chain;
    this.#chain = crc32c(bytes, 0, chainBytes, chain);
    if (this.#header === undefined) return this.#readHeader(frame);
    if (frame.index !== this.#count) {
      throw this.#fault(this.#offset, `chunk ${this.#count} is not here`);
    }
    if (frame.kind === snapshotKind.trailer) return this.#readTrailer(frame, chain);
    if (frame.kind !== snapshotKind.chunk) {
      throw this.#fault(this.#offset, `a record of kind ${frame.kind} is not expected here`);
    }
    this.#count++;
    this.#chunkBytes += frame.payload.length;
    this.#hash = crc32c(frame.payload, 0, frame.payload.length, this.#hash);
    this.#onChunk(frame.payload);
  }

  #notOurs(what: string): string {
    return this.#offset === 0 ? `${what}, so it may be no snapshot of Lockstep at all` : what;
  }

  #readHeader(frame: Frame): void {
    if (frame.kind !== snapshotKind.header) {
      throw this.#fault(this.#offset, `a record of kind ${frame.kind} is not expected here`);
    }
    // What carries our checksum was written by us, so its shape needs no second check.
    const header: BackupHeader = JSON.parse(decoder.decode(frame.payload));
    if (header.format > storageFormat) {
      throw this.#fault(
        this.#offset,
        `it has format ${header.format} of a newer lockstep, and this build reads up to ${storageFormat}`,
      );
    }
    this.#header = header;
  }

  #readTrailer(trailer: Frame, chain: number): void {
    const view = viewOf(trailer.payload);
    const same =
      trailer.payload.length === 24 &&
      Number(view.getBigUint64(0, true)) === this.#count &&
      Number(view.getBigUint64(8, true)) === this.#chunkBytes &&
      view.getUint32(16, true) === chain;
    if (!same) throw this.#fault(this.#offset, 'the chunks are not those that were written');
    this.#state = 'zeros';
  }

  /** What follows the frames begins: zeros first. */
  #begin(): void {
    this.#left = backupPadding(this.#offset);
    if (this.#left === 0) this.#beginDigest();
  }

  #beginDigest(): void {
    this.#state = 'digest';
    this.#left = backupDigestBytes;
  }

  #takeEnd(bytes: Uint8Array, at: number): number {
    if (this.#left === 0) throw this.#fault(this.#offset, 'something follows the end');
    const end = Math.min(bytes.length, at + this.#left);
    for (let each = at; this.#state === 'zeros' && each < end; each++) {
      if (bytes[each] === 0) continue;
      throw this.#fault(this.#offset + each - at, 'there is something where only zeros belong');
    }
    this.#left -= end - at;
    this.#offset += end - at;
    if (this.#state === 'zeros' && this.#left === 0) this.#beginDigest();
    return end;
  }

  #fault(offset: number, what: string): BackupError {
    return new BackupError(this.#file, offset, what);
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
