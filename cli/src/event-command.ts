import { type ChildProcess, spawn } from 'node:child_process';
import type { WatchEvent } from '@lockstep/client';
import { eventEnvironment } from './event-environment.ts';
import type { Io, StopSignal } from './io.ts';

/** A command that is run for events, one after the other. */
export class EventCommand {
  readonly #words: readonly string[];
  readonly #env: Io['env'];
  #child: ChildProcess | undefined;
  #signals = 0;

  constructor(words: readonly string[], env: Io['env']) {
    this.#words = words;
    this.#env = env;
  }

  /**
   * Runs it for an event and waits until it has ended; the value is its standard input, and its
   * output goes where that of this process goes. @returns how it failed; undefined when it did not.
   */
  run(event: WatchEvent): Promise<string | undefined> {
    const [file = '', ...args] = this.#words;
    return new Promise((resolve) => {
      const child = spawn(file, args, {
        env: eventEnvironment(event, this.#env),
        stdio: ['pipe', 'inherit', 'inherit'],
        // A group of its own: Ctrl-C reaches it, and all that it runs, once and through us.
        detached: true,
      });
      this.#child = child;
      const end = (how: string | undefined): void => {
        this.#child = undefined;
        resolve(how);
      };
      child.once('error', (error: NodeJS.ErrnoException) => {
        if (child.pid === undefined) end(startFailure(file, error));
      });
      // Not 'close': what it left in the background may hold its output open for ever.
      child.once('exit', (code, signal) => {
        if (code === 0) end(undefined);
        else end(signal === null ? `exit code ${code}` : `signal ${signal}`);
      });
      child.stdin?.on('error', () => {}); // It need not read the value.
      child.stdin?.end(event.kv.valueBytes);
    });
  }

  /**
   * Hands a signal to the command that runs, if any; the second one kills it.
   * @returns whether it may go on for a while.
   */
  stop(signal: StopSignal): boolean {
    this.#signals++;
    const pid = this.#child?.pid;
    if (pid === undefined) return false;
    const kills = this.#signals > 1;
    try {
      process.kill(-pid, kills ? 'SIGKILL' : signal);
    } catch {
      return false; // It has just ended.
    }
    return !kills;
  }
}

/** Why a program could not be started. */
export function startFailure(file: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `there is no program "${file}"`;
  if (code === 'EACCES') return `"${file}" may not be run`;
  if (code === 'E2BIG') return 'its arguments and environment are too large for this system';
  return message;
}
