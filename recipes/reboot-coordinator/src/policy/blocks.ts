import type { Fleet } from './fleet.ts';
import type { FleetGroup } from './fleet-group.ts';
import type { FleetHost } from './fleet-host.ts';
import { isQuarantined, isThere } from './fleet-host.ts';
import { showLimit } from './limit.ts';
import { type Limit, type Order, type PaceRecord, policyDefaults } from './records.ts';
import type { Usage } from './usage.ts';

/** A kind of reason; few, so that they can be labels of a metric. */
export type BlockKind =
  | 'unreadable'
  | 'clock'
  | 'undeclared_group'
  | 'paused'
  | 'window_closed'
  | 'breaker_open'
  | 'gap'
  | 'full'
  | 'zone_full'
  | 'fleet_full'
  | 'members'
  | 'quarantined'
  | 'version_blocked'
  | 'absent'
  | 'later'
  | 'behind'
  | 'next';

/** Why nothing is granted: a kind, a sentence, and when that may change by itself. */
export interface Block {
  readonly kind: BlockKind;
  readonly message: string;
  readonly until?: number;
}

/** What is true at the moment, beside the records. */
export interface Circumstances {
  /** Milliseconds since 1970 on the members' clock. */
  readonly now: number;
  /** Why that clock is not to be trusted. */
  readonly clockFault?: string;
  /** Why a host with a member of the store must not go down now; undefined when all members are well. */
  readonly memberFault?: string;
}

/** What holds the whole fleet. */
export function fleetBlocks(fleet: Fleet, { now }: Circumstances): Block[] {
  const blocks: Block[] = [];
  for (const [key, why] of fleet.unreadable) {
    blocks.push({ kind: 'unreadable', message: `${key} cannot be read: ${why}` });
  }
  if (fleet.paused !== undefined) blocks.push(pausedBlock('the fleet', fleet.paused));
  const { limit, writeOff = policyDefaults.writeOff, gapMs } = fleet.policy;
  if (limit !== undefined && fleet.usage.isFull(limit, writeOff)) {
    blocks.push(full('fleet_full', 'the fleet', { limit, usage: fleet.usage, writeOff }));
  }
  const pace = paceBlock('the fleet', fleet.pace, gapMs, now);
  if (pace !== undefined) blocks.push(pace);
  return blocks;
}

/** What holds a group, beside what holds the fleet. */
export function groupBlocks(fleet: Fleet, group: FleetGroup, what: Circumstances): Block[] {
  const { now, clockFault } = what;
  const name = JSON.stringify(group.name);
  const { policy } = group;
  if (policy === undefined) {
    const message = `the group ${name} is not declared: lockstep reboot groups set ${group.name} --limit 1`;
    return [{ kind: 'undeclared_group', message }];
  }
  const blocks: Block[] = [];
  if (group.paused !== undefined) blocks.push(pausedBlock(`the group ${name}`, group.paused));
  const window = windowBlock(fleet, group, now);
  if (window !== undefined) blocks.push(window);
  if (clockFault !== undefined && hasCalendar(fleet, group)) {
    blocks.push({ kind: 'clock', message: `windows cannot be trusted: ${clockFault}` });
  }
  if (group.isBreakerOpen) blocks.push(breakerBlock(group));
  const pace = paceBlock(`the group ${name}`, group.pace, policy.gapMs, now);
  if (pace !== undefined) blocks.push(pace);
  const { limit, writeOff = policyDefaults.writeOff } = policy;
  const { usage } = group;
  if (usage.isFull(limit, writeOff)) {
    blocks.push(full('full', `the group ${name}`, { limit, usage, writeOff }));
  }
  return blocks;
}

export function zoneBlock(fleet: Fleet, zone: string | undefined): Block | undefined {
  const { zoneLimit: limit } = fleet.policy;
  const usage = zone === undefined ? undefined : fleet.zones.get(zone);
  if (limit === undefined || usage === undefined || !usage.isFull(limit, 0)) return undefined;
  return full('zone_full', `the zone ${JSON.stringify(zone)}`, { limit, usage, writeOff: 0 });
}

/**
 * A host with a member of the store goes down only while all members are well and no other such host is down: two of
 * three at once would be the end of a majority.
 */
