import { type Block, type Circumstances, fleetBlocks, groupBlocks } from './blocks.ts';
import type { Opening } from './calendar/schedule.ts';
import { type Reasons, reasonsIn } from './decision.ts';
import type { Fleet } from './fleet.ts';
import type { FleetGroup } from './fleet-group.ts';
import type { FleetHost } from './fleet-host.ts';
import { isQuarantined } from './fleet-host.ts';
import {
  type FleetPolicy,
  type GroupPolicy,
  type HostRecord,
  type Order,
  policyDefaults,
} from './records.ts';

/** A host, for those who look. */
export interface HostStatus extends HostRecord {
  /** Whether its agent has given a sign of life; true of hosts without one, of which nothing is known. */
  readonly isAlive: boolean;
  readonly paused?: Order;
  readonly isQuarantined: boolean;
  /** Its place in the line of its group; 1 is next. */
  readonly position?: number;
  /** Why it has no slot, if it waits for one; never empty then. */
  readonly whyNot?: readonly Block[];
}

export interface GroupStatus {
  readonly name: string;
  /** Undefined when there are hosts that name it, and nobody declared it. */
  readonly policy?: GroupPolicy;
  readonly slots: number;
  /** Slots that are taken, planned or not. */
  readonly taken: number;
  readonly hosts: number;
  readonly waiting: number;
  readonly isBreakerOpen: boolean;
  readonly paused?: Order;
  /** Whether its windows and those of the fleet are open; undefined when it is not declared. */
  readonly opening?: Opening;
  /** Why nothing is granted in it. */
  readonly blocks: readonly Block[];
}

/** A fleet at one revision and time. */
export interface FleetStatus {
  readonly at: number;
  readonly policy: FleetPolicy;
  /** Why nothing is granted at all. */
  readonly blocks: readonly Block[];
  /** By name. */
  readonly groups: readonly GroupStatus[];
  /** By group, those that hold slots first, then those that wait, in line. */
  readonly hosts: readonly HostStatus[];
}

export function statusOf(fleet: Fleet, what: Circumstances): FleetStatus {
  const groups = [...fleet.groups.values()]
    .filter(({ isNamed }) => isNamed)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const group of groups) fleet.wake(group, what.now);
  return {
    at: what.now,
    policy: fleet.policy,
    blocks: fleetBlocks(fleet, what),
    groups: groups.map((group) => groupStatus(fleet, group, what)),
    hosts: groups.flatMap((group) => {
      const reasons = reasonsIn(fleet, group, what);
      return [...group.hosts.values()]
        .map((host) => hostStatus(group, host, reasons))
        .sort(byUrgency);
    }),
  };
}

function groupStatus(fleet: Fleet, group: FleetGroup, what: Circumstances): GroupStatus {
  const { name, policy, usage, paused, isBreakerOpen } = group;
  const { writeOff = policyDefaults.writeOff } = policy ?? {};
  let waiting = 0;
  for (const { record } of group.hosts.values()) if (record.state === 'waiting') waiting++;
  return {
    name,
    ...(policy === undefined ? {} : { policy }),
    slots: policy === undefined ? 0 : usage.slots(policy.limit),
    taken: usage.taken(writeOff),
    hosts: usage.hosts,
    waiting,
    isBreakerOpen,
    ...(paused === undefined ? {} : { paused }),
    ...(policy === undefined ? {} : { opening: group.opening(fleet.schedule, what.now) }),
    blocks: groupBlocks(fleet, group, what),
  };
}

function hostStatus(group: FleetGroup, host: FleetHost, reasons: Reasons): HostStatus {
  const { record, alive, paused } = host;
  const position = reasons.positionOf(host);
  return {
    ...record,
    isAlive: record.via !== 'agent' || alive !== undefined,
    ...(paused === undefined ? {} : { paused }),
    isQuarantined: isQuarantined(record, group.policy?.bootsMax),
    ...(position === undefined ? {} : { position }),
    ...(record.state === 'waiting' ? { whyNot: reasons.whyNot(host) } : {}),
  };
}

function byUrgency(a: HostStatus, b: HostStatus): number {
  const rank = ({ grant, state }: HostStatus): number =>
    grant !== undefined ? 0 : state === 'waiting' ? 1 : 2;
  const place = ({ position = Number.POSITIVE_INFINITY }: HostStatus): number => position;
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (place(a) !== place(b)) return place(a) - place(b);
  return (a.name ?? a.id) < (b.name ?? b.id) ? -1 : 1;
}
