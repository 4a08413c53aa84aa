import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import type { Machine } from '../core/machine.ts';
import { membershipOf } from '../core/raft/membership.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import { lockDirectory } from '../io/directory-lock.ts';
import { SystemDisk } from '../io/system-disk.ts';
import { createWith, genesisIndex, genesisTerm } from '../member/bootstrap.ts';
import type { InitialMember } from '../member/cluster-identity.ts';
import { NewClusterState, recordsOf, restoredIds } from '../member/new-cluster.ts';
import type { DirectoryIdentity } from '../storage/data-directory.ts';
import { readBackup } from './backup-file.ts';
import { beginAside, isLock, takePlace } from './unfinished.ts';

/** So far does the revision go up, so that none that the old cluster gave comes again (etcd's advice). */
export const revisionBumpDefault = 1_000_000_000;
/** Of the log, as of a member that is started. */
export const segmentBytesDefault = 64 * 1024 * 1024;

export interface RestoreOptions {
  readonly file: string;
  /** Must not exist, or be empty. */
  readonly dataDir: string;
  readonly name: string;
  /** All members of the new cluster, this one included. */
  readonly initialCluster: readonly InitialMember[];
  readonly initialClusterToken: string;
  /** Default {@link revisionBumpDefault}; 0 keeps revisions and history as they were. */
  readonly revisionBump?: number | undefined;
  readonly segmentBytes?: number | undefined;
}

export interface Restored {
  readonly clusterId: string;
  readonly memberId: string;
  readonly revision: number;
  readonly keys: number;
}

/**
 * Makes the data directory of a member of a new cluster, with the state of a backup. Whatever ends it on the way, the
 * directory is there as a whole or not at all.
 * @throws BackupError for a file that is not whole; Error in a sentence for a directory that is not empty.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { file, dataDir, name, revisionBump = revisionBumpDefault } = options;
  refuseUsed(dataDir);
  // Read twice: the ids follow from what is in it, and the state's members from the ids.
  const { header, hash, chunkBytes } = readBackup(file);
  const { index, term } = header.meta;
  const members = [...options.initialCluster].sort((a, b) => (a.name < b.name ? -1 : 1));
  const mark = { clusterId: header.clusterId, index, term, hash, chunkBytes, revisionBump };
  const { clusterId, memberIds } = restoredIds(members, options.initialClusterToken, mark);
  const state = new NewClusterState(recordsOf(members, memberIds), { keepsReplies: false });
  readBackup(file, (chunk) => state.push(chunk));
  const machine = state.finish(revisionBump);
  const memberId = memberIds[members.findIndex((member) => member.name === name)] ?? '';
  const directoryId = randomBytes(12).toString('hex');
  const identity = { clusterId, memberId, directoryId, name, origin: 'restored' } as const;
  const membership = membershipOf(memberIds);
  await makeDirectory(dataDir, {
    identity,
    machine,
    snapshot: { index: genesisIndex, term: genesisTerm, membership },
    segmentBytes: options.segmentBytes ?? segmentBytesDefault,
  });
  return { clusterId, memberId, revision: machine.store.revision, keys: machine.store.keys };
}

export interface NewDirectory {
  readonly identity: DirectoryIdentity;
  readonly machine: Machine;
  readonly snapshot: SnapshotMeta;
  readonly segmentBytes: number;
}

/** Makes it aside, then gives it its name. @param ready runs between the two. */
export async function makeDirectory(
  dataDir: string,
  what: NewDirectory,
  ready: () => void = () => {},
): Promise<void> {
  const aside = beginAside(dataDir);
  const lock = await lockDirectory(aside);
  try {
    await new Promise<void>((resolve, reject) => {
      const { identity, segmentBytes, ...state } = what;
      const log = { segmentBytes, monotonicMs: () => performance.now(), walFailed: reject };
      createWith(new SystemDisk(aside), { identity, ...log }, state, (error, made) => {
        if (made === undefined) return reject(error ?? new Error(`${aside} was not made`));
        made.wal.close(() => resolve());
      });
    });
  } finally {
    await lock.release();
  }
  ready();
  takePlace(aside, dataDir);
}

function refuseUsed(dataDir: string): void {
  if (!existsSync(dataDir)) return;
  const [first] = readdirSync(dataDir).filter((name) => !isLock(name));
  if (first === undefined) return;
  throw new Error(
    `${dataDir} is not empty (it holds ${first}): a snapshot is restored into a new directory. Name another with ` +
      '--data-dir, or move this one away',
  );
}
