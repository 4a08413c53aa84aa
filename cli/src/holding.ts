import type { Client } from '@lockstep/client';
import type { Lock } from '@lockstep/locks';
import { describeFailure, exitCodes } from './failure.ts';
import { HeldCommand, signalCode } from './held-command.ts';
import { type Context, print, type StopSignal, stopSignals, warn } from './io.ts';
import { GraceWindow } from './lock-times.ts';
import { json } from './output.ts';
import { withClient } from './session.ts';

/** What the signals of this process mean now; they change their meaning when the lock is held. */
export interface Signals {
  take: (signal: StopSignal) => void;
}

/** Something that is held by turns, and what is done with it. */
export interface Held {
  readonly name: string;
  readonly lock: Lock;
  /** Why its lease has ended; undefined while it has not. */
  leaseEnd(): string | undefined;
}

/** It was not free in time, or not at once. */
export class NotFree extends Error {}

/** A signal came before its turn did. */
class Interrupted extends Error {
  readonly signal: StopSignal;
  constructor(signal: StopSignal) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/**
 * Runs what waits for its turn and then holds something: a signal ends the waiting, and what a command could mean by
 * itself gets other codes.
 */
export async function byTurns(
  context: Context,
  command: readonly string[] | undefined,
  use: (client: Client, waiting: AbortController, signals: Signals) => Promise<number>,
): Promise<number> {
  const { io } = context;
  const waiting = new AbortController();
  const signals: Signals = { take: (signal) => waiting.abort(new Interrupted(signal)) };
  const forget = io.onStop((signal) => signals.take(signal), [...stopSignals, 'SIGHUP', 'SIGQUIT']);
  // Whoever read it may be gone, and the command must not be left without its lock for that.
  io.stderr.on('error', () => {});
  try {
    return await withClient(context, (client) => use(client, waiting, signals), {
      learnEndpoints: true,
      exactlyOnce: true,
    });
  } catch (error) {
    if (error instanceof Interrupted) return signalCode(error.signal);
    if (error instanceof NotFree) {
      warn(io, error.message);
      return exitCodes.notFree;
    }
    // Codes below 121 are the command's.
    if (command === undefined) throw error;
    warn(io, `${describeFailure(error, context).message}\n  the command was not run`);
    return exitCodes.notAsked;
  } finally {
    forget();
  }
}

/** Runs a command while something is held, or prints its key and holds it until a signal comes. */
export async function hold(
  context: Context,
  client: Client,
  held: Held,
  how: {
    readonly signals: Signals;
    readonly command: readonly string[] | undefined;
    readonly graceMs: number;
    readonly env: NodeJS.ProcessEnv;
  },
): Promise<number> {
  const { signals, command } = how;
  const forget = context.io.onStop(
    () => warn(context.io, 'whoever holds a lock is not stopped: it would lose the lock'),
    ['SIGTSTP'],
  );
  try {
    return command === undefined
      ? await holdUntilStopped(context, held, signals)
      : await runUnder(context, held, { ...how, command });
  } finally {
    forget();
    // With the lease, there is nothing left to give back to members that may not answer.
    if (held.leaseEnd() !== undefined) await client.close({ drainMs: 0 });
  }
}

/** Prints the key and holds the lock until a signal comes, or the lock goes. */
async function holdUntilStopped(
  { io, output }: Context,
  held: Held,
  signals: Signals,
): Promise<number> {
  const { name, lock } = held;
  const stopped = new Promise<void>((resolve) => {
    signals.take = () => resolve();
  });
  const { key, token } = lock;
  await print(io, output === 'json' ? json({ name, key, token }) : `${key}\n`);
  await Promise.race([stopped, aborted(lock.lost)]);
  return released(io, held, exitCodes.ok);
}

async function runUnder(
  { io }: Context,
  held: Held,
  how: {
    readonly signals: Signals;
    readonly command: readonly string[];
    readonly graceMs: number;
    readonly env: NodeJS.ProcessEnv;
  },
): Promise<number> {
  const { signals, command, env } = how;
  const { lock } = held;
  const window = new GraceWindow(how.graceMs, () => lock.remainingMs());
  try {
    lock.remainingMs();
    if (lock.lost.aborted) {
      warn(io, `${reasonOf(lock.lost)}; the command was not run`);
      return exitCodes.lockLost;
    }
    const running = new HeldCommand(command, env, (line) => warn(io, line));
    signals.take = (signal) => running.signal(signal);
    let stopped: Promise<void> | undefined;
    const stop = (): void => {
      const graceMs = Math.round(window.leftMs());
      const how =
        graceMs > 0
          ? `asking the command to end, killing it in ${graceMs} ms`
          : 'killing the command';
      warn(io, `${reasonOf(lock.lost)}; ${how}`);
      stopped = running.stop(graceMs);
    };
    lock.lost.addEventListener('abort', stop, { once: true });
    const { exitCode, failure } = await running.ended;
    // The clocks may know what no timer has told yet.
    lock.remainingMs();
    lock.lost.removeEventListener('abort', stop);
    if (stopped !== undefined) {
      await stopped;
      return exitCodes.lockLost;
    }
    if (failure !== undefined) warn(io, `the command could not be run: ${failure}`);
    return await released(io, held, exitCode);
  } finally {
    window.close();
  }
}

/** Releases a lock; what ran under it has ended. @returns the exit code: the given one if the lock was held up to here. */
async function released(
  io: Context['io'],
  { lock, leaseEnd }: Held,
  exitCode: number,
): Promise<number> {
  // Asks the clocks: no timer need have told yet, and after the release there is nothing to ask.
  lock.remainingMs();
  if (lock.lost.aborted) {
    warn(io, reasonOf(lock.lost));
    return exitCodes.lockLost;
  }
  let why: string;
  try {
    if (await lock.release()) return exitCode;
    const ended = leaseEnd();
    if (ended === undefined) {
      warn(io, 'the lock is lost: it was gone before it was released');
      return exitCodes.lockLost;
    }
    why = ended;
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  warn(io, `the lock was not released, and ends with its lease: ${why}`);
  return exitCode;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}
