import { dueOf } from '../../recipes/reboot-coordinator/src/policy/deadlines.ts';
import { decide, whyNot } from '../../recipes/reboot-coordinator/src/policy/decision.ts';
import { Fleet } from '../../recipes/reboot-coordinator/src/policy/fleet.ts';
import { FleetKeys } from '../../recipes/reboot-coordinator/src/policy/keys.ts';
import { parseLimit } from '../../recipes/reboot-coordinator/src/policy/limit.ts';
import type { HostRecord } from '../../recipes/reboot-coordinator/src/policy/records.ts';
import * as slots from '../../recipes/reboot-coordinator/src/policy/slots.ts';
import { statusOf } from '../../recipes/reboot-coordinator/src/policy/status.ts';
import type { Command } from './golden.ts';

/** A fleet without a store: records, the time, and what follows from both. */
export class RebootScript {
  readonly #keys = new FleetKeys();
  readonly #fleet = new Fleet(this.#keys);
  #now = Date.UTC(2030, 0, 1);
  #revision = 1;
  #grants = 0;
  #memberFault: string | undefined;
  #said: string[] = [];

  readonly run = (command: Command): Iterable<string> => {
    this.#said = [];
    const verb = this.#verbs[command.verb] ?? command.fail(`"${command.verb}" is no verb`);
    verb(command);
    return this.#said;
  };

