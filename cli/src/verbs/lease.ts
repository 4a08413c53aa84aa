import { type Client, LockstepError } from '@lockstep/client';
import { UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { leaseId } from '../lease-id.ts';
import { json, refuseTable } from '../output.ts';
import { wholeNumber } from '../selection.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

export interface LeaseGrantOptions {
  readonly id?: string;
}

/** `lease grant TTL`: a lease of so many seconds. */
export async function leaseGrant(
  context: Context,
  ttl: string,
  options: LeaseGrantOptions,
): Promise<number> {
  if (!/^\d+$/.test(ttl)) {
    throw new UsageError(`the time to live is "${ttl}"; it must be a whole number of seconds`);
  }
  const request = {
    ttl: wholeNumber(ttl, 'the time to live'),
    ...(options.id === undefined ? {} : { id: leaseId(options.id, '--id') }),
  };
  if (request.ttl === 0) throw new UsageError('the time to live is 0; it is in seconds, 1 or more');
  return tell(context, 'lease grant', async (client) => {
    const reply = await client.leases.grant(request);
    return [reply, `lease ${reply.id} granted with TTL(${reply.ttl}s)\n`];
  });
}

/** `lease revoke ID`: ends a lease and deletes its keys. */
export async function leaseRevoke(context: Context, given: string): Promise<number> {
  const id = leaseId(given, 'the lease');
  return tell(context, 'lease revoke', async (client) => {
    const reply = await client.leases.revoke(id);
    return [reply, `lease ${id} revoked\n`];
  });
}

export interface TimeToLiveOptions {
  readonly keys?: boolean;
}

/** `lease timetolive ID`: what is left of it. */
export async function leaseTimeToLive(
  context: Context,
  given: string,
  { keys = false }: TimeToLiveOptions,
): Promise<number> {
  const id = leaseId(given, 'the lease');
  return tell(context, 'lease timetolive', async (client) => {
    const info = await client.leases.timeToLive(id, { keys });
    const head = ['lease', 'granted', 'remaining', ...(keys ? ['keys'] : [])];
    if (info === undefined) {
      const rows = [[id, '', 'expired', ...(keys ? [''] : [])]];
      return [{ id, ttl: -1 }, `lease ${id} already expired\n`, { head, rows }];
    }
    const names = info.keys.map((key) => (typeof key === 'string' ? key : JSON.stringify(key)));
    const times = [`${info.grantedTtl} s`, `${info.ttl} s`];
    const rows = [[id, ...times, ...(keys ? [names.join(' ')] : [])]];
    const attached = keys ? `, attached keys([${names.join(' ')}])` : '';
    const left = `granted with TTL(${info.grantedTtl}s), remaining(${info.ttl}s)`;
    return [info, `lease ${id} ${left}${attached}\n`, { head, rows }];
  });
}

/** `lease list`: the ids of all leases. */
export async function leaseList(context: Context): Promise<number> {
  return tell(context, 'lease list', async (client) => {
    const ids = await client.leases.list();
    const text = [`found ${ids.length} leases`, ...ids, ''].join('\n');
    return [ids, text, { head: ['lease'], rows: ids.map((id) => [id]) }];
  });
}

interface Rows {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Prints an answer in the form that was asked for, of which a table is not always one. */
async function tell(
  context: Context,
  verb: string,
  ask: (client: Client) => Promise<readonly [reply: unknown, text: string, rows?: Rows]>,
): Promise<number> {
  const { io, output } = context;
  if (!withTables.includes(verb)) refuseTable(context, verb);
  return withClient(context, async (client) => {
    const [reply, text, { head, rows } = { head: [], rows: [] }] = await ask(client);
    if (output === 'json') await print(io, json(reply));
    else await print(io, output === 'table' ? await table(io, head, rows) : text);
    return 0;
  });
}

const withTables: readonly string[] = ['lease list', 'lease timetolive'];

export interface KeepAliveOptions {
  readonly once?: boolean;
}

/** `lease keep-alive ID`: renews it each third of its time to live until Ctrl-C, or once. */
export async function leaseKeepAlive(
  context: Context,
  given: string,
  { once = false }: KeepAliveOptions,
): Promise<number> {
  refuseTable(context, 'lease keep-alive');
  const { io, output } = context;
  const id = leaseId(given, 'the lease');
  const stop = new AbortController();
  const { signal } = stop;
  const release = once ? () => {} : io.onStop(() => stop.abort());
  const use = async (client: Client): Promise<number> => {
    for (;;) {
      const ttl = await client.leases.keepAlive(id, { signal });
      const text = `lease ${id} keepalived with TTL(${ttl})\n`;
      await print(io, output === 'json' ? json({ id, ttl }) : text);
      if (once) return 0;
      await pause((ttl * 1_000) / 3, signal);
    }
  };
  try {
    return await withClient(context, use, { learnEndpoints: !once });
  } catch (error) {
    if (signal.aborted) return 0;
    if (once || !(error instanceof LockstepError) || error.code !== 'lease_not_found') throw error;
    await print(io, output === 'json' ? json({ id, ttl: 0 }) : `lease ${id} expired or revoked.\n`);
    return 1;
  } finally {
    release();
  }
}

/** Resolves after a time; rejects when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    function done(): void {
      signal.removeEventListener('abort', abort);
      resolve();
    }
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
