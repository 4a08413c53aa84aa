import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Machine } from '../core/machine.ts';
import { BackupDecoder, type BackupHeader } from '../storage/backup-decoder.ts';
import { BackupError } from '../storage/backup-error.ts';
import { backupBlockBytes, backupDigestBytes } from '../storage/backup-format.ts';

const readBytes = 256 * 1024;

/** What a backup holds. */
export interface BackupStatus {
  /** The checksum of the state: what the member had, and every other one at the same log index. */
  readonly hash: number;
  readonly revision: number;
  readonly compactRevision: number;
  readonly keys: number;
  readonly leases: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Whose it is, and where in that cluster's log. */
  readonly clusterId: string;
  readonly memberId: string;
  readonly index: number;
  readonly term: number;
  /** The names of the cluster's members. */
  readonly members: readonly string[];
  readonly clusterVersion: number;
}

export interface BackupRead {
  readonly header: BackupHeader;
  readonly hash: number;
  readonly chunkBytes: number;
  readonly bytes: number;
}

/**
 * Reads a whole backup and verifies every checksum in it.
 * @param onChunk gets each chunk of the state as it is verified; it counts only when the whole was.
 * @throws BackupError that names file and offset; Error from the system when it cannot be read.
 */
export function readBackup(file: string, onChunk?: (chunk: Uint8Array) => void): BackupRead {
  const descriptor = opened(file);
  try {
    const decoder = new BackupDecoder(file, onChunk);
    const { size } = fstatSync(descriptor);
    const hasDigest = size % backupBlockBytes === backupDigestBytes;
    const digest = hasDigest ? createHash('sha256') : undefined;
    const covered = size - backupDigestBytes;
    const buffer = Buffer.alloc(readBytes);
    let offset = 0;
    let found = Buffer.alloc(0);
    for (;;) {
      const count = readSync(descriptor, buffer, 0, buffer.length, offset);
      if (count === 0) break;
      const bytes = buffer.subarray(0, count);
      decoder.push(bytes);
      const split = Math.max(0, Math.min(count, covered - offset));
      digest?.update(bytes.subarray(0, split));
      if (digest !== undefined) found = Buffer.concat([found, bytes.subarray(split)]);
      offset += count;
    }
    const header = decoder.finish();
    if (digest?.digest().equals(found) === false) {
      throw new BackupError(file, covered, 'the SHA-256 of the file is not that of its content');
    }
    return { header, hash: decoder.hash, chunkBytes: decoder.chunkBytes, bytes: offset };
  } finally {
    closeSync(descriptor);
  }
}

function opened(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the snapshot ${file} cannot be read (${reason})`, { cause: error });
  }
}

/** Reads a backup as {@link readBackup} does, and says what it holds. */
export function backupStatus(file: string): BackupStatus {
  const restorer = Machine.restorer();
  const { header, hash, bytes } = readBackup(file, (chunk) => restorer.push(chunk));
  const machine = restorer.finish();
  const { clusterId, memberId, meta } = header;
  const { store, leases, members, clusterVersion } = machine;
  return {
    hash,
    revision: store.revision,
    compactRevision: store.compactRevision,
    keys: store.keys,
    leases: leases.size,
    bytes,
    clusterId,
    memberId,
    index: meta.index,
    term: meta.term,
    members: members
      .list()
      .map(({ name }) => name)
      .sort(),
    clusterVersion,
  };
}
