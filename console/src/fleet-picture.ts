import type {
  FleetStatus,
  GroupStatus,
  HostState,
  HostStatus,
} from '@lockstep/reboot-coordinator/policy';
import { hostStates } from '@lockstep/reboot-coordinator/policy';

/** What is to be said of a host whatever state it is in. */
export const marks = ['absent', 'paused', 'quarantined'] as const;
export type Mark = (typeof marks)[number];
export type Sign = HostState | Mark;

export const signs: readonly Sign[] = [...hostStates, ...marks];

interface Face {
  /** One character, so that nothing is told by its colour alone. */
  readonly symbol: string;
  readonly word: string;
}

export const faces: Readonly<Record<Sign, Face>> = {
  idle: { symbol: '–', word: 'idle' },
  waiting: { symbol: 'W', word: 'waiting' },
  granted: { symbol: 'G', word: 'granted' },
  draining: { symbol: 'D', word: 'draining' },
  rebooting: { symbol: 'R', word: 'rebooting' },
  verifying: { symbol: 'V', word: 'verifying' },
  overdue: { symbol: 'O', word: 'overdue' },
  failed: { symbol: 'F', word: 'failed' },
  done: { symbol: '✓', word: 'done' },
  absent: { symbol: '?', word: 'agent not connected' },
  paused: { symbol: 'P', word: 'paused' },
  quarantined: { symbol: '!', word: 'quarantined' },
};

export interface GroupPicture {
  readonly status: GroupStatus;
  /** By name, whatever they do: a cell stays where it is while its state changes. */
  readonly hosts: readonly HostStatus[];
}

/** A status as the page shows it. */
export interface FleetPicture {
  readonly status: FleetStatus;
  readonly groups: readonly GroupPicture[];
  /** How many hosts have a sign. */
  readonly counts: ReadonlyMap<Sign, number>;
  readonly hosts: ReadonlyMap<string, HostStatus>;
}

export function pictureOf(status: FleetStatus): FleetPicture {
  const counts = new Map<Sign, number>();
  const hosts = new Map<string, HostStatus>();
  const byGroup = new Map<string, HostStatus[]>(status.groups.map(({ name }) => [name, []]));
  for (const host of status.hosts) {
    hosts.set(host.id, host);
    byGroup.get(host.group)?.push(host);
    for (const sign of signsOf(host)) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  }
  const groups = status.groups.map((group) => ({
    status: group,
    hosts: byName(byGroup.get(group.name) ?? []),
  }));
  return { status, groups, counts, hosts };
}

export function nameOf({ name, id }: HostStatus): string {
  return name ?? id;
}

/** Its state first. */
export function signsOf(host: HostStatus): readonly Sign[] {
  return [host.state, ...marksOf(host)];
}

export function marksOf(host: HostStatus): readonly Mark[] {
  const { isAlive, paused, isQuarantined } = host;
  if (isAlive && paused === undefined && !isQuarantined) return none;
  return [
    ...(isAlive ? [] : (['absent'] as const)),
    ...(paused === undefined ? [] : (['paused'] as const)),
    ...(isQuarantined ? (['quarantined'] as const) : []),
  ];
}

const none: readonly Mark[] = [];

/** `web-2` before `web-10`. */
function byName(hosts: readonly HostStatus[]): readonly HostStatus[] {
  return hosts
    .map((host) => ({ host, order: orderOf(nameOf(host)) }))
    .sort((a, b) =>
      a.order < b.order ? -1 : a.order > b.order ? 1 : a.host.id < b.host.id ? -1 : 1,
    )
    .map(({ host }) => host);
}

/** Its numbers at one width, so that text compares as they do. */
function orderOf(name: string): string {
  return name.replace(/\d+/g, (digits) => digits.padStart(12, '0'));
}
