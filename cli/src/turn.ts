import { type Client, InvalidError, LeaseLostError, Session } from '@lockstep/client';
import type { Lock, Lockable } from '@lockstep/locks';
import { type HeldKind, heldEnvironment } from './held-command.ts';
import { byTurns, hold, NotFree, reasonOf, type Signals } from './holding.ts';
import { type Context, warn } from './io.ts';
import type { Wish } from './turn-options.ts';

/** Something that many want and few have at a time, as its verb tells of it. */
export interface Contested {
  readonly kind: HeldKind;
  /** As in messages: `the lock "nightly"`. */
  readonly title: string;
  /** Why whoever runs under it already must not wait for it. */
  readonly nested: string;
  in(session: Session): Lockable;
  look(client: Client): Promise<Sight>;
  /** Where one stands who waits, 1 is next. */
  standing(position: number): string;
}

/** What can be seen of it. */
export interface Sight {
  /** Who has it, as the end of a sentence. */
  readonly who: string;
  /** Of those who have it and of those who wait. */
  readonly keys: readonly string[];
}

interface Taken {
  readonly session: Session;
  readonly lock: Lock;
}

/** Waits for a turn, and runs a command meanwhile or holds what it is about until Ctrl-C. @returns the exit code. */
export function takeTurn(context: Context, wish: Wish, contested: Contested): Promise<number> {
  return byTurns(context, wish.command, (client, waiting, signals) =>
    holdFor(context, client, { wish, contested, waiting }, signals),
  );
}

/** A connection may take so long, however little the wait is. */
const connectMsMin = 1_000;

/** One who stands in line. */
interface Waiter {
  readonly wish: Wish;
  readonly contested: Contested;
  readonly waiting: AbortController;
}

async function holdFor(
  context: Context,
  client: Client,
  waiter: Waiter,
  signals: Signals,
): Promise<number> {
  const { wish, contested, waiting } = waiter;
  const { name, command } = wish;
  const { ttl, marginMs, graceMs } = wish.times;
  const { waitMs = Number.POSITIVE_INFINITY } = wish.patience;
  // Nobody who answers is another thing than a lock that is not free, and must not be told from a hurry.
  const timeoutMs = Math.min(context.timeoutMs, Math.max(waitMs, connectMsMin));
  const open = (): Promise<Session> =>
    Session.open(client, { ttl, marginMs, timeoutMs, signal: waiting.signal });
  const { session, lock } = await inTurn(context, open, waiter);
  waiting.signal.throwIfAborted();
  const leaseEnd = (): string | undefined =>
    session.lost.aborted ? reasonOf(session.lost) : undefined;
  const env = heldEnvironment(contested.kind, name, lock, context.io.env);
  return hold(context, client, { name, lock, leaseEnd }, { signals, command, graceMs, env });
}

/** Waits for its turn; whoever loses the place in the queue with the lease of a session takes another one. */
async function inTurn(
  context: Context,
  open: () => Promise<Session>,
  waiter: Waiter,
): Promise<Taken> {
  const { wish, contested, waiting } = waiter;
  const { wait, waitMs } = wish.patience;
  const began = performance.now();
  let session = await open();
  const late = (): void =>
    waiting.abort(new NotFree(`${contested.title} was not free within ${wait}`));
  const leftMs = (waitMs ?? 0) - (performance.now() - began);
  const timer = waitMs === undefined ? undefined : setTimeout(late, Math.max(1, leftMs));
  try {
    for (;;) {
      try {
        return { session, lock: await acquired(context, session, waiter) };
      } catch (error) {
        if (wish.tries || !(error instanceof LeaseLostError)) throw error;
        warn(context.io, `the place in the queue is lost, taking another one: ${error.message}`);
      }
      session = await open();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** @throws NotFree; what the signal of `waiting` says; what a call can end in. */
async function acquired({ io }: Context, session: Session, waiter: Waiter): Promise<Lock> {
  const { wish, contested, waiting } = waiter;
  const { title } = contested;
  const { signal } = waiting;
  const lockable = contested.in(session);
  const look = (): Promise<Sight> => contested.look(session.client);
  if (wish.tries) {
    const lock = await lockable.tryAcquire({ signal });
    if (lock !== undefined) return lock;
    throw new NotFree(`${title} is not free: ${(await look()).who}`);
  }
  const queued = async (position: number): Promise<void> => {
    const { who, keys } = await look();
    const variable = `LOCKSTEP_${contested.kind}_KEY`;
    const ours = io.env[variable];
    if (ours !== undefined && keys.includes(ours)) {
      const why = `this runs under it already (${variable}) and ${contested.nested}`;
      waiting.abort(new InvalidError('invalid_params', `${title} cannot be had: ${why}`));
    }
    if (io.stderr.isTTY !== true) return;
    warn(io, `waiting for ${title}, ${contested.standing(position)}: ${who}`);
  };
  try {
    return await lockable.acquire({
      signal,
      onQueued: (position) => {
        queued(position).catch(() => {}); // The waiting itself meets whatever is wrong.
      },
    });
  } catch (error) {
    if (!(error instanceof NotFree)) throw error;
    const who = await look().then(
      (sight) => sight.who,
      () => 'nobody answers who has it',
    );
    throw new NotFree(`${error.message}: ${who}`);
  }
}
