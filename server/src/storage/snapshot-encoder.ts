import { assert } from '../core/base/assert.ts';
import { crc32c } from '../core/base/crc32c.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import { frameBytes, viewOf, writeFrame } from './frame.ts';
import { type StorageIdentity, storageFormat } from './identity.ts';
import { chainBytes, chunkBytesMax, snapshotKind } from './snapshot-format.ts';

const encoder = new TextEncoder();

/** Puts a snapshot into its frames, wherever they go: into a file of a data directory, or to whoever backs it up. */
export class SnapshotEncoder {
  readonly #identity: StorageIdentity;
  readonly #meta: SnapshotMeta;
  #count = 0;
  #chunkBytes = 0;
  #chain = 0;

  constructor(identity: StorageIdentity, meta: SnapshotMeta) {
    this.#identity = identity;
    this.#meta = meta;
  }

  /** The first frame. */
  header(): Uint8Array {
    const { clusterId, memberId, directoryId } = this.#identity;
    const header = { format: storageFormat, clusterId, memberId, directoryId, meta: this.#meta };
    return this.#encode(snapshotKind.header, 0, encoder.encode(JSON.stringify(header)));
  }

  /** A chunk of 1 to {@link chunkBytesMax} bytes. */
  chunk(chunk: Uint8Array): Uint8Array {
    assert(
      chunk.length > 0 && chunk.length <= chunkBytesMax,
      `a snapshot chunk has 1 to ${chunkBytesMax} bytes, not ${chunk.length}`,
    );
    const frame = this.#encode(snapshotKind.chunk, this.#count, chunk);
    this.#count++;
    this.#chunkBytes += chunk.length;
    return frame;
  }

  /** The last frame: what must have come before it. */
  trailer(): Uint8Array {
    const totals = new Uint8Array(24);
    const view = viewOf(totals);
    view.setBigUint64(0, BigInt(this.#count), true);
    view.setBigUint64(8, BigInt(this.#chunkBytes), true);
    view.setUint32(16, this.#chain, true);
    return this.#encode(snapshotKind.trailer, this.#count, totals);
  }

  #encode(kind: number, index: number, payload: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(frameBytes(payload.length));
    writeFrame({ bytes, view: viewOf(bytes) }, 0, { kind, index, term: 0, payload }, 0);
    // The chain of the frames' own checksums stands for the whole: it finds one left out or moved.
    this.#chain = crc32c(bytes, 0, chainBytes, this.#chain);
    return bytes;
  }
}
