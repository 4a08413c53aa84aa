/**
 * A run in namespaces of its own: what it does to networks, mounts and processes stays there, and whatever becomes of
 * it, the kernel ends and removes all of that with its first process.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const own = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child=KILL'];
/** Without rights on this machine, they may be had in a namespace of users. */
const attempts = [own, ['--user', '--map-root-user', ...own]];

/** The arguments of `unshare` that work here, if any. Without `ip` the new network has not even a loopback. */
function allowed(): readonly string[] | undefined {
  return attempts.find((args) => {
    try {
      execFileSync('unshare', [...args, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/** Where the program runs: in namespaces of its own, or, where they are not allowed, in a process group of its own. */
export type Inside = 'namespaces' | 'group';

/**
 * Runs this program again, inside. This process stays as its guard: when the other ends, nothing of it is left, and when this
 * one ends, so does the other.
 * @returns its exit code.
 */
export async function runInside(args: readonly string[]): Promise<number> {
  const how = allowed();
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-chaos-'));
  const program = [...process.execArgv, process.argv[1] ?? '', ...args];
  const [command = '', ...rest] =
    how === undefined
      ? [process.execPath, ...program, '--inside', 'group']
      : ['unshare', ...how, process.execPath, ...program, '--inside', 'namespaces'];
  const child = spawn(command, rest, {
    // It ends when the channel breaks, so it cannot outlive this process.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, TMPDIR: directory },
    detached: true,
  });
  process.once('exit', () => {
    endGroup(child.pid);
    rmSync(directory, { recursive: true, force: true });
  });
  const stop = (): void => {
    if (child.connected) child.disconnect();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Members that were stopped in their tracks cannot see that nobody is there any more. */
function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** Inside: ends with whoever started this, and takes its files along. */
export function endWithParent(): void {
  process.once('exit', () => {
    try {
      rmSync(tmpdir(), { recursive: true, force: true });
    } catch {
      // Members that are about to end still write there; the guard has the last word.
    }
  });
  process.once('disconnect', () => process.exit(process.exitCode ?? 130));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(130));
  }
}
