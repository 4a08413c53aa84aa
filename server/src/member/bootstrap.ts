import { type Build, checkFits, thisBuild } from '../core/cluster-version.ts';
import { raisedVersion } from '../core/command-codec.ts';
import { Machine } from '../core/machine.ts';
import type { MemberRecord } from '../core/member-table.ts';
import { emptyMembership, membershipOf } from '../core/raft/membership.ts';
import type { RaftRecovery } from '../core/raft/state.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import type { Disk, Done } from '../ports.ts';
import { asError } from '../storage/as-error.ts';
import {
  checkDataDirectory,
  clearUnfinished,
  type DirectoryIdentity,
  readDataDirectory,
  writeDataDirectory,
} from '../storage/data-directory.ts';
import { DataDirectoryError } from '../storage/data-directory-error.ts';
import { SnapshotFiles, type SnapshotReader } from '../storage/snapshot.ts';
import { createWal, openWal, type RecoveredLog } from '../storage/wal/open.ts';
import type { Wal } from '../storage/wal/wal.ts';
import type { ClusterPlace } from './cluster-lookup.ts';

/**
 * The state every founding member begins with, as a snapshot at this place in the log. A member
 * that joins later has nothing at all, and so is sent a snapshot by the leader.
 */
export const genesisIndex = 1;
export const genesisTerm = 1;

export interface BootstrapOptions {
  /** Whose directory it is; the directory id is used only if a new one is made. */
  readonly identity: DirectoryIdentity;
  /** The founding members; for one that joins later, the members it may ask. */
  readonly members: readonly MemberRecord[];
  readonly founding: boolean;
  /** What it knows of cluster versions; by default, what the build that ships does. */
  readonly build?: Build;
  readonly segmentBytes: number;
  /** Times the writes of the log. */
  readonly monotonicMs: () => number;
  /** The log failed while the member ran. */
  readonly walFailed: (error: Error) => void;
}

/** What a member starts from. */
export interface Recovered {
  readonly identity: DirectoryIdentity;
  readonly files: SnapshotFiles;
  readonly wal: Wal;
  readonly machine: Machine;
  readonly raft: RaftRecovery;
  /** Size of the snapshot it was restored from. */
  readonly snapshotBytes: number;
  /** Damage that was survived or cut off, in sentences. */
  readonly warnings: readonly string[];
}

/**
 * Who a directory says that its member is, whatever it was started as; undefined when it is not complete.
 * @throws DataDirectoryError
 */
export function knownPlace(disk: Disk): ClusterPlace | undefined {
  const found = readDataDirectory(disk);
  if (found?.complete !== true) return undefined;
  const { clusterId, memberId } = found.identity;
  return { clusterId, memberId, members: [] };
}

type Ready = (error: Error | undefined, recovered?: Recovered) => void;

/**
 * Makes a new data directory, or reads one back: the newest good snapshot and the log behind it.
 * Everything that is given to `ready` is durable. Errors are sentences for the operator.
 */
export function openDirectory(disk: Disk, options: BootstrapOptions, ready: Ready): void {
  try {
    const found = readDataDirectory(disk);
    if (found?.complete) {
      const { clusterId, memberId, name } = options.identity;
      const { origin } = found.identity;
      const expected = origin === undefined ? { clusterId, memberId, name } : { name };
      checkDataDirectory(disk, found.identity, expected);
      return reopen(disk, { ...options, identity: found.identity }, ready);
    }
    clearUnfinished(disk);
    create(disk, options, ready);
  } catch (error) {
    ready(error instanceof Error ? error : new Error(String(error)));
  }
}

/** The order makes a crash at any point harmless: the directory counts only when it is complete. */
function create(disk: Disk, options: BootstrapOptions, ready: Ready): void {
  const { identity } = options;
  const machine = new Machine(options.members, options.build);
  writeDataDirectory(disk, { identity, complete: false }, (error) => {
    if (error !== undefined) return ready(error);
    try {
      createWith(disk, options, { snapshot: genesis(options), machine }, ready);
    } catch (thrown) {
      ready(asError(thrown));
    }
  });
}

/**
 * Makes the data directory of a member that begins with a state, in a directory that has nothing of a member's. It
 * counts when `ready` has been told: until then it has no identity, and no member starts on it.
 */
