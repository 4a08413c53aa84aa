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

/** The arguments of `unshare` that work here, if any. */
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

/** Runs this program again, inside. @returns its exit code; undefined where that is not possible. */
export async function runInside(args: readonly string[]): Promise<number | undefined> {
  const how = allowed();
  const [node, script] = process.argv;
  if (how === undefined || node === undefined || script === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-chaos-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  const child = spawn('unshare', [...how, node, ...process.execArgv, script, ...args, '--inside'], {
    // It ends when the channel breaks, so it cannot outlive this process.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, TMPDIR: directory },
  });
  const stop = (): void => {
    if (child.connected) child.disconnect();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Inside: ends with whoever started this, and takes its files along. */
export function endWithParent(): void {
  process.once('exit', () => {
    // What is mounted in there is gone with the namespace, and is left to it.
    rmSync(tmpdir(), { recursive: true, force: true });
  });
  process.once('disconnect', () => process.exit(process.exitCode ?? 130));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(130));
  }
}
