import { crc32c } from '../core/base/crc32c.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import type { Disk, DiskFile } from '../ports.ts';
import { CorruptionError } from './corruption-error.ts';
import { DataDirectoryError } from './data-directory-error.ts';
import { type Frame, frameBytes, frameHeaderBytes, readFrame, viewOf } from './frame.ts';
import { differenceOf, type StorageIdentity, storageFormat } from './identity.ts';
import {
  chainBytes,
  chunkBytesMax,
  headerBytesMax,
  parseSnapshotName,
  snapshotKind,
} from './snapshot-format.ts';

const decoder = new TextDecoder();

/** Names of the snapshots, newest first. */
export function snapshotNames(disk: Disk): string[] {
  // Both numbers have fixed width, so the names sort as the numbers do.
  return disk
    .list()
    .filter((name) => parseSnapshotName(name) !== undefined)
    .sort()
    .reverse();
}

export interface SnapshotReader {
  readonly name: string;
  readonly meta: SnapshotMeta;
  readonly fileBytes: number;
  /**
   * The chunks in order, each verified, and overwritten by the next. What was read counts only when
   * the iteration came to its end.
   * @throws CorruptionError, naming file and offset.
   */
  chunks(): Generator<Uint8Array, void, undefined>;
}

/**
 * Opens a snapshot and verifies its header.
 * @throws CorruptionError, naming file and offset.
 * @throws DataDirectoryError for another member's snapshot, or a newer format.
 */
export function readSnapshot(disk: Disk, name: string, identity: StorageIdentity): SnapshotReader {
  const file = disk.open(name, 'read');
  try {
    const frames = new FrameReader(disk, file);
    const meta = metaOf(disk, name, frames, identity);
    return { name, meta, fileBytes: file.size(), chunks: () => chunksOf(disk, name) };
  } finally {
    file.close();
  }
}

function metaOf(
  disk: Disk,
  name: string,
  frames: FrameReader,
  identity: StorageIdentity,
): SnapshotMeta {
  const frame = frames.next(snapshotKind.header, headerBytesMax);
  // What carries our checksum was written by us, so its shape needs no second check.
  const header: StorageIdentity & { format: number; meta: SnapshotMeta } = JSON.parse(
    decoder.decode(frame.payload),
  );
  const place = `${disk.location}/${name}`;
  if (header.format > storageFormat) {
    throw new DataDirectoryError(
      `${place} was written by a newer lockstep (format ${header.format}; this build reads up to ` +
        `${storageFormat}): start it with that build or newer.`,
    );
  }
  const difference = differenceOf(header, identity);
  if (difference !== undefined) {
    throw new DataDirectoryError(
      `${place} is not this member's: ${difference}. Put back the files that belong here, or ` +
        'start with an empty directory.',
    );
  }
  const named = parseSnapshotName(name);
  if (named?.index !== header.meta.index || named.term !== header.meta.term) {
    throw frames.damage(0, `it holds the snapshot at index ${header.meta.index}, not its name's`);
  }
  return header.meta;
}

function* chunksOf(disk: Disk, name: string): Generator<Uint8Array, void, undefined> {
  const file = disk.open(name, 'read');
  try {
    const frames = new FrameReader(disk, file);
    frames.next(snapshotKind.header, headerBytesMax);
    let bytes = 0;
    for (let count = 0; ; count++) {
      const { chain } = frames;
      const frame = frames.next(undefined, chunkBytesMax);
      if (frame.index !== count) throw frames.damage(frames.start, `chunk ${count} is not here`);
      if (frame.kind === snapshotKind.trailer) {
        checkTotals(frames, frame, { bytes, chain });
        return;
      }
      bytes += frame.payload.length;
      yield frame.payload;
    }
  } finally {
    file.close();
  }
}

function checkTotals(
  frames: FrameReader,
  trailer: Frame,
  read: { readonly bytes: number; readonly chain: number },
): void {
  const view = viewOf(trailer.payload);
  const same =
    Number(view.getBigUint64(0, true)) === trailer.index &&
    Number(view.getBigUint64(8, true)) === read.bytes &&
    view.getUint32(16, true) === read.chain;
  if (!same) throw frames.damage(frames.start, 'the chunks are not those that were written');
  if (!frames.atEnd) throw frames.damage(frames.offset, 'something follows the end');
}

class FrameReader {
  readonly #disk: Disk;
  readonly #file: DiskFile;
  readonly #size: number;
  readonly #head = new Uint8Array(frameHeaderBytes);
  #buffer = new Uint8Array(0);
  /** Where the last frame began, and where the next one does. */
  start = 0;
  offset = 0;
  chain = 0;

  constructor(disk: Disk, file: DiskFile) {
    this.#disk = disk;
    this.#file = file;
    this.#size = file.size();
  }

  get atEnd(): boolean {
    return this.offset === this.#size;
  }

  next(kind: number | undefined, payloadBytesMax: number): Frame {
    this.start = this.offset;
    const head = this.#file.read(this.offset, frameHeaderBytes, this.#head);
    if (head.length < frameHeaderBytes) throw this.damage(this.offset, 'the file ends too early');
    const length = viewOf(head).getUint32(4, true);
    if (length > payloadBytesMax) throw this.damage(this.offset, 'a length is out of range');
    const size = frameBytes(length);
    if (size > this.#size - this.offset) throw this.damage(this.offset, 'the file ends too early');
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
    const bytes = this.#file.read(this.offset, size, this.#buffer);
    if (bytes.length < size) throw this.damage(this.offset, 'the file ends too early');
    const frame = readFrame({ bytes, view: viewOf(bytes) }, 0, 0);
    if (typeof frame === 'string') throw this.damage(this.offset, 'a checksum does not match');
    const known = frame.kind === snapshotKind.chunk || frame.kind === snapshotKind.trailer;
    if (kind === undefined ? !known : frame.kind !== kind) {
      throw this.damage(this.offset, `a record of kind ${frame.kind} is not expected here`);
    }
    this.chain = crc32c(bytes, 0, chainBytes, this.chain);
    this.offset += bytes.length;
    return frame;
  }

  damage(offset: number, what: string): CorruptionError {
    const { name: file } = this.#file;
    return new CorruptionError({ location: this.#disk.location, file, offset, what });
  }
}
