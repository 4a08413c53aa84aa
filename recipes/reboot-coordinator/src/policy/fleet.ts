import { Schedule } from './calendar/schedule.ts';
import { PolicyError } from './fault.ts';
import { FleetGroup } from './fleet-group.ts';
import { type FleetHost, isQuarantined, isThere, placeOf, useOf } from './fleet-host.ts';
import type { FleetKey, FleetKeys } from './keys.ts';
import type { Waiting } from './line.ts';
import { type FleetPolicy, type Order, type PaceRecord, policyDefaults } from './records.ts';
import {
  readAlive,
  readFailure,
  readFleet,
  readGroup,
  readHost,
  readOrder,
  readPace,
} from './shapes.ts';
import { Usage } from './usage.ts';

/**
 * A fleet as its records tell it, kept so that a decision looks at what could be granted and not at all that
 * wait: each change of a record moves one host between the counts and the lines.
 */
export class Fleet {
  readonly keys: FleetKeys;
  policy: FleetPolicy = {};
  schedule: Schedule = Schedule.of({});
  paused: Order | undefined;
  pace: PaceRecord = {};
  /** The revision that last wrote the guard, and how many slots were granted in all. */
  guard = { revision: 0, grants: 0 };
  readonly usage = new Usage();
  readonly zones = new Map<string, Usage>();
  readonly groups = new Map<string, FleetGroup>();
  /** Hosts that run a member of the store. */
  readonly members = new Map<string, FleetHost>();
  /** Keys that cannot be read, and why. While there is one of a policy or a host, nothing is granted. */
  readonly unreadable = new Map<string, string>();
  /** Versions that nobody shall reboot into, since so many failed with them. */
  blockedVersions: ReadonlySet<string> = new Set();
  readonly #hosts = new Map<string, FleetHost>();
  /** How each host was counted, to take that back. */
  readonly #counted = new Map<string, Counted>();
  /** What was said of hosts that have no record (yet). */
  readonly #said = new Map<string, Omit<FleetHost, 'record' | 'revision'>>();

  constructor(keys: FleetKeys) {
    this.keys = keys;
  }

  get hosts(): ReadonlyMap<string, FleetHost> {
    return this.#hosts;
  }

  group(name: string): FleetGroup {
    let group = this.groups.get(name);
    if (group === undefined) {
      group = new FleetGroup(name);
      this.groups.set(name, group);
    }
    return group;
  }

  /** Takes in a key as it is now; `value` is undefined when it is gone. */
  apply(key: string, value: string | undefined, revision: number): void {
    const what = this.keys.read(key);
    if (what === undefined) return;
    this.unreadable.delete(key);
    try {
      this.#apply(what, value, revision);
    } catch (error) {
      this.unreadable.set(key, error instanceof Error ? error.message : String(error));
    }
  }

