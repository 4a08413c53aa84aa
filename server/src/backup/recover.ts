import { randomBytes } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Machine } from '../core/machine.ts';
import { membershipOf } from '../core/raft/membership.ts';
import { lockDirectory } from '../io/directory-lock.ts';
import { SystemDisk } from '../io/system-disk.ts';
import { openDirectory, type Recovered } from '../member/bootstrap.ts';
import { clusterIdOf, memberIdOf } from '../member/cluster-identity.ts';
import { applyWholeLog, NewClusterState, recordsOf } from '../member/new-cluster.ts';
import { type DirectoryIdentity, readDataDirectory } from '../storage/data-directory.ts';
import { makeDirectory, revisionBumpDefault, segmentBytesDefault } from './restore.ts';
import { takePlace, unfinishedOf } from './unfinished.ts';

export interface RecoverOptions {
  readonly dataDir: string;
  /** False only looks, and changes nothing. */
  readonly confirmed: boolean;
  /** As for a restore. */
  readonly revisionBump?: number | undefined;
  /** Default 64 MiB. */
  readonly segmentBytes?: number | undefined;
}

export interface Recovery {
  readonly name: string;
  readonly oldClusterId: string;
  readonly oldMembers: readonly string[];
  /** Of the new cluster; undefined when nothing was done. */
  readonly clusterId: string | undefined;
  readonly memberId: string | undefined;
  readonly revision: number;
  readonly keys: number;
  /** Entries of the log that this member did not know to be committed; they are kept. */
  readonly uncommitted: number;
  /** Where the old directory is now, or would be. */
  readonly keptAt: string;
  readonly warnings: readonly string[];
}

/**
 * Makes the data directory of one member that of a new cluster with this member alone, when most of the others are
 * lost. The old one is kept beside it.
 * @throws Error in a sentence when a member runs on it, it is no member's, or it is damaged.
 */
export async function recoverMember(options: RecoverOptions): Promise<Recovery> {
  const dataDir = resolve(options.dataDir);
  const { revisionBump = revisionBumpDefault, segmentBytes = segmentBytesDefault } = options;
  if (!existsSync(dataDir)) return finishBrokenOff(dataDir);
  const disk = new SystemDisk(dataDir);
  const lock = await lockDirectory(dataDir);
  try {
    const found = readDataDirectory(disk);
    if (found === undefined || !found.complete) {
      throw new Error(`${dataDir} is not the data directory of a member: name one with --data-dir`);
    }
    const { identity } = found;
    const keptAt = `${dataDir}.old-${identity.clusterId}`;
    if (existsSync(keptAt)) {
      throw new Error(`${keptAt} is there, where the old directory would be kept: move it away`);
    }
    const recovered = await open(disk, identity, segmentBytes);
    const { machine } = recovered;
    const end = applyWholeLog(recovered);
    await new Promise<void>((done) => recovered.wal.close(done));
    const self = machine.members.get(identity.memberId);
    const looked = {
      name: identity.name,
      oldClusterId: identity.clusterId,
      oldMembers: machine.members
        .list()
        .map(({ name }) => name)
        .sort(),
      uncommitted: end.uncommitted,
      keptAt,
      warnings: [...recovered.warnings, ...warningsOf(machine, identity)],
    };
    if (!options.confirmed) {
      const { keys, revision } = machine.store;
      return { ...looked, clusterId: undefined, memberId: undefined, keys, revision };
    }
    const directoryId = randomBytes(12).toString('hex');
    const member = { name: identity.name, address: self?.peerAddress ?? '' };
    const clusterId = clusterIdOf([member], `recovered ${identity.clusterId} ${directoryId}`);
    const memberId = memberIdOf(member, clusterId);
    const state = new NewClusterState(recordsOf([member], [memberId]), { keepsReplies: true });
    for (const chunk of machine.image().chunks()) state.push(chunk);
    const next = state.finish(revisionBump);
    await makeDirectory(
      dataDir,
      {
        identity: { clusterId, memberId, directoryId, name: identity.name, origin: 'recovered' },
        machine: next,
        snapshot: { index: end.index, term: end.term, membership: membershipOf([memberId]) },
        segmentBytes,
      },
      () => renameSync(dataDir, keptAt),
    );
    const { keys, revision } = next.store;
    return { ...looked, clusterId, memberId, keys, revision };
  } finally {
    await lock.release();
  }
}

/** It was killed between taking the old directory away and putting the new one there. */
function finishBrokenOff(dataDir: string): Recovery {
  const aside = unfinishedOf(dataDir);
  const found = existsSync(aside) ? readDataDirectory(new SystemDisk(aside)) : undefined;
  if (found?.complete !== true || found.identity.origin !== 'recovered') {
    throw new Error(`there is no directory ${dataDir}: name a member's with --data-dir`);
  }
  takePlace(aside, dataDir);
  const { clusterId, memberId, name } = found.identity;
  const none = { oldClusterId: '', oldMembers: [], revision: 0, keys: 0, uncommitted: 0 };
  const warnings = ['an earlier run was broken off at its last step, which is done now'];
  return { ...none, name, clusterId, memberId, keptAt: '', warnings };
}

function warningsOf(machine: Machine, { memberId }: DirectoryIdentity): string[] {
  if (!machine.alarms.hasFor(memberId, 'corrupt')) return [];
  return [
    "this member's state differed from the others': if another's data is left, recover from that",
  ];
}

function open(
  disk: SystemDisk,
  identity: DirectoryIdentity,
  segmentBytes: number,
): Promise<Recovered> {
  return new Promise((resolve, reject) => {
    const options = { identity, members: [], founding: false, segmentBytes };
    const log = { monotonicMs: () => performance.now(), walFailed: reject };
    openDirectory(disk, { ...options, ...log }, (error, recovered) => {
      if (recovered === undefined) reject(error ?? new Error(`${disk.location} did not open`));
      else resolve(recovered);
    });
  });
}
