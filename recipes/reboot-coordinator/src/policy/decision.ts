import {
  type Block,
  type Circumstances,
  fleetBlocks,
  groupBlocks,
  hostBlocks,
  memberBlock,
  zoneBlock,
} from './blocks.ts';
import type { Fleet } from './fleet.ts';
import type { FleetGroup } from './fleet-group.ts';
import { type FleetHost, useOf } from './fleet-host.ts';
import { compareWaiting, type Waiting } from './line.ts';
import { policyDefaults } from './records.ts';

/** A slot for a host, and until when it is good. */
export interface Granting {
  readonly host: FleetHost;
  readonly startBy: number;
  readonly rebootBy?: number;
}

export interface Decision {
  readonly grants: readonly Granting[];
  /** When something changes by the time alone; undefined when nothing does. */
  readonly wakeAt: number | undefined;
}

/** More wait for the next decision: each grant is a few operations of one transaction. */
export const grantsMax = 16;

/**
 * Who shall have a slot now. What it costs grows with the groups and zones, and not with the hosts that wait: it looks at the
 * first in each line only.
 */
export function decide(fleet: Fleet, what: Circumstances): Decision {
  const grants: Granting[] = [];
  const undo: (() => void)[] = [];
  let wakeAt: number | undefined;
  const wake = (at: number | undefined): void => {
    if (at !== undefined) wakeAt = Math.min(wakeAt ?? at, at);
  };
  const closed = new Set<FleetGroup>();
  const waiting = [...fleet.groups.values()].filter((group) => {
    wake(fleet.wake(group, what.now));
    return [...group.lines.values()].some(({ length }) => length > 0);
  });
  try {
    while (grants.length < grantsMax && waiting.length > closed.size) {
      const held = fleetBlocks(fleet, what);
      for (const { until } of held) wake(until);
      if (held.length > 0) break;
      const next = nextOf(fleet, { waiting, closed, what, wake });
      if (next === undefined) break;
      const { group, host, one } = next;
      grants.push({ host, ...times(fleet, group, what.now) });
      undo.push(taking(fleet, { group, host, one, now: what.now }));
    }
  } finally {
    for (const back of undo.reverse()) back();
  }
  return { grants, wakeAt };
}

interface Search {
  readonly waiting: readonly FleetGroup[];
  /** Groups in which there is nothing more to grant. */
  readonly closed: Set<FleetGroup>;
  readonly what: Circumstances;
  readonly wake: (at: number | undefined) => void;
}

interface Candidate {
  readonly group: FleetGroup;
  readonly host: FleetHost;
  readonly one: Waiting;
}

/** Of the first in all lines, whose turn it is. */
function nextOf(fleet: Fleet, { waiting, closed, what, wake }: Search): Candidate | undefined {
  let best: Candidate | undefined;
  for (const group of waiting) {
    if (closed.has(group)) continue;
    const blocks = groupBlocks(fleet, group, what);
    for (const { until } of blocks) wake(until);
    const first = blocks.length > 0 ? undefined : firstOf(fleet, group, what);
    if (first === undefined) closed.add(group);
    else if (best === undefined || goesBefore(first, best)) best = first;
  }
  return best;
}

/** The first of a group whose zone has room. Hosts with members of the store are few, and let others pass. */
function firstOf(fleet: Fleet, group: FleetGroup, what: Circumstances): Candidate | undefined {
  let best: Candidate | undefined;
  for (const [zone, line] of group.lines) {
    if (line.length === 0 || zoneBlock(fleet, zone === '' ? undefined : zone) !== undefined)
      continue;
    for (const one of line) {
      const host = group.hosts.get(one.host);
      if (host === undefined || memberBlock(fleet, host, what) !== undefined) continue;
      const candidate = { group, host, one };
      if (best === undefined || compareWaiting(one, best.one) < 0) best = candidate;
      break;
    }
  }
  return best;
}

