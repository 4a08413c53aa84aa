import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lock } from '@lockstep/locks';
import { startFailure } from './event-command.ts';
import { exitCodes } from './failure.ts';
import type { Io, StopSignal } from './io.ts';

export interface CommandEnd {
  /** What a shell would say: the command's own, or 128 and the number of the signal that ended it. */
  readonly exitCode: number;
  /** Why it did not begin; undefined when it did. */
  readonly failure: string | undefined;
}

const lookMs = 50;

/** A command that runs while a lock is held, with the standard streams of this process. */
export class HeldCommand {
  readonly ended: Promise<CommandEnd>;
  readonly #tell: (line: string) => void;
  #pid: number | undefined;
  #hasEnded = false;

  /** Starts it. @param tell what to do with a line for whoever looks after it. */
  constructor(words: readonly string[], env: NodeJS.ProcessEnv, tell: (line: string) => void) {
    const [file = '', ...args] = words;
    this.#tell = tell;
    this.ended = new Promise((resolve) => {
      let child: ChildProcess;
      try {
        // A group of its own: it is stopped whole, and Ctrl-C reaches it once and through us.
        child = spawn(file, args, { env, stdio: 'inherit', detached: true });
      } catch (error) {
        resolve(notStarted(file, error as NodeJS.ErrnoException)); // Node throws what it has no event for.
        return;
      }
      this.#pid = child.pid;
      child.once('error', (error) => {
        if (child.pid === undefined) resolve(notStarted(file, error));
      });
      child.once('exit', (code, signal) => {
        this.#hasEnded = true;
        const exitCode = signal === null ? (code ?? 1) : signalCode(signal);
        resolve({ exitCode, failure: undefined });
      });
    });
    // A fault of this program must not leave it running without anybody who renews the lock.
    const kill = (): void => this.#send('SIGKILL');
    process.once('exit', kill);
    this.ended.then(
      () => process.off('exit', kill),
      () => {},
    );
  }

  /** Hands a signal to it and to all that it has started, while it runs. */
  signal(signal: StopSignal): void {
    if (!this.#hasEnded) this.#send(signal);
  }

  /** Asks it to end, and kills it after so many milliseconds with all that it has started. Resolves when it has ended. */
  async stop(graceMs: number): Promise<void> {
    const giveUpAt = performance.now() + graceMs;
    if (graceMs > 0) {
      this.#send('SIGTERM');
      this.#send('SIGCONT'); // One that is stopped takes no other signal.
    }
    for (;;) {
      const left = giveUpAt - performance.now();
      if (left <= 0 || !this.#isThere()) break;
      await sleep(Math.min(lookMs, left));
    }
    this.#send('SIGKILL');
    await this.ended;
  }

  /** Whether any process of its group is left. */
  #isThere(): boolean {
    return this.#pid !== undefined && sent(this.#pid, 0) !== 'ESRCH';
  }

  #send(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) return;
    const fault = sent(this.#pid, signal);
    if (fault === undefined || fault === 'ESRCH') return;
    this.#tell(`the command cannot be sent ${signal}: ${fault}; is it another user's by now?`);
  }
}

/** Sends a signal to a process group. @returns the code of what went wrong. */
function sent(group: number, signal: NodeJS.Signals | 0): string | undefined {
  try {
    process.kill(-group, signal);
    return undefined;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** 128 and the number of a signal, as shells have it. */
export function signalCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

function notStarted(file: string, error: NodeJS.ErrnoException): CommandEnd {
  const exitCode = error.code === 'ENOENT' ? exitCodes.notFound : exitCodes.notRunnable;
  return { exitCode, failure: startFailure(file, error) };
}

/** In the names of variables: what a command may run under. */
export type HeldKind = 'LOCK' | 'SEMAPHORE' | 'ELECTION';

/** The environment of a command that runs while something is held: `base`, and what that is. */
export function heldEnvironment(
  kind: HeldKind,
  name: string,
  { key, token }: Pick<Lock, 'key' | 'token'>,
  base: Io['env'],
): NodeJS.ProcessEnv {
  return {
    ...base,
    [`LOCKSTEP_${kind}`]: name,
    [`LOCKSTEP_${kind}_KEY`]: key,
    LOCKSTEP_TOKEN: String(token),
  };
}
