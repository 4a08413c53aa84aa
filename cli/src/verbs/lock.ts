import { type Client, InvalidError, LeaseLostError, Session } from '@lockstep/client';
import { checkedName, type Lock, Mutex } from '@lockstep/locks';
import type { WordsAndCommand } from '../command-words.ts';
import { UsageError } from '../failure.ts';
import { heldEnvironment } from '../held-command.ts';
import { holderName } from '../holder-name.ts';
import { byTurns, hold, NotFree, reasonOf, type Signals } from '../holding.ts';
import { type Context, warn } from '../io.ts';
import { type LockTimeOptions, type LockTimes, lockTimes } from '../lock-times.ts';
import { ourIdentity } from '../our-identity.ts';
import { refuseTable } from '../output.ts';
import { durationMs } from '../selection.ts';

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

interface Taken {
  readonly session: Session;
  readonly lock: Lock;
}

/** What a timer of Node can wait: some 24 days. */
const timerMsMax = 2 ** 31 - 1;

/** `lock NAME [-- CMD]`: waits for a lock, and runs a command under it or holds it until Ctrl-C. */
export async function lock(
  context: Context,
  words: WordsAndCommand,
  options: LockOptions,
): Promise<number> {
  const wish = checked(context, words, options);
  return byTurns(context, wish.command, (client, waiting, signals) =>
    holdFor(context, client, wish, waiting, signals),
  );
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

async function holdFor(
  context: Context,
  client: Client,
  wish: Wish,
  waiting: AbortController,
  signals: Signals,
): Promise<number> {
  const { name, command } = wish;
  const { ttl, marginMs, graceMs } = wish.times;
  const open = (): Promise<Session> =>
    Session.open(client, { ttl, marginMs, signal: waiting.signal });
  const { session, lock } = await inTurn(context, open, wish, waiting);
  waiting.signal.throwIfAborted();
  const leaseEnd = (): string | undefined =>
    session.lost.aborted ? reasonOf(session.lost) : undefined;
  const env = heldEnvironment(name, lock, context.io.env);
  return hold(context, client, { name, lock, leaseEnd }, { signals, command, graceMs, env });
}

/** Waits for the lock; whoever loses the place in the queue with the lease of a session takes another one. */
async function inTurn(
  context: Context,
  open: () => Promise<Session>,
  wish: Wish,
  waiting: AbortController,
): Promise<Taken> {
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