export function createWith(
  disk: Disk,
  options: Omit<BootstrapOptions, 'members' | 'founding' | 'build'>,
  state: { readonly snapshot: SnapshotMeta; readonly machine: Machine },
  ready: Ready,
): void {
  const { identity } = options;
  const { snapshot, machine } = state;
  const files = new SnapshotFiles(disk, identity);
  const step =
    (next: () => void): Done =>
    (error) =>
      error === undefined ? next() : ready(error);
  const log = () => {
    const { segmentBytes, monotonicMs, walFailed: onFailure } = options;
    const settings = { segmentBytes, monotonicMs, onFailure };
    createWal(disk, identity, settings, (error, wal) => {
      if (error !== undefined || wal === undefined) return ready(error);
      const hardState = { term: snapshot.term, vote: '', commit: snapshot.index };
      const place = snapshot.index === 0 ? undefined : snapshot;
      wal.append({ entries: [], hardState, snapshot: place }, () => complete(wal, hardState));
    });
  };
  const complete = (wal: Wal, hardState: RaftRecovery['hardState']) => {
    const recovered: Recovered = {
      identity,
      files,
      wal,
      machine,
      raft: { hardState, snapshot, entries: [] },
      snapshotBytes: 0,
      warnings: [],
    };
    writeDataDirectory(
      disk,
      { identity, complete: true },
      step(() => ready(undefined, recovered)),
    );
  };
  saveMachine(files, { snapshot, machine }, step(log));
}

function genesis({ founding, members }: BootstrapOptions): SnapshotMeta {
  if (!founding) return { index: 0, term: 0, membership: emptyMembership };
  const membership = membershipOf(members.map(({ memberId }) => memberId));
  return { index: genesisIndex, term: genesisTerm, membership };
}

function saveMachine(
  files: SnapshotFiles,
  what: { snapshot: SnapshotMeta; machine: Machine },
  done: Done,
): void {
  const writer = files.create(what.snapshot);
  const chunks = what.machine.image().chunks();
  const next = (error?: Error): void => {
    if (error !== undefined) return done(error);
    const chunk = chunks.next();
    if (chunk.done) writer.finish(done);
    else writer.write(chunk.value, next);
  };
  next();
}

function reopen(disk: Disk, options: BootstrapOptions, ready: Ready): void {
  const { identity } = options;
  let machine: Machine | undefined;
  // Verified while it is restored: a large state is read once.
  const files = new SnapshotFiles(disk, identity, (snapshot) => {
    machine = restored(snapshot, options.build);
  });
  const { newest } = files;
  if (newest === undefined || machine === undefined) throw files.damaged[0] ?? noSnapshot(disk);
  const state = machine;
  const snapshot = newest.meta;
  const settings = {
    segmentBytes: options.segmentBytes,
    monotonicMs: options.monotonicMs,
    onFailure: options.walFailed,
    snapshot: { index: snapshot.index, term: snapshot.term },
  };
  openWal(disk, identity, settings, (error, log) => {
    if (error !== undefined || log === undefined) return ready(error);
    const { hardState, entries } = log;
    try {
      checkVersion(log, state.build);
    } catch (thrown) {
      return log.wal.close(() => ready(asError(thrown)));
    }
    ready(undefined, {
      identity,
      files,
      wal: log.wal,
      machine: state,
      raft: {
        hardState: { ...hardState, commit: Math.max(hardState.commit, snapshot.index) },
        snapshot,
        entries,
      },
      snapshotBytes: newest.fileBytes,
      warnings: warningsOf(files, log),
    });
  });
}

function restored(snapshot: SnapshotReader, build = thisBuild): Machine {
  const restorer = Machine.restorer(build);
  for (const chunk of snapshot.chunks()) restorer.push(chunk);
  return restorer.finish();
}

/**
 * An older build must not begin on a log that it would stop at.
 * @throws ClusterVersionError
 */
function checkVersion({ hardState, entries }: RecoveredLog, build: Build): void {
  for (const { index, kind, payload } of entries) {
    if (index > hardState.commit || kind !== 'command') continue;
    const version = raisedVersion(payload);
    if (version !== undefined && version > build.versions.highest) {
      checkFits(build.versions, version);
    }
  }
}

function noSnapshot(disk: Disk): DataDirectoryError {
  return new DataDirectoryError(
    `${disk.location} has no snapshot: the state that its log follows is gone. Restore the ` +
      'directory from a backup, or replace this member: remove it from the cluster and add it anew.',
  );
}

function warningsOf(files: SnapshotFiles, log: RecoveredLog): string[] {
  const warnings = files.damaged.map(({ message }) => `${message} An older snapshot served.`);
  if (log.cut === undefined) return warnings;
  const { file, offset, bytes } = log.cut;
  return [...warnings, `cut ${bytes} bytes of an unfinished write off ${file} at offset ${offset}`];
}
