import { type Client, LeaseLostError } from '@lockstep/client';
import { Election, type Leader, type Term } from '@lockstep/election';
import type { WordsAndCommand } from '../command-words.ts';
import { exitCodes, UsageError } from '../failure.ts';
import { heldEnvironment } from '../held-command.ts';
import { byTurns, hold, NotFree, reasonOf } from '../holding.ts';
import { type Context, print, warn } from '../io.ts';
import { type LockTimeOptions, type LockTimes, lockTimes } from '../lock-times.ts';
import { ourIdentity } from '../our-identity.ts';
import { json } from '../output.ts';
import { checkUse, type WaitTime, waitTime } from '../turn-options.ts';
import { untilStopped } from './watch.ts';

export interface ElectOptions extends LockTimeOptions {
  readonly listen?: boolean;
  readonly wait?: string;
  readonly identity?: string;
  readonly priority?: string;
}

interface Wish {
  readonly name: string;
  readonly value: string;
  readonly times: LockTimes;
  readonly patience: WaitTime;
  readonly identity: string;
  readonly priority: number;
}

/** `elect NAME VALUE [-- CMD]`: waits until it leads, and runs a command or leads until Ctrl-C. */
export async function elect(
  context: Context,
  { operands, command }: WordsAndCommand,
  options: ElectOptions,
): Promise<number> {
  const [name = '', value, extra] = operands;
  checkUse(context, 'elect', { name, extra, command });
  if (options.listen === true) {
    if (value === undefined && command === undefined) return listen(context, name);
    throw new UsageError('--listen takes a name alone: whoever listens is no candidate');
  }
  if (value === undefined) {
    throw new UsageError('a candidate proposes a value: give one, or --listen to see who leads');
  }
  const { wait, identity = ourIdentity() } = options;
  const patience = waitTime(wait);
  const priority = priorityOf(options.priority);
  const times = lockTimes(options, command !== undefined);
  const wish = { name, value, times, patience, identity, priority };
  return byTurns(context, command, async (client, waiting, signals) => {
    const lock = await elected(context, client, wish, waiting);
    const leaseEnd = (): string | undefined =>
      lock.endedBy === 'loss' ? reasonOf(lock.lost) : undefined;
    const env = heldEnvironment('ELECTION', name, lock, context.io.env);
    const { graceMs } = times;
    return hold(context, client, { name, lock, leaseEnd }, { signals, command, graceMs, env });
  });
}

function priorityOf(given = '0'): number {
  const priority = Number(given);
  if (/^-?\d+$/.test(given) && Number.isSafeInteger(priority)) return priority;
  throw new UsageError(`--priority is "${given}"; it must be a whole number`);
}

/** Waits until it leads; a candidate that loses its lease meanwhile stands again. */
async function elected(
  { io }: Context,
  client: Client,
  wish: Wish,
  waiting: AbortController,
): Promise<Term> {
  const { name, value, times, identity, priority } = wish;
  const { wait, waitMs } = wish.patience;
  const { ttl, marginMs } = times;
  const election = new Election(client, name, { value, identity, priority, ttl, marginMs });
  const late = (): void => waiting.abort(new NotFree(`"${name}" was not to be led within ${wait}`));
  const timer = waitMs === undefined ? undefined : setTimeout(late, waitMs);
  const { signal } = waiting;
  try {
    for (;;) {
      try {
        const term = await election.campaign({ signal });
        signal.throwIfAborted();
        return term;
      } catch (error) {
        if (!(error instanceof LeaseLostError)) throw error;
        warn(io, `the place in the line is lost, taking another one: ${error.message}`);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Prints each leader, and what it proclaims, until Ctrl-C. */
async function listen(context: Context, name: string): Promise<number> {
  return untilStopped(context, async (client, signal) => {
    // It waits for a member for ever; the first one should be there, or be missed aloud.
    await client.status(undefined, { signal });
    for await (const leader of new Election(client, name).observe({ signal })) {
      await tell(context, name, leader);
    }
    return exitCodes.ok;
  });
}

async function tell({ io, output }: Context, name: string, leader?: Leader): Promise<void> {
  if (output === 'json') {
    await print(io, json({ name, leader: leader === undefined ? null : described(leader) }));
    return;
  }
  if (leader === undefined) warn(io, `nobody leads "${name}"`);
  else await print(io, `${leader.key}\n${leader.value}\n`);
}

function described({ key, token, lease, identity, value }: Leader): object {
  return { key, token, lease, identity, value };
}