  #apply(what: FleetKey, value: string | undefined, revision: number): void {
    switch (what.kind) {
      case 'guard':
        this.guard = { revision: value === undefined ? 0 : revision, grants: grantsIn(value) };
        return;
      case 'fleet':
        return this.#setPolicy(value === undefined ? {} : readFleet(value));
      case 'fleetPause':
        this.paused = value === undefined ? undefined : readOrder(value);
        return;
      case 'fleetPace':
        this.pace = value === undefined ? {} : readPace(value);
        return;
      case 'host': {
        const record = value === undefined ? undefined : readHost(value);
        return this.#setHost(what.host, record && { record, revision });
      }
      case 'alive':
        return this.#say(what.host, { alive: value === undefined ? undefined : readAlive(value) });
      case 'hostPause':
        return this.#say(what.host, { paused: value === undefined ? undefined : readOrder(value) });
      case 'now':
        return this.#say(what.host, {
          ordered: value === undefined ? undefined : readOrder(value),
        });
      default:
        return this.#applyToGroup(what, value);
    }
  }

  #applyToGroup(what: FleetKey & { readonly group: string }, value: string | undefined): void {
    const group = this.group(what.group);
    switch (what.kind) {
      case 'group': {
        group.declare(value === undefined ? undefined : readGroup(value));
        // Who has rebooted too often depends on it.
        for (const host of [...group.hosts.values()]) this.#recount(host);
        break;
      }
      case 'groupPause':
        group.paused = value === undefined ? undefined : readOrder(value);
        break;
      case 'pace':
        group.pace = value === undefined ? {} : readPace(value);
        break;
      case 'breaker':
        group.isBroken = value !== undefined;
        break;
      case 'failure':
        if (value === undefined) group.failures.delete(what.grant);
        else group.failures.set(what.grant, readFailure(value));
        this.#blockVersions();
        break;
    }
    if (group.isEmpty) this.groups.delete(group.name);
  }

  #setPolicy(policy: FleetPolicy): void {
    this.schedule = Schedule.of(policy);
    this.policy = policy;
    this.#blockVersions();
  }

  #setHost(id: string, now: Pick<FleetHost, 'record' | 'revision'> | undefined): void {
    const was = this.#hosts.get(id);
    const said = was ?? this.#said.get(id) ?? nothingSaid;
    if (now === undefined) {
      if (was !== undefined) this.#count(was, -1);
      this.#hosts.delete(id);
      this.#keepSaid(id, said);
      return;
    }
    if (was !== undefined) this.#count(was, -1);
    this.#said.delete(id);
    const { alive, paused, ordered } = said;
    const host = { ...now, alive, paused, ordered };
    this.#hosts.set(id, host);
    this.#count(host, 1);
  }

  #say(id: string, what: Partial<FleetHost>): void {
    const host = this.#hosts.get(id);
    if (host === undefined) {
      this.#keepSaid(id, { ...nothingSaid, ...this.#said.get(id), ...what });
      return;
    }
    this.#count(host, -1);
    const next = { ...host, ...what };
    this.#hosts.set(id, next);
    this.#count(next, 1);
  }

  #keepSaid(id: string, said: Omit<FleetHost, 'record' | 'revision'>): void {
    const { alive, paused, ordered } = said;
    if (alive ?? paused ?? ordered) this.#said.set(id, { alive, paused, ordered });
    else this.#said.delete(id);
  }

  #recount(host: FleetHost): void {
    this.#count(host, -1);
    this.#count(host, 1);
  }

  /** Counts a host in, as it is now, or out, as it was counted. */
  #count(host: FleetHost, by: 1 | -1): void {
    const { record } = host;
    const { id } = record;
    const group = this.group(record.group);
    if (by === -1) {
      const counted = this.#counted.get(id);
      if (counted === undefined) return;
      this.#counted.delete(id);
      this.#tally(host, group, counted.use, -1);
      group.hosts.delete(id);
      group.holders.delete(id);
      group.later.delete(id);
      if (counted.waiting !== undefined) group.line(record.zone ?? '').delete(counted.waiting);
      if (record.member !== undefined) this.members.delete(id);
      if (group.isEmpty) this.groups.delete(group.name);
      return;
    }
    const use = useOf(host);
    this.#tally(host, group, use, 1);
    group.hosts.set(id, host);
    if (record.grant !== undefined) group.holders.set(id, host);
    if (record.member !== undefined) this.members.set(id, host);
    const waiting = this.#mayHave(host, group) ? waitingOf(host) : undefined;
    this.#counted.set(id, { use, waiting });
    if (waiting === undefined) return;
    const { notBefore } = record.request ?? {};
    if (notBefore !== undefined && !waiting.isOrdered) group.later.set(id, notBefore);
    else group.line(record.zone ?? '').add(waiting);
  }

  /** Puts those into line whose time has come. @returns when the next one's comes. */
  wake(group: FleetGroup, now: number): number | undefined {
    let next: number | undefined;
    for (const [id, notBefore] of group.later) {
      if (notBefore > now) {
        next = Math.min(next ?? notBefore, notBefore);
        continue;
      }
      group.later.delete(id);
      const waiting = this.#counted.get(id)?.waiting;
      if (waiting === undefined) continue;
      group.line(group.hosts.get(id)?.record.zone ?? '').add(waiting);
    }
    return next;
  }

  #tally({ record }: FleetHost, group: FleetGroup, use: Counted['use'], by: 1 | -1): void {
    this.usage.add(use, by);
    group.usage.add(use, by);
    if (record.zone === undefined) return;
    let zone = this.zones.get(record.zone);
    if (zone === undefined) {
      zone = new Usage();
      this.zones.set(record.zone, zone);
    }
    zone.add(use, by);
    if (zone.hosts === 0) this.zones.delete(record.zone);
  }

  /** Whether it belongs in a line at all: nothing about the host itself is in the way. */
  #mayHave(host: FleetHost, group: FleetGroup): boolean {
    const { record, paused } = host;
    if (record.state !== 'waiting' || paused !== undefined || !isThere(host)) return false;
    if (isQuarantined(record, group.policy?.bootsMax)) return false;
    const { target } = record.request ?? {};
    return target === undefined || !this.blockedVersions.has(target);
  }

  /** The versions that failed too often, over all groups. */
  #blockVersions(): void {
    const counts = new Map<string, number>();
    for (const group of this.groups.values()) {
      for (const { version } of group.failures.values()) {
        if (version !== undefined) counts.set(version, (counts.get(version) ?? 0) + 1);
      }
    }
    const after = this.policy.breakAfter ?? policyDefaults.versionBreakAfter;
    const blocked = [...counts].filter(([, count]) => after > 0 && count >= after);
    const next = new Set(blocked.map(([version]) => version));
    const changed = new Set([...next].filter((version) => !this.blockedVersions.has(version)));
    for (const version of this.blockedVersions) if (!next.has(version)) changed.add(version);
    this.blockedVersions = next;
    if (changed.size === 0) return;
    for (const host of [...this.#hosts.values()]) {
      if (changed.has(host.record.request?.target ?? '')) this.#recount(host);
    }
  }
}

function grantsIn(value = '0'): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new PolicyError(`the guard counts grants, and is ${JSON.stringify(value)}`);
}

interface Counted {
  readonly use: ReturnType<typeof useOf>;
  readonly waiting: Waiting | undefined;
}

const nothingSaid = { alive: undefined, paused: undefined, ordered: undefined };

function waitingOf(host: FleetHost): Waiting {
  return {
    host: host.record.id,
    place: placeOf(host),
    isOrdered: host.ordered !== undefined,
  };
}
