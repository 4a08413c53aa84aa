import { assert } from '../core/base/assert.ts';
import { crc32c } from '../core/base/crc32c.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import type { Disk, DiskFile, Done } from '../ports.ts';
import { asError } from './as-error.ts';
import { frameBytes, viewOf, writeFrame } from './frame.ts';
import { type StorageIdentity, storageFormat } from './identity.ts';
import { chainBytes, chunkBytesMax, snapshotKind, snapshotName } from './snapshot-format.ts';

const encoder = new TextEncoder();
const bytesBetweenSyncs = 4 * 1024 * 1024;

/**
 * Writes a snapshot aside, chunk by chunk, and gives it its name when all of it is durable. The
 * chunks may be the member's own state or come from a leader; the caller decides the pace.
 *
 *   SnapshotFiles.create ─▶ write(chunk, done) ... one at a time ... ─▶ finish(done) or abort()
 */
export class SnapshotWriter {
  readonly #disk: Disk;
  readonly #file: DiskFile;
  readonly #temporary: string;
  readonly #name: string;
  readonly #published: (name: string) => void;
  #state: 'open' | 'busy' | 'aborting' | 'closed' = 'open';
  #pending: Uint8Array;
  #offset = 0;
  #syncedOffset = 0;
  #count = 0;
  #chunkBytes = 0;
  #chain = 0;

  /** @throws Error from the disk, also when another snapshot at the same index is being written. */
  constructor(
    disk: Disk,
    identity: StorageIdentity,
    snapshot: { readonly meta: SnapshotMeta; readonly published: (name: string) => void },
  ) {
    const { meta } = snapshot;
    this.#disk = disk;
    this.#published = snapshot.published;
    this.#name = snapshotName(meta);
    this.#temporary = `${this.#name}.tmp`;
    this.#file = disk.open(this.#temporary, 'create');
    const { clusterId, memberId, directoryId } = identity;
    const header = { format: storageFormat, clusterId, memberId, directoryId, meta };
    this.#pending = this.#encode(snapshotKind.header, 0, encoder.encode(JSON.stringify(header)));
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#offset;
  }

  /** Writes the next chunk, of 1 to {@link chunkBytesMax} bytes. One call at a time. */
  write(chunk: Uint8Array, done: Done): void {
    assert(
      this.#state === 'open',
      `a snapshot chunk was written while the writer is ${this.#state}`,
    );
    assert(
      chunk.length > 0 && chunk.length <= chunkBytesMax,
      `a snapshot chunk has 1 to ${chunkBytesMax} bytes, not ${chunk.length}`,
    );
    const frame = this.#encode(snapshotKind.chunk, this.#count, chunk);
    this.#count++;
    this.#chunkBytes += chunk.length;
    this.#put(frame, (error) => {
      if (error !== undefined || this.#offset - this.#syncedOffset < bytesBetweenSyncs) {
        this.#settle(error, done);
        return;
      }
      // Synced on the way: one sync of all of it at the end would hold up the log's own.
      this.#syncedOffset = this.#offset;
      this.#file.sync((syncError) => this.#settle(syncError, done));
    });
  }

  /** Makes the snapshot durable and gives it its name. */
  finish(done: Done): void {
    assert(this.#state === 'open', `a snapshot was finished while the writer is ${this.#state}`);
    const totals = new Uint8Array(24);
    const view = viewOf(totals);
    view.setBigUint64(0, BigInt(this.#count), true);
    view.setBigUint64(8, BigInt(this.#chunkBytes), true);
    view.setUint32(16, this.#chain, true);
    const trailer = this.#encode(snapshotKind.trailer, this.#count, totals);
    const settle = (error: Error | undefined) =>
      this.#settle(error, (settled) =>
        settled === undefined ? this.#publish(done) : done(settled),
      );
    this.#put(trailer, (error) => {
      if (error === undefined) this.#file.sync(settle);
      else settle(error);
    });
  }

  /** Gives up; what was written is deleted. A call under way is answered with an error. */
  abort(): void {
    if (this.#state === 'busy') this.#state = 'aborting';
    else if (this.#state === 'open') this.#discard();
  }

  #put(frame: Uint8Array, done: Done): void {
    this.#state = 'busy';
    const bytes = this.#pending.length === 0 ? frame : joined(this.#pending, frame);
    this.#pending = new Uint8Array(0);
    const offset = this.#offset;
    this.#offset += bytes.length;
    this.#file.write(offset, bytes, done);
  }

  #settle(error: Error | undefined, done: Done): void {
    const failure = this.#state === 'aborting' ? new Error('the snapshot was given up') : error;
    this.#state = 'open';
    if (failure !== undefined) this.#discard();
    done(failure);
  }

  #publish(done: Done): void {
    this.#state = 'closed';
    try {
      this.#file.close();
      this.#disk.rename(this.#temporary, this.#name);
    } catch (error) {
      done(asError(error));
      return;
    }
    this.#disk.syncDirectory((error) => {
      try {
        if (error === undefined) this.#published(this.#name);
      } catch (thrown) {
        done(asError(thrown));
        return;
      }
      done(error);
    });
  }

  #discard(): void {
    this.#state = 'closed';
    this.#file.close();
    try {
      this.#disk.remove(this.#temporary);
    } catch {
      // It stays behind as a temporary file, which the next start removes.
    }
  }

  #encode(kind: number, index: number, payload: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(frameBytes(payload.length));
    writeFrame({ bytes, view: viewOf(bytes) }, 0, { kind, index, term: 0, payload }, 0);
    // The chain of the frames' own checksums stands for the whole: it finds one left out or moved.
    this.#chain = crc32c(bytes, 0, chainBytes, this.#chain);
    return bytes;
  }
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left);
  bytes.set(right, left.length);
  return bytes;
}
