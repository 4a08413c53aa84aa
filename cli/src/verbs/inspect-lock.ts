import type { LeaseInfo } from '@lockstep/client';
import {
  checkedName,
  type LockHolder,
  type LockQueue,
  inspectMutex as queueOf,
} from '@lockstep/locks';
import { exitCodes } from '../failure.ts';
import { holderName } from '../holder-name.ts';
import { type Context, print } from '../io.ts';
import { json } from '../output.ts';
import { printable } from '../printable.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

/** How long the lease of a holder still lives, in seconds; undefined when it has none, or it has just ended. */
type Lives = Pick<LeaseInfo, 'ttl' | 'grantedTtl'> | undefined;

/** `inspect lock NAME`: who has it and who waits. */
export async function inspectLock(context: Context, name: string): Promise<number> {
  checkedName(name);
  const { io, output } = context;
  const [queue, lives] = await withClient(context, async (client) => {
    const queue = await queueOf(client, name);
    const { holder } = queue;
    const lives = holder === undefined ? undefined : await client.leases.timeToLive(holder.lease);
    return [queue, lives] as const;
  });
  if (output === 'json') await print(io, json(reply(name, queue, lives)));
  else if (output === 'table') await print(io, await table(io, head, rows(queue, lives)));
  else await print(io, sentences(name, queue, lives));
  return exitCodes.ok;
}

function reply(name: string, { holder, waiting }: LockQueue, lives: Lives): object {
  const times = lives === undefined ? {} : { ttl: lives.ttl, grantedTtl: lives.grantedTtl };
  return { name, holder: holder === undefined ? null : { ...holder, ...times }, waiting };
}

const head = ['place', 'identity', 'token', 'lease', 'remaining'];

function rows({ holder, waiting }: LockQueue, lives: Lives): string[][] {
  if (holder === undefined) return [['free', '', '', '', '']];
  const row = (place: string, one: LockHolder, remaining: string): string[] => [
    ...[place, printable(Buffer.from(one.identity)), String(one.token)],
    ...[one.lease, remaining],
  ];
  return [
    row('holder', holder, lives === undefined ? '' : `${lives.ttl} s`),
    ...waiting.map((one, at) => row(String(at + 1), one, '')),
  ];
}

function sentences(name: string, { holder, waiting }: LockQueue, lives: Lives): string {
  const shown = quoted(name);
  if (holder === undefined) return `the lock ${shown} is free\n`;
  const rows = [
    `the lock ${shown} is held by ${holderName(holder)}`,
    `  token ${holder.token}, ${leaseOf(holder, lives)}`,
    ...(waiting.length === 0 ? [] : [`${waiting.length} waiting, next first:`]),
    ...waiting.map((one) => `  ${holderName(one)}, token ${one.token}, lease ${one.lease}`),
  ];
  return `${rows.join('\n')}\n`;
}

function leaseOf({ lease }: LockHolder, lives: Lives): string {
  if (lives === undefined) return `lease ${lease}, which has just ended`;
  return `lease ${lease}, which lives for ${lives.ttl} s of ${lives.grantedTtl} s if it is not renewed`;
}

function quoted(name: string): string {
  return `"${printable(Buffer.from(name))}"`;
}
