/** Data directories are made aside, and take their place when they are whole. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { identityFile } from '../storage/data-directory.ts';

/** Where a data directory is made before it is whole. */
export function unfinishedOf(dataDir: string): string {
  return `${resolve(dataDir)}.unfinished`;
}

/**
 * Refuses to begin a member on a directory whose restore or recovery was broken off: on its own it would be a new,
 * empty member.
 * @throws Error that says what to do.
 */
export function refuseUnfinished(dataDir: string): void {
  const aside = unfinishedOf(dataDir);
  if (!existsSync(aside) || existsSync(join(dataDir, identityFile))) return;
  throw new Error(
    `making the data directory ${resolve(dataDir)} was broken off: ${aside} is what there is of it. Run ` +
      '"lockstep snapshot restore", or "lockstep member recover", again; or remove that directory to begin with nothing',
  );
}

/** An empty directory beside the one that is to be. What an earlier run left there is removed. */
export function beginAside(dataDir: string): string {
  const aside = unfinishedOf(dataDir);
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(aside)) {
    if (!/^(identity|wal-|snapshot-|lock\.|\.writable-)/.test(name)) {
      throw new Error(`${join(aside, name)} is no file of Lockstep: move it away, then try again`);
    }
    rmSync(join(aside, name), { force: true });
  }
  return aside;
}

/** Gives the finished directory its name. What has it now must be empty. */
export function takePlace(aside: string, dataDir: string): void {
  if (existsSync(dataDir)) {
    for (const name of readdirSync(dataDir).filter(isLock)) rmSync(join(dataDir, name));
    rmdirSync(dataDir);
  }
  renameSync(aside, dataDir);
  syncDirectory(dirname(resolve(dataDir)));
}

/** What a member that did not come to start leaves in its directory. */
export function isLock(name: string): boolean {
  return /^lock\.(info|sock)$/.test(name);
}

export function syncDirectory(directory: string): void {
  // Windows cannot sync a directory; NTFS journals its changes by itself.
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
