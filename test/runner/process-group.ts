import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Servants such as esbuild, which tsx starts, need a moment to see that their master is gone. */
const graceMs = 2000;
const lookEveryMs = 20;

/** @returns the commands that are still running after a moment of grace; they are ended. */
export async function endProcessGroup(leader: number): Promise<string[]> {
  for (let waited = 0; waited < graceMs && isThere(leader); waited += lookEveryMs) {
    await sleep(lookEveryMs);
  }
  const left = isThere(leader) ? commandsOf(leader) : [];
  killProcessGroup(leader);
  return left;
}

export function killProcessGroup(leader: number): void {
  signal(leader, 'SIGKILL');
}

function isThere(leader: number): boolean {
  return signal(leader, 0);
}

function signal(leader: number, what: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, what);
    return true;
  } catch {
    return false;
  }
}

/** Linux tells the group of each process; what has ended and waits to be reaped does not count. */
function commandsOf(leader: number): string[] {
  return numbersIn('/proc').flatMap((pid) => {
    const [state, , group] = read(`/proc/${pid}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ');
    if (Number(group) !== leader || state === 'Z') return [];
    return [read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()];
  });
}

function numbersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
