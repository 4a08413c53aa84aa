import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atExit, temporaryDirectory } from './processes.ts';

/** A place for data that can be made to run out of room, and given room again. */
export interface SmallDisk {
  readonly directory: string;
  /** How it is done, for the reader of a test's output. */
  readonly kind: string;
  /** From now on nothing grows any more; `pid` is the process that would make it. */
  fill(pid: number): void;
  free(): void;
}

/**
 * A small file system of its own where this user may mount one. Elsewhere a limit on the size of the
 * files that the process may write, which makes the same writes fail for another reason.
 */
export function smallDisk(mebibytes: number): SmallDisk {
  const directory = temporaryDirectory();
  return mounted(directory, mebibytes) ? fileSystem(directory) : sizeLimit(directory);
}

function mounted(directory: string, mebibytes: number): boolean {
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', directory];
    execFileSync('mount', options, { stdio: 'ignore' });
  } catch {
    return false;
  }
  atExit(() => execFileSync('umount', ['-l', directory], { stdio: 'ignore' }));
  return true;
}

function fileSystem(directory: string): SmallDisk {
  const ballast = join(directory, 'ballast');
  return {
    directory,
    kind: 'a full file system',
    fill() {
      const chunk = new Uint8Array(64 * 1024);
      try {
        for (;;) writeFileSync(ballast, chunk, { flag: 'a' });
      } catch (error) {
        const isFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
        if (!isFull) throw error;
      }
    },
    free: () => rmSync(ballast, { force: true }),
  };
}

function sizeLimit(directory: string): SmallDisk {
  return {
    directory,
    kind: 'a limit on the size of files',
    fill(pid) {
      execFileSync('prlimit', ['--pid', String(pid), '--fsize=65536'], { stdio: 'ignore' });
    },
    // The limit goes with the process.
    free: () => {},
  };
}
