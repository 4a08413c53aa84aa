import type { Entry } from '../../server/src/core/raft/types.ts';
import type { Disk } from '../../server/src/ports.ts';
import { createWal, openWal, type RecoveredLog } from '../../server/src/storage/wal/open.ts';
import type { Wal, WalOptions, WalWrite } from '../../server/src/storage/wal/wal.ts';
import { result } from './disks.ts';

export const testIdentity = { clusterId: '11', memberId: '22', directoryId: 'directory-of-a-test' };

export function unexpected(error: Error): never {
  throw error;
}

/** An entry whose payload tells it from every other of the same size. */
export function entryOf(index: number, term = 1, bytes = 20): Entry {
  const payload = Uint8Array.from(
    { length: bytes },
    (_, at) => (index * 31 + term * 7 + at) & 0xff,
  );
  return { index, term, kind: index % 5 === 0 ? 'membership' : 'command', payload };
}

export function entriesOf(first: number, last: number, term = 1, bytes = 20): Entry[] {
  const count = Math.max(0, last - first + 1);
  return Array.from({ length: count }, (_, at) => entryOf(first + at, term, bytes));
}

export function newLog(disk: Disk, options: Partial<WalOptions> = {}): Promise<Wal> {
  const all = { segmentBytes: 8192, onFailure: unexpected, ...options };
  return result((done) => createWal(disk, testIdentity, all, done));
}

export function openLog(
  disk: Disk,
  options: Partial<Parameters<typeof openWal>[2]> = {},
): Promise<RecoveredLog> {
  const snapshot = { index: 0, term: 0 };
  const all = { segmentBytes: 8192, onFailure: unexpected, snapshot, ...options };
  return result((done) => openWal(disk, testIdentity, all, done));
}

export function appended(wal: Wal, write: WalWrite): Promise<void> {
  return new Promise((resolve) => {
    wal.append(write, resolve);
  });
}

export function closed(wal: Wal): Promise<void> {
  return new Promise((resolve) => {
    wal.close(resolve);
  });
}
