import type { Client } from '@lockstep/client';
import {
  type FleetStatus,
  type GroupStatus,
  type HostStatus,
  Operator,
} from '@lockstep/reboot-coordinator';
import { coloursOf } from '../colours.ts';
import { exitCodes, UsageError } from '../failure.ts';
import { hostLines } from '../fleet/host-text.ts';
import { StatusChanges } from '../fleet/status-changes.ts';
import { statusLines } from '../fleet/status-lines.ts';
import { statusTables } from '../fleet/status-tables.ts';
import { moment } from '../fleet/time-text.ts';
import { type Context, print } from '../io.ts';
import { ourName } from '../our-identity.ts';
import { json } from '../output.ts';
import { Screen } from '../screen.ts';
import { withClient } from '../session.ts';
import { untilStopped } from './watch.ts';

export interface StatusOptions {
  readonly watch?: boolean;
  readonly group?: string;
}

interface Shown {
  readonly group: string | undefined;
  /** The id of the only host that is shown. */
  readonly host: string | undefined;
}

/** Of each group, unless it is the only one. */
const shownMax = 10;

/** `reboot status [HOST]`: who holds a slot, who waits for one and why, and who is down. */
export async function rebootStatus(
  context: Context,
  host: string | undefined,
  { watch = false, group }: StatusOptions,
): Promise<number> {
  if (host !== undefined && group !== undefined) {
    throw new UsageError('a host and --group exclude each other: give one of them');
  }
  if (watch && context.output === 'table') {
    throw new UsageError('--watch prints no table: use --output simple or json');
  }
  if (watch) {
    return untilStopped(context, async (client, signal) => {
      const operator = operatorOf(client);
      const only = host === undefined ? undefined : await operator.idOf(host, { signal });
      await showUntil(context, operator, { group, host: only }, signal);
      return exitCodes.ok;
    });
  }
  const [status, only] = await withClient(context, async (client) => {
    const operator = operatorOf(client);
    const only = host === undefined ? undefined : await operator.idOf(host);
    return [await operator.status(), only] as const;
  });
  const shown = { group, host: only };
  const { io, output } = context;
  if (output === 'json') await print(io, json(jsonOf(status, shown)));
  else if (output === 'table') await print(io, await statusTables(io, part(status, shown)));
  else await print(io, `${linesOf(context, status, shown).join('\n')}\n`);
  return exitCodes.ok;
}

function operatorOf(client: Client): Operator {
  return new Operator(client, { by: ourName() });
}

/** Redraws a terminal; prints what has changed to anything else. */
async function showUntil(
  context: Context,
  operator: Operator,
  shown: Shown,
  signal: AbortSignal,
): Promise<void> {
  const { io, output } = context;
  const isLive = output === 'simple' && io.stdout.isTTY === true;
  const screen = isLive ? new Screen(io) : undefined;
  const changes = new StatusChanges();
  let last = '';
  try {
    for await (const status of operator.observe({ signal })) {
      if (screen !== undefined) screen.draw(linesOf(context, status, shown));
      else if (output === 'json') {
        const { at, ...value } = jsonOf(status, shown);
        const text = JSON.stringify(value);
        if (text === last) continue;
        last = text;
        await print(io, json({ at, ...value }));
      } else {
        const lines = changes.linesOf(part(status, shown));
        const time = moment(status.at);
        await print(io, lines.map((line) => `${time}  ${line}\n`).join(''));
      }
    }
  } finally {
    screen?.close();
  }
}

function linesOf({ io }: Context, status: FleetStatus, shown: Shown): string[] {
  if (shown.host !== undefined) return hostLines(status, hostIn(status, shown.host));
  const colours = coloursOf(io);
  const max = shown.group === undefined ? shownMax : Number.POSITIVE_INFINITY;
  return statusLines(part(status, shown), { colours, shownMax: max });
}

interface OneHost {
  readonly at: number;
  readonly host: HostStatus;
  readonly group: GroupStatus | undefined;
}
type JsonStatus = FleetStatus | OneHost;

/** What JSON tells: the whole status, or one host and the group that it is in. */
function jsonOf(status: FleetStatus, shown: Shown): JsonStatus {
  if (shown.host === undefined) return part(status, shown);
  const host = hostIn(status, shown.host);
  const group = status.groups.find(({ name }) => name === host.group);
  return { at: status.at, host, group };
}

/** What is about one group or host, with what holds the whole fleet. */
function part(status: FleetStatus, { group, host }: Shown): FleetStatus {
  if (host !== undefined) {
    const one = hostIn(status, host);
    const groups = status.groups.filter(({ name }) => name === one.group);
    return { ...status, groups, hosts: [one] };
  }
  if (group === undefined) return status;
  const groups = status.groups.filter(({ name }) => name === group);
  if (groups.length === 0) {
    const names = status.groups.map(({ name }) => name).join(', ');
    throw new Error(
      `there is no group "${group}"; ${names === '' ? 'there is none yet' : `there are ${names}`}`,
    );
  }
  return { ...status, groups, hosts: status.hosts.filter((one) => one.group === group) };
}

function hostIn(status: FleetStatus, id: string): HostStatus {
  const found = status.hosts.find((one) => one.id === id);
  if (found === undefined) throw new Error(`the host ${id} is no longer there`);
  return found;
}
