import { hostname, userInfo } from 'node:os';
import { type Client, InvalidError, LeaseLostError, Session } from '@lockstep/client';
import { checkedName, type Lock, Mutex } from '@lockstep/locks';
import type { WordsAndCommand } from '../command-words.ts';
import { describeFailure, exitCodes, UsageError } from '../failure.ts';
import { HeldCommand, heldEnvironment, signalCode } from '../held-command.ts';
import { holderName } from '../holder-name.ts';
import { type Context, print, type StopSignal, stopSignals, warn } from '../io.ts';
import { GraceWindow, type LockTimeOptions, type LockTimes, lockTimes } from '../lock-times.ts';
import { json, refuseTable } from '../output.ts';
import { durationMs } from '../selection.ts';
import { withClient } from '../session.ts';

export interface LockOptions extends LockTimeOptions {
  readonly wait?: string;
  readonly try?: boolean;
  readonly identity?: string;
}

/** What was asked for, checked. */
interface Wish {
  readonly name: string;
  readonly command: readonly string[] | undefined;
  readonly times: LockTimes;
  /** Undefined for as long as it takes. */
  readonly waitMs: number | undefined;
  /** As it was given, for messages. */
  readonly wait: string | undefined;
  readonly tries: boolean;
  readonly identity: string;
}

/** What the signals of this process mean now; they change their meaning when the lock is held. */
interface Signals {
  take: (signal: StopSignal) => void;
}

interface Held {
  readonly session: Session;
  readonly lock: Lock;
}

/** What a timer of Node can wait: some 24 days. */
const timerMsMax = 2 ** 31 - 1;

/** The lock was not free in time, or not at once. */
class NotFree extends Error {}

