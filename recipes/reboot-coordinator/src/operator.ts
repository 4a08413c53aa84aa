import {
  type CallOptions,
  type Client,
  type Compare,
  compare,
  invalid,
  type Operation,
  op,
} from '@lockstep/client';
import { FleetClock } from './fleet-clock.ts';
import { type Foreseen, foresee } from './foresight.ts';
import { followHistory, type HistoryOptions, readHistory } from './history.ts';
import { type HoldersToImport, type ImportOutcome, importHolders } from './import-holders.ts';
import { Ledger, legible } from './ledger.ts';
import { asksForMember, memberFaultOf } from './member-health.ts';
import { checkedGroup, checkedId } from './name.ts';
import { type ObserveOptions, observeFleet } from './observation.ts';
import type { Circumstances } from './policy/blocks.ts';
import { Schedule } from './policy/calendar/schedule.ts';
import { PolicyError } from './policy/fault.ts';
import { Fleet } from './policy/fleet.ts';
import { FleetKeys } from './policy/keys.ts';
import type {
  Calendar,
  FleetPolicy,
  GroupPolicy,
  HistoryEntry,
  HistoryKind,
  HostRecord,
} from './policy/records.ts';
import { readFleet, readGroup, readHost } from './policy/shapes.ts';
import { asked, orderedReason, released, type Step } from './policy/slots.ts';
import { type FleetStatus, type HostStatus, statusOf } from './policy/status.ts';

/** What a pause or a resume is about. */
export type Scope = 'fleet' | { readonly group: string } | { readonly host: string };

/** What is given is changed; what is given as undefined goes back to its default. */
export type Change<Policy> = { readonly [name in keyof Policy]?: Policy[name] | undefined };

export interface OperatorOptions {
  /** The fleet's name in the store. Default `reboot`. */
  readonly fleet?: string;
  /** Who gives the orders, for the history. */
  readonly by: string;
}

/** What a person may do with a fleet. Each order is one transaction, with its row in the history. */
export class Operator {
  readonly #client: Client;
  readonly #keys: FleetKeys;
  readonly #clock: FleetClock;
  readonly #ledger: Ledger;
  readonly #by: string;
  #isSynced = false;

  constructor(client: Client, { fleet, by }: OperatorOptions) {
    this.#client = client;
    this.#keys = new FleetKeys(fleet);
    this.#clock = new FleetClock(client);
    this.#ledger = new Ledger(client, this.#keys, this.#clock);
    this.#by = by;
  }