function goesBefore(a: Candidate, b: Candidate): boolean {
  const of = ({ group }: Candidate): number => group.policy?.priority ?? 0;
  if (a.one.isOrdered !== b.one.isOrdered) return a.one.isOrdered;
  return of(a) === of(b) ? compareWaiting(a.one, b.one) < 0 : of(a) > of(b);
}

function times(fleet: Fleet, group: FleetGroup, now: number): Omit<Granting, 'host'> {
  const { startWithinMs = policyDefaults.startWithinMs } = group.policy ?? {};
  const window = group.opening(fleet.schedule, now);
  const rebootBy = window.isOpen ? window.until : now;
  const startBy = Math.min(now + startWithinMs, rebootBy ?? Number.POSITIVE_INFINITY);
  return { startBy, ...(rebootBy === undefined ? {} : { rebootBy }) };
}

/** Counts the slot as taken for the rest of this decision. @returns what takes that back. */
function taking(
  fleet: Fleet,
  { group, host, one, now }: Candidate & { readonly now: number },
): () => void {
  const { zone } = host.record;
  const usages = [fleet.usage, group.usage, ...(zone === undefined ? [] : [fleet.zones.get(zone)])];
  const was = useOf(host);
  const count = (from: typeof was, to: typeof was): void => {
    for (const usage of usages) {
      usage?.add(from, -1);
      usage?.add(to, 1);
    }
  };
  const paces = { fleet: fleet.pace, group: group.pace };
  const { record } = host;
  const holding = { ...host, record: { ...record, grant: { id: '', at: now, startBy: now } } };
  count(was, 'busy');
  group.line(zone ?? '').delete(one);
  fleet.pace = { ...fleet.pace, grantedAt: now };
  group.pace = { ...group.pace, grantedAt: now };
  if (record.member !== undefined) fleet.members.set(record.id, holding);
  return () => {
    count('busy', was);
    group.line(zone ?? '').add(one);
    fleet.pace = paces.fleet;
    group.pace = paces.group;
    if (record.member !== undefined) fleet.members.set(record.id, host);
  };
}

/** Why hosts of one group have no slot, and where they stand in its line. */
export interface Reasons {
  /** Everything that is in the way, the host's own reasons first; empty when it does not wait. */
  whyNot(host: FleetHost): readonly Block[];
  /** Its place over all zones; 1 is next, undefined means that it is in no line. */
  positionOf(host: FleetHost): number | undefined;
}

/** What hosts of a group have in common is looked at once. */
export function reasonsIn(fleet: Fleet, group: FleetGroup, what: Circumstances): Reasons {
  const shared = { group: groupBlocks(fleet, group, what), fleet: fleetBlocks(fleet, what) };
  const line = [...group.lines.values()].flatMap((one) => [...one]).sort(compareWaiting);
  const positions = new Map(line.map(({ host }, at) => [host, at + 1]));
  return {
    positionOf: ({ record }) => positions.get(record.id),
    whyNot(host) {
      const { record } = host;
      if (record.state !== 'waiting') return [];
      const zone = zoneBlock(fleet, record.zone);
      const member = memberBlock(fleet, host, what);
      const blocks = [
        ...hostBlocks(fleet, host, what.now),
        ...shared.group,
        ...(zone === undefined ? [] : [zone]),
        ...(member === undefined ? [] : [member]),
        ...shared.fleet,
      ];
      const before = (positions.get(record.id) ?? 1) - 1;
      if (before > 0) {
        const message = `${before} ${before === 1 ? 'host is' : 'hosts are'} before it in the group`;
        blocks.push({ kind: 'behind', message });
      }
      return blocks.length > 0 ? blocks : [{ kind: 'next', message: 'it is next' }];
    },
  };
}

/** Why one host has no slot; empty when it does not wait. */
export function whyNot(fleet: Fleet, id: string, what: Circumstances): readonly Block[] {
  const host = fleet.hosts.get(id);
  if (host === undefined) return [];
  return reasonsIn(fleet, fleet.group(host.record.group), what).whyNot(host);
}
