import { assert } from '../core/base/assert.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import type { Disk, DiskFile, Done } from '../ports.ts';
import { asError } from './as-error.ts';
import type { StorageIdentity } from './identity.ts';
import { SnapshotEncoder } from './snapshot-encoder.ts';
import { snapshotName } from './snapshot-format.ts';

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
  readonly #frames: SnapshotEncoder;
  #state: 'open' | 'busy' | 'aborting' | 'closed' = 'open';
  #pending: Uint8Array;
  #offset = 0;
  #syncedOffset = 0;

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
    this.#frames = new SnapshotEncoder(identity, meta);
    this.#pending = this.#frames.header();
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#offset;
  }

  /** Writes the next chunk, of 1 to `chunkBytesMax` bytes. One call at a time. */
  write(chunk: Uint8Array, done: Done): void {
    assert(
      this.#state === 'open',
      `a snapshot chunk was written while the writer is ${this.#state}`,
    );
    this.#put(this.#frames.chunk(chunk), (error) => {
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
    const settle = (error: Error | undefined) =>
      this.#settle(error, (settled) =>
        settled === undefined ? this.#publish(done) : done(settled),
      );
    this.#put(this.#frames.trailer(), (error) => {
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
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left);
  bytes.set(right, left.length);
  return bytes;
}