export function memberBlock(
  fleet: Fleet,
  { record }: FleetHost,
  { memberFault }: Circumstances,
): Block | undefined {
  if (record.member === undefined) return undefined;
  const message = (why: string): Block => ({
    kind: 'members',
    message: `it runs the store's member ${record.member}, and ${why}`,
  });
  if (memberFault !== undefined) return message(memberFault);
  for (const other of fleet.members.values()) {
    const { id, grant, member, name = id } = other.record;
    if (id === record.id) continue;
    if (grant !== undefined || other.alive === undefined)
      return message(`${name} with the member ${member} is down or about to be`);
  }
  return undefined;
}

/** What about the host itself is in the way. */
export function hostBlocks(fleet: Fleet, host: FleetHost, now: number): Block[] {
  const { record, paused, ordered } = host;
  const blocks: Block[] = [];
  if (paused !== undefined) blocks.push(pausedBlock('the host', paused));
  if (isQuarantined(record, fleet.groups.get(record.group)?.policy?.bootsMax)) {
    const { boots = 0, cause = '' } = record.loop ?? {};
    const message = `quarantined: ${boots} reboots for ${cause} did not help; lockstep reboot resume --host ${record.id}`;
    blocks.push({ kind: 'quarantined', message });
  }
  const { target, notBefore, gaveBack = 'it gave its slot back' } = record.request ?? {};
  if (target !== undefined && fleet.blockedVersions.has(target)) {
    const message = `too many hosts failed with ${target}; lockstep reboot resume --all`;
    blocks.push({ kind: 'version_blocked', message });
  }
  if (!isThere(host)) {
    const message =
      record.via === 'agent' ? 'its agent is not connected' : 'it does not ask at the moment';
    blocks.push({ kind: 'absent', message });
  }
  if (notBefore !== undefined && notBefore > now && ordered === undefined) {
    blocks.push({ kind: 'later', message: `it waits after ${gaveBack}`, until: notBefore });
  }
  return blocks;
}

function hasCalendar(fleet: Fleet, { policy }: FleetGroup): boolean {
  return [fleet.policy, policy ?? {}].some(
    ({ windows = [], blackouts = [] }) => windows.length + blackouts.length > 0,
  );
}

function windowBlock(fleet: Fleet, group: FleetGroup, now: number): Block | undefined {
  const both = group.opening(fleet.schedule, now);
  if (both.isOpen) return undefined;
  const { opensAt } = both;
  const when =
    opensAt === undefined
      ? 'never within ten years: change the windows'
      : `again at ${new Date(opensAt).toISOString()}`;
  const message = `${both.because === 'blackout' ? 'blackout' : 'outside of its windows'} (${both.text}), open ${when}`;
  return { kind: 'window_closed', message, ...(opensAt === undefined ? {} : { until: opensAt }) };
}

function breakerBlock(group: FleetGroup): Block {
  const all = [...group.failures.values()];
  const named = all.slice(-3).map(({ host, reason }) => `${host}: ${reason}`);
  const count = all.length === 1 ? '1 failure' : `${all.length} failures`;
  const message = `the breaker is open after ${count} (${named.join('; ')}); lockstep reboot resume --group ${group.name}`;
  return { kind: 'breaker_open', message };
}

function paceBlock(
  what: string,
  { grantedAt = 0, releasedAt = 0 }: PaceRecord,
  gapMs: number = policyDefaults.gapMs,
  now: number,
): Block | undefined {
  const until = Math.max(grantedAt, releasedAt) + gapMs;
  if (gapMs === 0 || now >= until) return undefined;
  return { kind: 'gap', message: `${what} keeps a gap of ${gapMs / 1000} s between hosts`, until };
}

interface Budget {
  readonly limit: Limit;
  readonly usage: Usage;
  readonly writeOff: number;
}

function full(kind: BlockKind, what: string, { limit, usage, writeOff }: Budget): Block {
  const taken = usage.taken(writeOff);
  const slots = usage.slots(limit);
  const over = taken > slots ? ', over its limit' : '';
  const lost = usage.lost === 0 ? '' : `, ${usage.lost} of them not planned`;
  return {
    kind,
    message: `${what} has ${taken} of ${slots} slots (${showLimit(limit)}) taken${over}${lost}`,
  };
}

function pausedBlock(what: string, { by, reason }: Order): Block {
  return {
    kind: 'paused',
    message: `${what} is paused by ${by}${reason === '' ? '' : `: ${reason}`}`,
  };
}