/** A signal came before the lock did. */
class Interrupted extends Error {
  readonly signal: StopSignal;
  constructor(signal: StopSignal) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** `lock NAME [-- CMD]`: waits for a lock, and runs a command under it or holds it until Ctrl-C. */
export async function lock(
  context: Context,
  words: WordsAndCommand,
  options: LockOptions,
): Promise<number> {
  const wish = checked(context, words, options);
  const { io } = context;
  const waiting = new AbortController();
  const signals: Signals = { take: (signal) => waiting.abort(new Interrupted(signal)) };
  const forget = io.onStop((signal) => signals.take(signal), [...stopSignals, 'SIGHUP', 'SIGQUIT']);
  // Whoever read it may be gone, and the command must not be left without its lock for that.
  io.stderr.on('error', () => {});
  try {
    const use = (client: Client): Promise<number> =>
      holdFor(context, client, wish, waiting, signals);
    return await withClient(context, use, { learnEndpoints: true, exactlyOnce: true });
  } catch (error) {
    if (error instanceof Interrupted) return signalCode(error.signal);
    if (error instanceof NotFree) {
      warn(io, error.message);
      return exitCodes.notFree;
    }
    // Codes below 121 are the command's.
    if (wish.command === undefined) throw error;
    warn(io, `${describeFailure(error, context).message}\n  the command was not run`);
    return exitCodes.notAsked;
  } finally {
    forget();
  }
}

function checked(
  context: Context,
  { operands, command }: WordsAndCommand,
  options: LockOptions,
): Wish {
  const [name = '', extra] = operands;
  if (extra !== undefined) {
    throw new UsageError(`"${extra}" is too much: a command goes after "--"`);
  }
  checkedName(name);
  if (command === undefined) refuseTable(context, 'lock');
  else if (context.output !== 'simple') {
    throw new UsageError(
      `--output ${context.output} and a command exclude each other: a command prints itself`,
    );
  }
  const { wait, try: tries = false, identity = ourIdentity() } = options;
  if (tries && wait !== undefined) {
    throw new UsageError('--wait and --try exclude each other: give one of them');
  }
  const waitMs = wait === undefined ? undefined : Math.min(durationMs(wait, '--wait'), timerMsMax);
  const times = lockTimes(options, command !== undefined);
  return { name, command, times, waitMs, wait, tries, identity };
}

function ourIdentity(): string {
  return `${userName()}@${hostname()} pid ${process.pid}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.()); // In a container, a user need not have a name.
  }
}

async function holdFor(
  context: Context,
  client: Client,
  wish: Wish,
  waiting: AbortController,
  signals: Signals,
): Promise<number> {
  const { ttl, marginMs } = wish.times;
  const open = (): Promise<Session> =>
    Session.open(client, { ttl, marginMs, signal: waiting.signal });
  const held = await inTurn(context, open, wish, waiting);
  waiting.signal.throwIfAborted();
  const forget = context.io.onStop(
    () => warn(context.io, 'whoever holds a lock is not stopped: it would lose the lock'),
    ['SIGTSTP'],
  );
  try {
    return wish.command === undefined
      ? await holdUntilStopped(context, wish.name, held, signals)
      : await runUnder(context, { ...wish, command: wish.command }, held, signals);
  } finally {
    forget();
    // With the lease, there is nothing left to give back to members that may not answer.
    if (held.session.lost.aborted) await client.close({ drainMs: 0 });
  }
}

/** Waits for the lock; whoever loses the place in the queue with the lease of a session takes another one. */
async function inTurn(
  context: Context,
  open: () => Promise<Session>,
  wish: Wish,
  waiting: AbortController,
): Promise<Held> {
  const { name, wait, waitMs, tries } = wish;
  let session = await open();
  const late = (): void =>
    waiting.abort(new NotFree(`the lock "${name}" was not free within ${wait}`));
  const timer = waitMs === undefined ? undefined : setTimeout(late, waitMs);
  try {
    for (;;) {
      try {
        return { session, lock: await acquired(context, session, wish, waiting) };
      } catch (error) {
        if (tries || !(error instanceof LeaseLostError)) throw error;
        warn(context.io, `the place in the queue is lost, taking another one: ${error.message}`);
      }
      session = await open();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** @throws NotFree; what the signal of `waiting` says; what a call can end in. */
async function acquired(
  { io }: Context,
  session: Session,
  wish: Wish,
  waiting: AbortController,
): Promise<Lock> {
  const { name, identity, tries } = wish;
  const mutex = new Mutex(session, name, { identity });
  const { signal } = waiting;
  const holder = async (): Promise<string> => {
    const { holder } = await mutex.inspect();
    return holder === undefined ? 'somebody has just had it' : `${holderName(holder)} has it`;
  };
  if (tries) {
    const lock = await mutex.tryAcquire({ signal });
    if (lock !== undefined) return lock;
    throw new NotFree(`the lock "${name}" is not free: ${await holder()}`);
  }
  const queued = async (position: number): Promise<void> => {
    const { holder: first, waiting: others } = await mutex.inspect();
    const ours = io.env.LOCKSTEP_LOCK_KEY;
    // What runs under a lock and asks for it again would wait for itself.
    if ([first, ...others].some((one) => one?.key === ours && ours !== undefined)) {
      const why = 'this runs under it already (LOCKSTEP_LOCK_KEY) and would wait for itself';
      waiting.abort(new InvalidError('invalid_params', `the lock "${name}" cannot be had: ${why}`));
    }
    if (io.stderr.isTTY !== true) return;
    warn(io, `waiting for the lock "${name}", ${position} before: ${await holder()}`);
  };
  try {
    return await mutex.acquire({
      signal,
      onQueued: (position) => {
        queued(position).catch(() => {}); // The waiting itself meets whatever is wrong.
      },
    });
  } catch (error) {
    if (!(error instanceof NotFree)) throw error;
    const who = await holder().catch(() => 'nobody answers who has it');
    throw new NotFree(`${error.message}: ${who}`);
  }
}

/** Prints the key and holds the lock until a signal comes, or the lock goes. */
async function holdUntilStopped(
  { io, output }: Context,
  name: string,
  held: Held,
  signals: Signals,
): Promise<number> {
  const { lock } = held;
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
  wish: Wish & { readonly command: readonly string[] },
  held: Held,
  signals: Signals,
): Promise<number> {
  const { name, command, times } = wish;
  const { lock } = held;
  const window = new GraceWindow(times.graceMs, () => lock.remainingMs());
  try {
    lock.remainingMs();
    if (lock.lost.aborted) {
      warn(io, `${reasonOf(lock.lost)}; the command was not run`);
      return exitCodes.lockLost;
    }
    const env = heldEnvironment(name, lock, io.env);
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
  { session, lock }: Held,
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
    if (!session.lost.aborted) {
      warn(io, 'the lock is lost: it was gone before it was released');
      return exitCodes.lockLost;
    }
    why = reasonOf(session.lost);
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

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}
