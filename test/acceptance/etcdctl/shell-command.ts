import { type ChildProcess, spawn } from 'node:child_process';
import { atExit } from '../../harness/processes.ts';

/** One line of the script: what is typed, and what must be seen. */
export interface ShellCommand {
  /** For `sh -c`, with ETCDCTL_ENDPOINTS set and `$LEASE`, `$FOLLOWER` where an earlier row or the cluster gave them. */
  readonly line: string;
  /** All that it prints on both outputs, without the log lines of etcdctl's own client. */
  readonly prints: string | RegExp;
  /** Its exit code; default 0. A command that goes on by itself has none: it is interrupted when it has printed that. */
  readonly exits?: number | 'never';
  /** Run beside a command that goes on, when its output matches the first of the pair. */
  readonly meanwhile?: readonly [seen: RegExp, line: string];
  /** Names what the first group of `prints` matched. */
  readonly saves?: string;
  /** Not on a cluster with so many members. */
  readonly notWith?: number;
}

export interface Printed {
  readonly output: string;
  readonly code: number | null;
}

const patienceMs = 20_000;
const isOwnLog = (line: string): boolean => /^\{"level":|^WARNING: \d{4}\//.test(line);

const live = new Set<ChildProcess>();
atExit(() => {
  for (const child of live) child.kill('SIGKILL');
});

/** Runs one line of a shell; `enough` says when one that goes on by itself is interrupted. */
export function runShell(
  line: string,
  variables: Readonly<Record<string, string>>,
  look: (output: string) => 'go on' | 'interrupt' = () => 'go on',
): Promise<Printed> {
  const child = spawn('sh', ['-c', line], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what the shell has started is interrupted with it.
    detached: true,
  });
  live.add(child);
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, name);
  };
  let raw = '';
  const output = (): string =>
    raw
      .split('\n')
      .filter((each) => !isOwnLog(each))
      .join('\n');
  const giveUp = setTimeout(() => signal('SIGKILL'), patienceMs);
  let isInterrupted = false;
  for (const source of [child.stdout, child.stderr]) {
    source.setEncoding('utf8').on('data', (text: string) => {
      raw += text;
      if (isInterrupted || look(output()) === 'go on') return;
      isInterrupted = true;
      signal('SIGINT');
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(giveUp);
      live.delete(child);
      resolve({ output: output(), code });
    });
  });
}
