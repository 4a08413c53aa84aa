import type { Entry, HardState } from '../../core/raft/types.ts';
import type { Disk, Done } from '../../ports.ts';
import { CorruptionError } from '../corruption-error.ts';
import { DataDirectoryError } from '../data-directory-error.ts';
import type { StorageIdentity } from '../identity.ts';
import type { LogPoint } from './batch.ts';
import { LogMap } from './log-map.ts';
import { type Recovery, recoverLog } from './recovery.ts';
import { segmentName, sequenceOf } from './segment.ts';
import { SegmentFiller } from './segment-filler.ts';
import { segmentBytesDefault, Wal, type WalOptions } from './wal.ts';

export interface RecoveredLog {
  readonly wal: Wal;
  readonly hardState: HardState;
  /** What follows the snapshot; the first one's index is one more than the snapshot's. */
  readonly entries: readonly Entry[];
  /** The torn end that was cut off; undefined when the log ended cleanly. */
  readonly cut:
    | { readonly file: string; readonly offset: number; readonly bytes: number }
    | undefined;
  /** The log did not contain the snapshot (it came from another member) and begins anew after it. */
  readonly discarded: boolean;
}

const noState: HardState = { term: 0, vote: '', commit: 0 };

/**
 * Begins a log in a directory that has none.
 * @throws DataDirectoryError if it has one.
 */
export function createWal(
  disk: Disk,
  identity: StorageIdentity,
  options: WalOptions,
  ready: (error: Error | undefined, wal?: Wal) => void,
): void {
  if (disk.list().some((name) => sequenceOf(name) !== undefined)) {
    throw new DataDirectoryError(`${disk.location} already has a log; it is not begun again.`);
  }
  const filler = new SegmentFiller(disk, options.segmentBytes ?? segmentBytesDefault, () => {
    const first = filler.take();
    if (first === undefined) {
      ready(filler.failure ?? new Error('preparing the log was broken off'));
      return;
    }
    const { file, sequence } = first;
    let started = false;
    const onFailure = (error: Error) => (started ? options.onFailure(error) : ready(error));
    const wal = new Wal(
      disk,
      identity,
      { ...options, onFailure },
      {
        active: { sequence, indexMax: 0, file, size: file.size(), end: 0 },
        older: [],
        prepared: undefined,
        map: new LogMap(),
        hardState: noState,
        last: { index: 0, term: 0 },
      },
    );
    wal.append({ entries: [], hardState: noState }, () => {
      started = true;
      ready(undefined, wal);
    });
  });
  filler.prepare(1);
}

/**
 * Reads the log back and repairs its end. `ready` is called when all that was recovered is durable:
 * before that nothing of it may be answered for.
 * @param options.snapshot the snapshot that the state starts from; (0, 0) for none.
 * @throws CorruptionError for damage where the log was durable, or a gap behind the snapshot.
 * @throws DataDirectoryError when there is no log, or another member's.
 */
export function openWal(
  disk: Disk,
  identity: StorageIdentity,
  options: WalOptions & { readonly snapshot: LogPoint },
  ready: (error: Error | undefined, recovered?: RecoveredLog) => void,
): void {
  const { snapshot } = options;
  const recovery = recoverLog(disk, identity, snapshot.index);
  const entries = entriesAfter(disk, recovery, snapshot);
  const opened = repair(disk, recovery, (error) => {
    if (error !== undefined) {
      opened.close();
      ready(error);
      return;
    }
    let started = false;
    const onFailure = (failure: Error) => (started ? options.onFailure(failure) : ready(failure));
    const wal = new Wal(
      disk,
      identity,
      { ...options, onFailure },
      {
        active: { ...lastSegmentOf(recovery), file: opened, size: opened.size() },
        older: recovery.segments.slice(0, -1),
        prepared: preparedOf(disk, recovery),
        map: recovery.map,
        hardState: recovery.hardState,
        last: lastOf(recovery),
      },
    );
    const recovered = {
      wal,
      hardState: clamped(
        recovery.hardState,
        entries?.[entries.length - 1]?.index ?? snapshot.index,
      ),
      entries: entries ?? [],
      cut: cutOf(recovery),
      discarded: entries === undefined,
    };
    const write = { entries: [], snapshot: entries === undefined ? snapshot : undefined };
    wal.append(write, () => {
      started = true;
      ready(undefined, recovered);
    });
  });
}

/** The entries behind the snapshot; undefined when the log is of another history than it. */
function entriesAfter(disk: Disk, recovery: Recovery, snapshot: LogPoint): Entry[] | undefined {
  const { base, entries } = recovery;
  if (snapshot.index < base.index) {
    throw new CorruptionError({
      location: disk.location,
      file: segmentName(recovery.segments[0]?.sequence ?? 0),
      offset: 0,
      what:
        `the log follows entry ${base.index}, but the newest good snapshot ends at entry ` +
        `${snapshot.index}: what is between is in no file`,
    });
  }
  const covered = snapshot.index - base.index;
  if (covered > entries.length) return undefined;
  const term = covered === 0 ? base.term : entries[covered - 1]?.term;
  // A base term of 0 is unknown, and then the log was written behind this snapshot.
  if (term !== snapshot.term && term !== 0) return undefined;
  return entries.slice(covered);
}

/** Zeroes the torn end, removes what is not part of the log, and makes both durable. */
function repair(disk: Disk, recovery: Recovery, done: Done) {
  const { end, contentEnd, leftovers } = recovery;
  const file = disk.open(segmentName(end.sequence), 'write');
  const removeAndSync = () => {
    for (const name of leftovers) disk.remove(name);
    disk.syncDirectory(done);
  };
  // Even a clean end is synced: what was read may have been in the page cache only.
  const sync = () => file.sync((error) => (error === undefined ? removeAndSync() : done(error)));
  if (contentEnd === end.offset) sync();
  else {
    const zeros = new Uint8Array(contentEnd - end.offset);
    file.write(end.offset, zeros, (error) => (error === undefined ? sync() : done(error)));
  }
  return file;
}

function lastSegmentOf(recovery: Recovery) {
  const { sequence, offset } = recovery.end;
  const indexMax = recovery.segments[recovery.segments.length - 1]?.indexMax ?? 0;
  return { sequence, indexMax, end: offset };
}

function preparedOf(disk: Disk, recovery: Recovery) {
  if (!recovery.nextPrepared) return undefined;
  const sequence = recovery.end.sequence + 1;
  return { sequence, file: disk.open(segmentName(sequence), 'write') };
}

function lastOf(recovery: Recovery): LogPoint {
  const { index, term } = recovery.entries[recovery.entries.length - 1] ?? recovery.base;
  return { index, term };
}

/** The batch that held the last entries may have been lost; that they were committed is learned again. */
function clamped(state: HardState, lastIndex: number): HardState {
  return { ...state, commit: Math.min(state.commit, lastIndex) };
}

function cutOf(recovery: Recovery): RecoveredLog['cut'] {
  const { sequence, offset } = recovery.end;
  const bytes = recovery.contentEnd - offset;
  return bytes === 0 ? undefined : { file: segmentName(sequence), offset, bytes };
}
