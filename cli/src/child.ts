import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Ended {
  /** "signal SIGKILL" or "exit code 1". */
  readonly how: string;
  readonly wasReady: boolean;
}

export interface Child {
  readonly pid: number | undefined;
  /** Resolves when the member serves; rejects when it ends before, with the last line it said. */
  readonly ready: Promise<void>;
  readonly ended: Promise<Ended>;
  /** Asks it to stop and waits; kills it when it does not. */
  stop(): Promise<void>;
}

const stopMsMax = 20_000;

/** Runs a command line of this program as a process of its own. */
export function startChild(
  script: string,
  args: readonly string[],
  { line }: { readonly line: (line: string) => void },
): Child {
  const process_ = spawn(process.execPath, [...process.execArgv, script, ...args], {
    // Its greeting is for a person who started it; what it reports comes on standard error.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A group of its own: Ctrl-C reaches this process only, which then stops its children once.
    detached: true,
  });
  let wasReady = false;
  let lastLine = '';
  if (process_.stderr !== null) {
    createInterface({ input: process_.stderr }).on('line', (text) => {
      lastLine = text;
      line(text);
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    process_.once('error', reject);
    // 'close' comes after the last line was read.
    process_.once('close', (code, signal) => {
      resolve({ how: signal === null ? `exit code ${code}` : `signal ${signal}`, wasReady });
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    process_.on('message', () => {
      wasReady = true;
      resolve();
    });
    ended.then(
      ({ how }) => reject(new Error(`a member could not start (${how}): ${lastLine}`)),
      reject,
    );
  });
  // Both are heard by whoever waits for the other one.
  ready.catch(() => {});
  return {
    pid: process_.pid,
    ready,
    ended,
    async stop() {
      if (process_.exitCode !== null || process_.signalCode !== null) return;
      process_.kill('SIGTERM');
      const late = setTimeout(() => process_.kill('SIGKILL'), stopMsMax);
      await ended.catch(() => {});
      clearTimeout(late);
    },
  };
}
