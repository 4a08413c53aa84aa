import type { FleetStatus, GroupStatus, HostStatus } from '@lockstep/reboot-coordinator';
import { showLimit } from '@lockstep/reboot-coordinator/policy';
import type { Io } from '../io.ts';
import { table } from '../table.ts';
import {
  causeOf,
  downText,
  isDown,
  nameOf,
  openingText,
  reasonText,
  safe,
  stepOf,
  versions,
} from './host-text.ts';
import { span } from './time-text.ts';

const groupHead = ['group', 'taken', 'slots', 'limit', 'hosts', 'waiting', 'windows', 'blocked by'];
const holderHead = ['group', 'holder', 'step', 'for', 'slot', 'version', 'reason'];
const waitHead = ['group', 'place', 'waiting', 'for', 'reason', 'why not'];
const downHead = ['group', 'down', 'why'];

/** A table of the groups, of those who hold, who wait and who are down, as far as there are any. */
export async function statusTables(io: Io, status: FleetStatus): Promise<string> {
  const { at, groups, hosts, blocks } = status;
  const holders = hosts.filter(({ grant }) => grant !== undefined);
  const waiting = hosts.filter(({ state }) => state === 'waiting');
  const down = hosts.filter((host) => isDown(host) && host.grant === undefined);
  const fleet = blocks.map((block) => reasonText(block, at));
  const drawn = [
    await table(
      io,
      groupHead,
      groups.map((group) => groupCells(group, fleet, at)),
    ),
  ];
  const add = async (head: readonly string[], rows: readonly (readonly string[])[]) => {
    if (rows.length > 0) drawn.push(await table(io, head, rows));
  };
  await add(
    holderHead,
    holders.map((host) => holderCells(host, at)),
  );
  await add(
    waitHead,
    waiting.map((host) => waitCells(host, at)),
  );
  await add(
    downHead,
    down.map((host) => [safe(host.group), nameOf(host), downText(host, at)]),
  );
  return drawn.join('');
}

function groupCells(group: GroupStatus, fleet: readonly string[], at: number): string[] {
  const { name, policy, taken, slots, hosts, waiting, blocks } = group;
  const why = [...blocks.map((block) => reasonText(block, at)), ...fleet];
  return [
    safe(name),
    ...[taken, slots].map(String),
    policy === undefined ? '' : showLimit(policy.limit),
    ...[hosts, waiting].map(String),
    openingText(group, at),
    why.join('; '),
  ];
}

function holderCells(host: HostStatus, at: number): string[] {
  const { group, since, grant } = host;
  return [
    ...[safe(group), nameOf(host), stepOf(host), span(at - since), safe(grant?.id ?? '')],
    ...[versions(host), causeOf(host)],
  ];
}

function waitCells(host: HostStatus, at: number): string[] {
  const { group, position = 0, since, request, whyNot = [] } = host;
  return [
    ...[safe(group), position === 0 ? '' : String(position), nameOf(host), span(at - since)],
    safe(request?.reason ?? ''),
    whyNot.map((block) => reasonText(block, at)).join('; '),
  ];
}