  /** The whole fleet as it is now, of one revision. @throws what a call can end in. */
  async status(call: CallOptions = {}): Promise<FleetStatus> {
    await this.#sync(call);
    const fleet = await this.#read(call);
    return statusOf(fleet, await this.#circumstances(asksForMember(fleet), call));
  }

  /** The status again and again, whenever it has changed. @throws what ends a watch; the signal's reason. */
  observe(options: ObserveOptions): AsyncGenerator<FleetStatus, never> {
    return observeFleet({ client: this.#client, keys: this.#keys, clock: this.#clock }, options);
  }

  /**
   * What a host would be told that registered and asked now. Writes nothing.
   * @throws HostRefusedError when it would be refused; what a call can end in.
   */
  async foresee(what: Foreseen, call: CallOptions = {}): Promise<HostStatus> {
    await this.#sync(call);
    const fleet = await this.#read(call);
    return foresee(fleet, what, await this.#circumstances(what.facts.member !== undefined, call));
  }

  /** Declares a group, or changes what is given of one. @throws InvalidError when it makes no sense; what a call can end in. */
  async setGroup(
    name: string,
    change: Change<GroupPolicy>,
    call: CallOptions = {},
  ): Promise<GroupPolicy> {
    checkedGroup(name);
    return this.#set(this.#keys.group(name), { kind: 'group set', group: name }, call, (was) => {
      // With a limit of its own it also replaces what cannot be read.
      const read = (): GroupPolicy | undefined => (was === undefined ? undefined : readGroup(was));
      const before = change.limit === undefined ? read() : ifLegible(read);
      const limit = change.limit ?? before?.limit;
      if (limit === undefined) {
        throw invalid(`the group ${name} needs a limit: how many of its hosts may be down at once`);
      }
      return checkedPolicy({ ...before, ...change, limit }, readGroup);
    });
  }

  async setFleet(change: Change<FleetPolicy>, call: CallOptions = {}): Promise<FleetPolicy> {
    return this.#set(this.#keys.fleet, { kind: 'fleet set' }, call, (was) =>
      checkedPolicy({ ...(was === undefined ? {} : readFleet(was)), ...change }, readFleet),
    );
  }

  /** All groups, by name. */
  async groups(call: CallOptions = {}): Promise<ReadonlyMap<string, GroupPolicy>> {
    const found = new Map<string, GroupPolicy>();
    for await (const kv of this.#client.scan({ prefix: this.#keys.groups }, call)) {
      const key = this.#keys.read(kv.key);
      if (key?.kind === 'group')
        found.set(
          key.group,
          legible(() => readGroup(kv.value)),
        );
    }
    return found;
  }

  async fleetPolicy(call: CallOptions = {}): Promise<FleetPolicy> {
    const kv = await this.#client.get(this.#keys.fleet, call);
    return kv === undefined ? {} : legible(() => readFleet(kv.value));
  }

  /** Nothing is granted any more; who has not rebooted yet gives its slot back. */
  async pause(scope: Scope, reason: string, call: CallOptions = {}): Promise<void> {
    await this.#sync(call);
    await this.#demand(scope, call);
    const order = JSON.stringify({ by: this.#by, reason, at: this.#clock.now() });
    await this.#order(
      { kind: 'paused', scope, reason, success: [op.put(this.#pauseKey(scope), order)] },
      call,
    );
  }

  /**
   * Ends a pause. Of a group or the fleet it also closes the breakers and forgets the failures that opened them; of a
   * host it ends the quarantine, and takes an order back.
   */
  async resume(scope: Scope, reason = '', call: CallOptions = {}): Promise<void> {
    await this.#sync(call);
    await this.#demand(scope, call);
    const success: Operation<unknown>[] = [op.delete(this.#pauseKey(scope))];
    const keys = this.#keys;
    if (scope === 'fleet') {
      success.push(op.delete({ prefix: keys.allFailures }), op.delete({ prefix: keys.breakers }));
    } else if ('group' in scope) {
      success.push(
        op.delete({ prefix: keys.failures(scope.group) }),
        op.delete(keys.breaker(scope.group)),
      );
    } else {
      success.push(op.delete(keys.now(scope.host)));
      await this.#ledger.change(
        scope.host,
        ({ record }) => (record?.loop === undefined ? undefined : unquarantined(record)),
        { by: this.#by, ...call },
      );
    }
    await this.#order({ kind: 'resumed', scope, reason, success }, call);
  }

  /** The host reboots as the next one of its group, needed or not; limits, windows and checks hold all the same. */
  async now(host: string, reason: string, call: CallOptions = {}): Promise<void> {
    await this.#sync(call);
    const order = { by: this.#by, reason, at: this.#clock.now() };
    const key = this.#keys.host(host);
    const kept = await this.#ledger.read(host, call);
    if (kept.record === undefined) throw unknownHost(host);
    const { record } = kept;
    // An agent that looks only once a minute need not be waited for.
    const wish = { reason: orderedReason(order) };
    const at = this.#clock.now();
    const step =
      record.via === 'agent' && record.state !== 'waiting' ? asked(record, wish, at) : undefined;
    await this.#order(
      {
        kind: 'ordered',
        scope: { host },
        reason,
        if: [compare.modRevision(key, '=', kept.revision)],
        success: [
          op.put(this.#keys.now(host), JSON.stringify(order)),
          ...(step === undefined ? [] : [op.put(key, JSON.stringify(step.record))]),
        ],
      },
      call,
    );
  }

  /**
   * Takes the slot of a host that will not give it back. @throws InvalidError when it holds none, or no reason is given.
   */
  async release(host: string, reason: string, call: CallOptions = {}): Promise<void> {
    await this.#sync(call);
    if (reason.trim() === '') throw invalid('a slot is released with a reason, which is kept');
    await this.#ledger.change(
      host,
      ({ record }) => {
        if (record === undefined) throw unknownHost(host);
        return released(record, this.#clock.now(), reason);
      },
      { by: this.#by, ...call },
    );
  }

  /** The host is gone for good: its record and its slot are removed. Its failures still count. */
  async decommission(host: string, reason: string, call: CallOptions = {}): Promise<void> {
    await this.#sync(call);
    const keys = this.#keys;
    for (;;) {
      const kv = await this.#client.get(keys.host(host), call);
      if (kv === undefined) throw unknownHost(host);
      // One that cannot be read stops the whole fleet, so this is how it ends.
      const record = ifLegible(() => readHost(kv.value));
      const guard = await this.#client.get(keys.guard, call);
      const at = this.#clock.now();
      const { group, grant } = record ?? {};
      const pace = JSON.stringify({ releasedAt: at });
      const reply = await this.#client.txn(
        {
          // A percentage of fewer hosts is fewer slots, so no grant may be decided from before this.
          compare: [
            compare.modRevision(keys.host(host), '=', kv.modRevision),
            compare.modRevision(keys.guard, '=', guard?.modRevision ?? 0),
          ],
          success: [
            ...[keys.host(host), keys.now(host), keys.hostPause(host), keys.alive(host)].map(
              (key) => op.delete(key),
            ),
            op.put(keys.guard, guard?.value ?? '0'),
            ...(grant === undefined || group === undefined
              ? []
              : [op.put(keys.pace(group), pace), op.put(keys.fleetPace, pace)]),
            this.#ledger.entry({
              kind: 'decommissioned',
              at,
              by: this.#by,
              host,
              reason,
              ...(group === undefined ? {} : { group }),
              ...(grant === undefined ? {} : { grant: grant.id }),
            }),
          ],
        },
        call,
      );
      if (reply.succeeded) return;
    }
  }

  /**
   * Takes over the slots that another coordinator has given. What is in the store already is kept.
   * @throws InvalidError when a name or an id is none; what a call can end in.
   */
  async importHolders(what: HoldersToImport, call: CallOptions = {}): Promise<ImportOutcome> {
    await this.#sync(call);
    const place = { client: this.#client, keys: this.#keys, clock: this.#clock };
    return importHolders({ ...place, ledger: this.#ledger, by: this.#by }, what, call);
  }

  history(options: HistoryOptions = {}): Promise<readonly HistoryEntry[]> {
    return readHistory(this.#client, this.#keys, options);
  }

  /** The same, and then each row that is written. @throws what a call or a watch can end in; the signal's reason. */
  followHistory(
    options: HistoryOptions & { readonly signal: AbortSignal },
  ): AsyncGenerator<HistoryEntry, void> {
    return followHistory(this.#client, this.#keys, options);
  }

  /** The id of a host that was given by id or by name. @throws InvalidError when there is none, or more than one. */
  async idOf(host: string, call: CallOptions = {}): Promise<string> {
    checkedId(host);
    if ((await this.#ledger.read(host, call)).record !== undefined) return host;
    const fleet = await this.#read(call);
    const named = [...fleet.hosts.values()].filter(({ record }) => record.name === host);
    const [only] = named;
    if (only === undefined) throw unknownHost(host);
    if (named.length === 1) return only.record.id;
    const ids = named.map(({ record }) => record.id).join(', ');
    throw invalid(`${named.length} hosts are named ${host}: give an id (${ids})`);
  }

  async #circumstances(hasMember: boolean, call: CallOptions): Promise<Circumstances> {
    return this.#clock.circumstances(
      hasMember ? await memberFaultOf(this.#client, call) : undefined,
    );
  }

  async #read(call: CallOptions): Promise<Fleet> {
    const fleet = new Fleet(this.#keys);
    for await (const kv of this.#client.scan({ prefix: this.#keys.root }, call)) {
      fleet.apply(kv.key, kv.value, kv.modRevision);
    }
    return fleet;
  }

  async #set<Policy>(
    key: string,
    about: Pick<HistoryEntry, 'kind' | 'group'>,
    call: CallOptions,
    make: (was: string | undefined) => Policy,
  ): Promise<Policy> {
    await this.#sync(call);
    for (;;) {
      const kv = await this.#client.get(key, call);
      const policy = legible(() => make(kv?.value));
      const text = JSON.stringify(policy);
      const entry = { ...about, at: this.#clock.now(), by: this.#by, reason: text };
      const reply = await this.#client.txn(
        {
          compare: [compare.modRevision(key, '=', kv?.modRevision ?? 0)],
          success: [op.put(key, text), this.#ledger.entry(entry)],
        },
        call,
      );
      if (reply.succeeded) return policy;
    }
  }

  async #order(order: Order, call: CallOptions): Promise<void> {
    const { kind, scope, reason, success, if: conditions = [] } = order;
    const about = scope === 'fleet' ? {} : scope;
    const at = this.#clock.now();
    const entry = this.#ledger.entry({ kind, at, by: this.#by, reason, ...about });
    const reply = await this.#client.txn(
      { compare: conditions, success: [...success, entry] },
      call,
    );
    if (!reply.succeeded) throw invalid('the host changed at this moment; try again');
  }

  #pauseKey(scope: Scope): string {
    if (scope === 'fleet') return this.#keys.fleetPause;
    return 'group' in scope ? this.#keys.groupPause(scope.group) : this.#keys.hostPause(scope.host);
  }

  /** An order for what is not there is a slip. */
  async #demand(scope: Scope, call: CallOptions): Promise<void> {
    if (scope === 'fleet') return;
    if ('host' in scope) {
      if ((await this.#ledger.read(scope.host, call)).record === undefined)
        throw unknownHost(scope.host);
      return;
    }
    const names = [...(await this.groups(call)).keys()];
    if (names.includes(scope.group)) return;
    const there = names.length === 0 ? 'there is none yet' : `there are ${names.join(', ')}`;
    throw invalid(`there is no group ${JSON.stringify(scope.group)}; ${there}`);
  }

  async #sync(call: CallOptions): Promise<void> {
    if (this.#isSynced) return;
    await this.#clock.sync(call);
    this.#isSynced = true;
  }
}

interface Order {
  readonly kind: HistoryKind;
  readonly scope: Scope;
  readonly reason: string;
  readonly if?: readonly Compare[];
  readonly success: readonly Operation<unknown>[];
}

function unquarantined({ loop: _, ...record }: HostRecord): Step {
  return { record };
}

/** Undefined for what cannot be read, where it is about to be replaced or removed. */
function ifLegible<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof PolicyError) return undefined;
    throw error;
  }
}

function unknownHost(host: string): Error {
  return invalid(`there is no host ${JSON.stringify(host)}; lockstep reboot status lists them`);
}

/** A policy as it will be read, windows included. */
function checkedPolicy<Policy extends Calendar>(
  policy: object,
  read: (text: string) => Policy,
): Policy {
  const checked = read(JSON.stringify(policy));
  Schedule.of(checked);
  return checked;
}
