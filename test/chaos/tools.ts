import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What this machine lets the faults use; each is what is needed, or why it is not there. */
export interface Tools {
  /** True in namespaces of its own: network, mounts and processes. */
  readonly isInside: boolean;
  readonly mounts: Tool;
  readonly routes: Tool;
  readonly netem: Tool;
  readonly strace: Tool;
  readonly faketime: Tool;
}

export type Tool =
  | { readonly path: string }
  /** Why not; `canBeInstalled` when that is all that is wanting. */
  | { readonly missing: string; readonly canBeInstalled?: true };

const libraries = '/usr/lib';
const library = 'faketime/libfaketimeMT.so.1';

/** Looks for them; inside, it also prepares the own namespaces for the faults. */
export function findTools(isInside: boolean): Tools {
  const outside: Tool = { missing: 'no namespaces of its own, which take unshare and ip' };
  if (isInside) prepare();
  return {
    isInside,
    mounts: isInside ? works('mount', ['--version']) : outside,
    routes: isInside ? routes() : outside,
    netem: isInside ? netem() : outside,
    strace: works('strace', ['-qq', '-o', '/dev/null', 'true']),
    // A member that is killed leaves its shared memory behind, which only an own /dev/shm takes along.
    faketime: isInside ? faketime() : outside,
  };
}

function prepare(): void {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/dev/shm']);
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
}

/** Rules that drop packets have to stand before the one that delivers to this machine. */
function routes(): Tool {
  const before = works('ip', ['rule', 'add', 'pref', '1000', 'lookup', 'local']);
  if ('missing' in before) return before;
  return works('ip', ['rule', 'del', 'pref', '0']);
}

function netem(): Tool {
  const added = works('tc', ['qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']);
  if ('missing' in added) {
    return added.canBeInstalled ? added : { missing: 'the kernel has no netem' };
  }
  return works('tc', ['qdisc', 'del', 'dev', 'lo', 'root']);
}

function faketime(): Tool {
  const folders = ['.', ...(existsSync(libraries) ? readdirSync(libraries) : [])];
  const path = folders.map((folder) => join(libraries, folder, library)).find(existsSync);
  return path === undefined ? absent('libfaketime') : { path };
}

function works(command: string, args: readonly string[]): Tool {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return { path: command };
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isAbsent ? absent(command) : { missing: `${command} may not do its work here` };
  }
}

function absent(what: string): Tool {
  return { missing: `${what} is not installed`, canBeInstalled: true };
}