  readonly #verbs: Readonly<Record<string, (command: Command) => void>> = {
    at: (command) => {
      const text = command.word('a time');
      this.#now = Date.parse(text.includes('T') ? `${text}Z` : `2030-01-01T${text}Z`);
    },
    group: (command) => {
      const name = command.word('a name');
      this.#put(this.#keys.group(name), policyOf(command));
    },
    fleet: (command) => this.#put(this.#keys.fleet, policyOf(command)),
    raw: (command) => {
      const key = command.word('a key');
      this.#fleet.apply(key, command.word('a value'), ++this.#revision);
    },
    host: (command) => {
      const group = command.option('group') ?? command.fail('a host has a group');
      const zone = command.option('zone');
      const member = command.option('member');
      const via = command.option('via') === 'fleetlock' ? 'fleetlock' : 'agent';
      for (const id of command.words()) {
        const facts = {
          id,
          group,
          via,
          bootId: '1',
          version: 'v1',
          ...(zone && { zone }),
          ...(member && { member }),
        } as const;
        this.#write(slots.registered(undefined, facts, this.#now));
        if (via === 'agent') this.#put(`reboot/alive/${id}`, { bootId: '1', instance: '1' });
      }
    },
    silent: (command) => {
      for (const id of command.words())
        this.#fleet.apply(`reboot/alive/${id}`, undefined, ++this.#revision);
    },
    ask: (command) => {
      const target = command.option('target');
      const reason = command.option('reason') ?? 'an update';
      for (const id of command.words()) {
        const step = slots.asked(
          this.#record(id),
          { reason, ...(target && { target }) },
          this.#now,
        );
        if (step === undefined) this.#say(`${id} asked already`);
        else this.#write(step);
      }
    },
    pause: (command) =>
      this.#put(this.#scope(command), { by: 'ann', reason: 'a doubt', at: this.#now }),
    resume: (command) => this.#fleet.apply(this.#scope(command), undefined, ++this.#revision),
    order: (command) =>
      this.#put(this.#keys.now(command.word('a host')), {
        by: 'ann',
        reason: 'now',
        at: this.#now,
      }),
    failure: (command) => {
      const group = command.word('a group');
      const grant = command.word('a grant');
      const version = command.option('version');
      const record = {
        host: 'some-host',
        group,
        at: this.#now,
        reason: 'it broke',
        ...(version && { version }),
      };
      this.#put(this.#keys.failure(group, grant), record);
    },
    forget: (command) => {
      const group = command.word('a group');
      this.#fleet.apply(
        this.#keys.failure(group, command.word('a grant')),
        undefined,
        ++this.#revision,
      );
    },
    members: (command) => {
      this.#memberFault = command.words().join(' ') || undefined;
    },
    begin: (command) => this.#step(command, (now, id) => slots.begun(now, id, this.#now)),
    leave: (command) => this.#step(command, (now, id) => slots.leaving(now, id, this.#now)),
    back: (command) =>
      this.#step(command, (now, grant) =>
        slots.returned(now, {
          grant,
          at: this.#now,
          bootId: command.option('boot') ?? '2',
          version: 'v2',
        }),
      ),
    done: (command) => this.#step(command, (now, id) => slots.finished(now, id, this.#now)),
    fail: (command) => {
      const isInService = command.option('serves') === 'yes';
      this.#step(command, (now, grant) =>
        slots.failed(now, { grant, at: this.#now, reason: 'it is broken', isInService }),
      );
    },
    release: (command) => this.#step(command, (now) => slots.released(now, this.#now, 'gone')),
    settle: (command) => {
      const id = command.word('a host');
      const step = slots.settled(this.#record(id), this.#now);
      if (step !== undefined) this.#write(step);
    },
    decide: () => this.#decide(),
    due: () => {
      const due = dueOf(this.#fleet, this.#now);
      for (const { host, step } of due.now) {
        this.#say(`${host.record.id}: ${step.kind}, ${step.reason}`);
        this.#write(step);
      }
      this.#say(`next ${this.#time(due.next)}`);
    },
    why: (command) => {
      for (const id of command.words()) {
        for (const { kind, message, until } of whyNot(this.#fleet, id, this.#circumstances)) {
          this.#say(
            `${id} ${kind}: ${message}${until === undefined ? '' : `, until ${this.#time(until)}`}`,
          );
        }
      }
    },
    status: () => {
      const { groups, hosts } = statusOf(this.#fleet, this.#circumstances);
      for (const { name, taken, slots: all, hosts: count, waiting, isBreakerOpen } of groups) {
        this.#say(
          `${name}: ${taken} of ${all} slots, ${count} hosts, ${waiting} waiting${isBreakerOpen ? ', breaker open' : ''}`,
        );
      }
      for (const { id, state, position, grant, isQuarantined } of hosts) {
        const place = position === undefined ? '' : ` ${position}.`;
        this.#say(
          `  ${id} ${state}${place}${grant === undefined ? '' : ` grant ${grant.id}`}${isQuarantined ? ' quarantined' : ''}`,
        );
      }
    },
  };

  get #circumstances() {
    return { now: this.#now, ...(this.#memberFault && { memberFault: this.#memberFault }) };
  }

  #decide(): void {
    const { grants, wakeAt } = decide(this.#fleet, this.#circumstances);
    for (const { host, ...times } of grants) {
      const id = String(++this.#grants);
      const { rebootBy } = times;
      const until = rebootBy === undefined ? '' : `, reboot by ${this.#time(rebootBy)}`;
      this.#say(`${host.record.id} gets ${id}, start by ${this.#time(times.startBy)}${until}`);
      this.#write(slots.granted(host.record, { id, at: this.#now, ...times }));
      const pace = { grantedAt: this.#now };
      this.#put(this.#keys.pace(host.record.group), pace);
      this.#put(this.#keys.fleetPace, pace);
    }
    if (grants.length === 0) this.#say('nobody');
    if (wakeAt !== undefined) this.#say(`wake at ${this.#time(wakeAt)}`);
  }

  #step(command: Command, make: (now: HostRecord, grant: string) => slots.Step): void {
    for (const id of command.words()) {
      const record = this.#record(id);
      try {
        this.#write(make(record, command.option('grant') ?? record.grant?.id ?? ''));
      } catch (error) {
        this.#say(`refused: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  #write(taken: slots.Step): void {
    const { id } = taken.record;
    const was = this.#fleet.hosts.get(id);
    const step = slots.inPlace(was?.record, was?.revision ?? 0, taken);
    this.#put(this.#keys.host(id), step.record);
    const { failure, releases, record } = step;
    const grant = record.grant ?? releases;
    if (failure !== undefined && grant !== undefined) {
      this.#put(this.#keys.failure(record.group, grant.id), failure);
    }
    if (releases === undefined) return;
    this.#put(this.#keys.pace(record.group), { grantedAt: releases.at, releasedAt: this.#now });
    this.#fleet.apply(this.#keys.now(id), undefined, ++this.#revision);
  }

  #record(id: string): HostRecord {
    const host = this.#fleet.hosts.get(id);
    if (host === undefined) throw new Error(`the script has no host ${id}`);
    return host.record;
  }

  #put(key: string, value: object): void {
    this.#fleet.apply(key, JSON.stringify(value), ++this.#revision);
  }

  #scope(command: Command): string {
    const kind = command.word('fleet, group or host');
    if (kind === 'fleet') return this.#keys.fleetPause;
    const name = command.word('a name');
    return kind === 'group' ? this.#keys.groupPause(name) : this.#keys.hostPause(name);
  }

  #time(at: number | undefined): string {
    if (at === undefined) return 'never';
    const text = new Date(at).toISOString();
    return text.startsWith('2030-01-01') ? text.slice(11, 19) : text.slice(0, 19);
  }

  #say(line: string): void {
    this.#said.push(line);
  }
}

/** `limit=2 zone-limit=1 gap=60 windows="a;b"`: times in seconds. */
function policyOf(command: Command): object {
  const limit = command.option('limit');
  const zoneLimit = command.option('zone-limit');
  const windows = command.option('windows');
  const blackouts = command.option('blackouts');
  const policy: Record<string, unknown> = {
    ...(limit && { limit: parseLimit(limit) }),
    ...(zoneLimit && { zoneLimit: parseLimit(zoneLimit) }),
    ...(windows && { windows: windows.split(';') }),
    ...(blackouts && { blackouts: blackouts.split(';') }),
  };
  const times = {
    gap: 'gapMs',
    'start-within': 'startWithinMs',
    'overdue-after': 'overdueAfterMs',
  };
  for (const [option, name] of Object.entries(times)) {
    const seconds = command.option(option);
    if (seconds !== undefined) policy[name] = Number(seconds) * 1000;
  }
  const counts = {
    'break-after': 'breakAfter',
    'write-off': 'writeOff',
    'boots-max': 'bootsMax',
    priority: 'priority',
  };
  for (const [option, name] of Object.entries(counts)) {
    const count = command.option(option);
    if (count !== undefined) policy[name] = Number(count);
  }
  return policy;
}
