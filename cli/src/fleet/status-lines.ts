import type { FleetStatus, GroupStatus, HostStatus } from '@lockstep/reboot-coordinator';
import { showLimit } from '@lockstep/reboot-coordinator/policy';
import type { Colours } from '../colours.ts';
import {
  causeOf,
  downText,
  isDown,
  nameOf,
  openingText,
  ownReasons,
  reasonText,
  safe,
  stepOf,
  versions,
} from './host-text.ts';
import { span } from './time-text.ts';

export interface StatusView {
  readonly colours: Colours;
  /** So many of each group's queue, and of those that are down, are shown. */
  readonly shownMax: number;
}

/** A fleet for people: of each group who holds, who waits and why, who is down. */
export function statusLines(status: FleetStatus, view: StatusView): string[] {
  const byGroup = new Map<string, HostStatus[]>();
  for (const host of status.hosts) {
    const hosts = byGroup.get(host.group);
    if (hosts === undefined) byGroup.set(host.group, [host]);
    else hosts.push(host);
  }
  return [
    ...fleetLines(status, view),
    ...status.groups.flatMap((group) => [
      '',
      ...groupLines(status, group, byGroup.get(group.name) ?? [], view),
    ]),
  ];
}

function fleetLines(
  { policy, hosts, groups, blocks, at }: FleetStatus,
  view: StatusView,
): string[] {
  const { colours } = view;
  const holding = hosts.filter(({ grant }) => grant !== undefined).length;
  const waiting = hosts.filter(({ state }) => state === 'waiting').length;
  const down = hosts.filter(isDown).length;
  const parts = [
    count(hosts.length, 'host'),
    count(groups.length, 'group'),
    `${holding} hold${holding === 1 ? 's' : ''} a slot`,
    `${waiting} wait${waiting === 1 ? 's' : ''}`,
    ...(down === 0 ? [] : [colours.red(`${down} down`)]),
    ...(policy.limit === undefined ? [] : [`limit ${showLimit(policy.limit)}`]),
    ...(policy.zoneLimit === undefined ? [] : [`${showLimit(policy.zoneLimit)} a zone`]),
  ];
  const lines = [`${colours.bold('the fleet')}: ${parts.join(', ')}`];
  if (groups.length === 0) {
    lines.push('  no group is declared: lockstep reboot groups set web --limit 1');
  }
  for (const block of blocks) {
    lines.push(colours.yellow(`  nothing is granted: ${reasonText(block, at)}`));
  }
  return lines;
}

function groupLines(
  status: FleetStatus,
  group: GroupStatus,
  hosts: readonly HostStatus[],
  view: StatusView,
): string[] {
  const { colours, shownMax } = view;
  const { at } = status;
  const parts = [
    `${group.taken} of ${group.slots} slots taken`,
    count(group.hosts, 'host'),
    openingText(group, at),
    ...(group.isBreakerOpen ? [colours.red('breaker open')] : []),
    ...(group.paused === undefined ? [] : [colours.yellow('paused')]),
  ];
  const lines = [`${colours.bold(safe(group.name))}: ${parts.join(', ')}`];
  for (const block of group.blocks) {
    lines.push(colours.yellow(`  nothing is granted: ${reasonText(block, at)}`));
  }
  const holders = hosts.filter(({ grant }) => grant !== undefined);
  lines.push(...aligned(holders.map((host) => holderCells(host, at))));
  const waiting = hosts.filter(({ state }) => state === 'waiting');
  const isHeld = group.blocks.length > 0 || status.blocks.length > 0;
  const shown = waiting.slice(0, shownMax);
  lines.push(
    ...aligned(
      shown.map((host) => {
        const own = ownReasons(status, host).map((block) => reasonText(block, at));
        if (isHeld) own.push('held as told above');
        const place = host.position === undefined ? '-' : `${host.position}.`;
        return [place, nameOf(host), `waits for ${span(at - host.since)}:`, own.join('; ')];
      }),
    ),
  );
  if (waiting.length > shown.length) {
    lines.push(`  and ${waiting.length - shown.length} more wait: ${more(group)}`);
  }
  // Who waits and is silent is told so among those who wait.
  const isToldAbove = ({ grant, state }: HostStatus) => grant !== undefined || state === 'waiting';
  const down = hosts.filter((host) => isDown(host) && !isToldAbove(host));
  const shownDown = down.slice(0, shownMax);
  lines.push(
    ...aligned(shownDown.map((host) => [colours.red('down'), nameOf(host), downText(host, at)])),
  );
  if (down.length > shownDown.length) {
    lines.push(`  and ${down.length - shownDown.length} more are down: ${more(group)}`);
  }
  return lines;
}

function more({ name }: GroupStatus): string {
  return `lockstep reboot status --group ${safe(name)}`;
}

function holderCells(host: HostStatus, at: number): string[] {
  const since = `for ${span(at - host.since)}`;
  return [stepOf(host), nameOf(host), since, versions(host), causeOf(host)];
}

/** Columns under each other, indented, the last one as long as it is. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) =>
    `  ${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')}`.trimEnd(),
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
