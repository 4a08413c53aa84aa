import type { SnapshotMeta } from '../core/raft/types.ts';
import type { Disk } from '../ports.ts';
import { CorruptionError } from './corruption-error.ts';
import type { StorageIdentity } from './identity.ts';
import { parseSnapshotName } from './snapshot-format.ts';
import { readSnapshot, type SnapshotReader, snapshotNames } from './snapshot-reader.ts';
import { SnapshotWriter } from './snapshot-writer.ts';

export { chunkBytesMax } from './snapshot-format.ts';
export type { SnapshotReader, SnapshotWriter };

/** The newest, and the one before in case the newest is found damaged. */
const snapshotsKept = 2;

/** The snapshots of one member: which there are, and the writing of new ones. */
export class SnapshotFiles {
  /** The newest snapshot that verifies as a whole. The log must reach back to it. */
  readonly newest: SnapshotReader | undefined;
  /** Newer ones that do not verify, with what is wrong. They are deleted once a new one is durable. */
  readonly damaged: readonly CorruptionError[];
  readonly #disk: Disk;
  readonly #identity: StorageIdentity;
  /** Names of the snapshots that are not known to be damaged, newest first. */
  #good: string[];

  /**
   * Looks through the directory, and removes what an earlier run left half written.
   * @param read reads every chunk of a snapshot, which is what verifies it; called with an older
   * one when a newer turns out damaged on the way, so what it made of that one must be forgotten.
   * @throws DataDirectoryError for another member's snapshot, or a newer format.
   */
  constructor(
    disk: Disk,
    identity: StorageIdentity,
    read: (snapshot: SnapshotReader) => void = readThrough,
  ) {
    this.#disk = disk;
    this.#identity = identity;
    for (const name of disk.list()) {
      if (name.startsWith('snapshot-') && name.endsWith('.tmp')) disk.remove(name);
    }
    this.#good = snapshotNames(disk);
    const damaged: CorruptionError[] = [];
    let newest: SnapshotReader | undefined;
    while (newest === undefined && this.#good.length > 0) {
      try {
        const snapshot = readSnapshot(disk, this.#good[0] ?? '', identity);
        read(snapshot);
        newest = snapshot;
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        damaged.push(error);
        this.#good.shift();
      }
    }
    this.newest = newest;
    this.damaged = damaged;
  }

  /**
   * The log is not needed up to and including this index. It is that of the older snapshot, which
   * takes over if the newer one is found damaged; 0 when there is none.
   */
  get oldestIndex(): number {
    const older = this.#good[snapshotsKept - 1];
    return older === undefined ? 0 : (parseSnapshotName(older)?.index ?? 0);
  }

  /** Begins a new snapshot. @throws Error from the disk, also when one of the same place is being written. */
  create(meta: SnapshotMeta): SnapshotWriter {
    const published = (name: string) => this.#published(name);
    return new SnapshotWriter(this.#disk, this.#identity, { meta, published });
  }

  #published(name: string): void {
    const good = [name, ...this.#good.filter((other) => other !== name)].sort().reverse();
    this.#good = good.slice(0, snapshotsKept);
    for (const other of snapshotNames(this.#disk)) {
      if (!this.#good.includes(other)) this.#disk.remove(other);
    }
  }
}

function readThrough(snapshot: SnapshotReader): void {
  for (const _chunk of snapshot.chunks());
}
