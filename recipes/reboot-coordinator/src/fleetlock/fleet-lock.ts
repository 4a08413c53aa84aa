import { type Client, compare, invalid, LockstepError, op, pause } from '@lockstep/client';
import { FleetClock } from '../fleet-clock.ts';
import { type Kept, Ledger } from '../ledger.ts';
import { checkedGroup, checkedId } from '../name.ts';
import { PolicyError } from '../policy/fault.ts';
import { FleetKeys } from '../policy/keys.ts';
import type { GroupPolicy, HostRecord } from '../policy/records.ts';
import { readGroup } from '../policy/shapes.ts';
import {
  asked,
  finished,
  gaveBack,
  hungUp,
  leaving,
  registered,
  type Step,
  settled,
} from '../policy/slots.ts';

/** What a FleetLock call came to: 200 is the only yes. */
export interface FleetLockAnswer {
  readonly status: number;
  /** Of a small set, for metrics; empty for a yes. */
  readonly kind: string;
  /** For people. */
  readonly value: string;
}

export interface FleetLockOptions {
  /** The fleet's name in the store. Default `reboot`. */
  readonly fleet?: string;
  /** How long a request waits for a slot, at least 1 s: slots go only to those who ask at the moment. Default 10 s. */
  readonly holdMs?: number;
  /** Says why a host has no slot now: a kind and a sentence, as whoever follows the fleet sees it. */
  readonly whyNot?: (id: string) => { readonly kind: string; readonly message: string } | undefined;
}

export interface FleetLockCall {
  readonly id: string;
  readonly group: string;
  /** Aborts when the client has hung up. */
  readonly signal: AbortSignal;
  /** Refuses who may not speak for a group, by what the group demands; undefined lets pass. */
  readonly admits?: (policy: GroupPolicy, group: string) => FleetLockAnswer | undefined;
}

const yes: FleetLockAnswer = { status: 200, kind: '', value: '' };
const holdMsMin = 1_000;
const alertEveryMs = 60_000;
/** Groups that nobody declared, told in one minute; the names are chosen by whoever asks. */
const alertsMax = 20;

/**
 * The two calls of FleetLock v1 (coreos/zincati, "The FleetLock protocol"), over the records of a fleet. A host that asks stands in
 * line like all others, and is let in only while somebody waits for the answer. Slots are granted by a coordinator; this
 * asks, waits, and answers.
 */
export class FleetLock {
  readonly #client: Client;
  readonly #keys: FleetKeys;
  readonly #clock: FleetClock;
  readonly #ledger: Ledger;
  readonly #holdMs: number;
  readonly #whyNot: FleetLockOptions['whyNot'];
  /** Requests that wait here, by id: one that hangs up speaks for the host only when it is the last. */
  readonly #asking = new Map<string, number>();
  #alerts = { minute: 0, groups: new Set<string>() };

  /** @throws InvalidError when the hold is too short. */
  constructor(client: Client, options: FleetLockOptions = {}) {
    this.#client = client;
    this.#keys = new FleetKeys(options.fleet);
    this.#clock = new FleetClock(client);
    this.#ledger = new Ledger(client, this.#keys, this.#clock);
    this.#holdMs = options.holdMs ?? 10_000;
    if (!(this.#holdMs >= holdMsMin)) {
      throw invalid(`holdMs is ${this.#holdMs}; it must be ${holdMsMin} or more`);
    }
    this.#whyNot = options.whyNot;
  }

  /** Keeps the members' time, until the signal aborts. Never rejects. */
  keepTime(signal: AbortSignal): Promise<void> {
    return this.#clock.keep(signal);
  }

  /** RecursiveLock: 200 once the host holds a slot, 4xx when it does not within the hold. */
  preReboot(call: FleetLockCall): Promise<FleetLockAnswer> {
    return this.#answer(call, () => this.#lock(call));
  }

  /** UnlockIfHeld: 200 when the host holds no slot any more. */
  steadyState(call: FleetLockCall): Promise<FleetLockAnswer> {
    return this.#answer(call, () => this.#unlock(call));
  }

  async #answer(
    { id, group, admits }: FleetLockCall,
    run: () => Promise<FleetLockAnswer>,
  ): Promise<FleetLockAnswer> {
    try {
      const wrong =
        wrongName('bad_id', () => checkedId(id)) ??
        wrongName('bad_group', () => checkedGroup(group));
      if (wrong !== undefined) return wrong;
      const kv = await this.#client.get(this.#keys.group(group));
      if (kv === undefined) {
        const value = `the group ${JSON.stringify(group)} is not declared: lockstep reboot groups set ${group} --limit 1`;
        await this.#alert(id, group);
        return { status: 400, kind: 'unknown_group', value };
      }
      const policy = readGroup(kv.value);
      return admits?.(policy, group) ?? (await run());
    } catch (error) {
      if (error instanceof PolicyError) return unreadable(error);
      if (!(error instanceof LockstepError)) throw error;
      if (error.code === 'invalid_params') return unreadable(error);
      return { status: 503, kind: 'store_unavailable', value: error.message };
    }
  }

  async #lock(call: FleetLockCall): Promise<FleetLockAnswer> {
    const { id } = call;
    const news = this.#client.watch({
      key: this.#keys.host(id),
      initial: true,
      onCompaction: 'relist',
    });
    this.#asking.set(id, (this.#asking.get(id) ?? 0) + 1);
    let isAsking = true;
    const leave = (): boolean => {
      if (!isAsking) return false;
      isAsking = false;
      const others = (this.#asking.get(id) ?? 1) - 1;
      if (others === 0) this.#asking.delete(id);
      else this.#asking.set(id, others);
      return others === 0;
    };
    try {
      return await this.#wait(call, news.batches(), leave);
    } finally {
      leave();
      news.close();
    }
  }

  /** @param leave that this request waits no longer; true if it was the last one of the host. */
  async #wait(
    call: FleetLockCall,
    news: AsyncIterator<unknown>,
    leave: () => boolean,
  ): Promise<FleetLockAnswer> {
    const { id, group, signal } = call;
    const { clock } = this.#client;
    const until = clock.now() + this.#holdMs;
    let heard = news.next();
    let refusal: FleetLockAnswer | undefined;
    let isLast = false;
    let hasAsked = false;
    heard.catch(() => {});
    for (;;) {
      const kept = await this.#ledger.read(id);
      const { record } = kept;
      if (record?.via === 'agent') return foreign(id);
      const denied = await this.#denied(record, call);
      if (denied !== undefined) return denied;
      if (record?.grant !== undefined) {
        if (record.group !== group) return moved(record, group);
        if (record.state !== 'granted') return yes;
      }
      const leftMs = until - clock.now();
      if (signal.aborted || leftMs <= 0) {
        // A slot that came in the last moment is taken, or it would be the slot of nobody.
        if (!signal.aborted && (await this.#take(kept)) === 'taken') return yes;
        // Why not is asked before the host is told to be away, which would be a reason of its own.
        refusal ??= signal.aborted ? gone : this.#full(id);
        isLast ||= leave();
        if (!isLast || (await this.#leave(kept))) return refusal;
        continue;
      }
      const taken = await this.#take(kept);
      if (taken === 'taken') return yes;
      if (taken === 'changed') continue;
      // Another request has said since that it is in steady state, or an operator that it is gone.
      if (hasAsked && record?.grant === undefined && record?.state !== 'waiting') return superseded;
      const step = this.#asks(kept, call);
      if (step !== undefined) {
        const outcome = await this.#ledger.write(kept, step, { by: 'fleetlock' });
        hasAsked ||= outcome.isWritten;
        continue;
      }
      const over = new AbortController();
      const stop = (): void => over.abort();
      signal.addEventListener('abort', stop, { once: true });
      let isNews = false;
      const hear = (): void => {
        isNews = true;
        stop();
      };
      await Promise.race([heard.then(hear, hear), pause(clock, leftMs, over.signal)]);
      if (isNews) {
        heard = news.next();
        heard.catch(() => {});
      }
      over.abort();
      signal.removeEventListener('abort', stop);
    }
  }

  /** The record of a host that asks, if it does not say so already. */
  #asks({ record }: Kept, { id, group }: FleetLockCall): Step | undefined {
    if (record?.grant !== undefined) return undefined;
    const at = this.#clock.now();
    const known = registered(record, { id, group, via: 'fleetlock' }, at).record;
    const asking = asked(known, { reason: 'asked by FleetLock' }, at);
    if (asking !== undefined) return asking;
    return record?.group === group ? undefined : { record: known };
  }

  /**
   * Nobody waits for the answer any more: the host keeps its place, and a slot that nobody was told of goes back.
   * @returns whether that is written, or was so already.
   */
  async #leave(kept: Kept): Promise<boolean> {
    const { record } = kept;
    if (record === undefined) return true;
    const at = this.#clock.now();
    const reason = 'the client hung up before it was told';
    const { grant } = record;
    const step =
      grant === undefined
        ? hungUp(record)
        : gaveBack(record, { grant: grant.id, at, reason, notBefore: at, isAsking: false });
    if (step === undefined) return true;
    return (await this.#ledger.write(kept, step, { by: 'fleetlock' })).isWritten;
  }

  /** The slot is the host's from the answer on, so it is on its way down. */
  async #take(kept: Kept): Promise<'taken' | 'changed' | 'none'> {
    const { record } = kept;
    if (record?.grant === undefined || record.state !== 'granted') return 'none';
    const at = this.#clock.now();
    // Too late: the coordinator takes it back, and the request goes on waiting.
    if (at > record.grant.startBy) return 'none';
    const step = leaving(record, record.grant.id, at);
    const stops = this.#keys.stops(record.group, record.id).map((key) => compare.missing(key));
    const outcome = await this.#ledger.write(kept, step, { by: 'fleetlock', if: stops });
    if (outcome.isWritten) return 'taken';
    // A pause since the grant is heard: the slot goes back when the request ends.
    return outcome.isConditionFalse ? 'none' : 'changed';
  }

  /**
   * Releases the slot that was held when the request came, and none that is granted after that. A host that waits is in
   * steady state, and takes its request back.
   */
  async #unlock(call: FleetLockCall): Promise<FleetLockAnswer> {
    const { id, group, signal } = call;
    let held: string | undefined;
    for (let isFirst = true; ; isFirst = false) {
      const kept = await this.#ledger.read(id);
      const { record } = kept;
      if (record?.via === 'agent') return foreign(id);
      const denied = await this.#denied(record, call);
      if (denied !== undefined) return denied;
      if (isFirst) held = record?.grant?.id;
      // Whoever hung up may have gone on, and hold the next slot for a reason.
      if (signal.aborted) return gone;
      const step = this.#rests(record, held, { id, group });
      if (step === undefined) return yes;
      await this.#ledger.write(kept, step, { by: 'fleetlock' });
    }
  }

  /** Who may speak for a group does not speak for the hosts of another one, not even to move them. */
  async #denied(
    record: HostRecord | undefined,
    { group, admits }: FleetLockCall,
  ): Promise<FleetLockAnswer | undefined> {
    if (record === undefined || record.group === group || admits === undefined) return undefined;
    const kv = await this.#client.get(this.#keys.group(record.group));
    return kv === undefined ? undefined : admits(readGroup(kv.value), record.group);
  }

  /** What is left to be written until a host is in steady state, in its group. */
  #rests(
    record: HostRecord | undefined,
    held: string | undefined,
    { id, group }: Pick<FleetLockCall, 'id' | 'group'>,
  ): Step | undefined {
    const at = this.#clock.now();
    const facts = { id, group, via: 'fleetlock' } as const;
    if (record === undefined) return registered(undefined, facts, at);
    const { grant } = record;
    if (grant === undefined) {
      // Where it asks from now is where it belongs from now, once it holds nothing elsewhere.
      return record.group === group ? settledOf(record, at) : registered(record, facts, at);
    }
    if (grant.id !== held) return undefined;
    if (record.state !== 'granted') return finished(record, grant.id, at);
    const reason = 'the host is in steady state';
    return gaveBack(record, { grant: grant.id, at, reason, notBefore: at, isAsking: false });
  }

  #full(id: string): FleetLockAnswer {
    const why = this.#whyNot?.(id);
    const kind = `failed_lock_${why === undefined || why.kind === 'full' ? 'semaphore_full' : why.kind}`;
    return { status: 423, kind, value: why?.message ?? 'no slot is free' };
  }

  /**
   * A host that is in no declared group would never reboot, in silence. At most one row a minute and group, and not for
   * any number of groups, so that made-up names do not push the history out.
   */
  async #alert(host: string, group: string): Promise<void> {
    const at = this.#clock.now();
    const minute = Math.floor(at / alertEveryMs) * alertEveryMs;
    if (this.#alerts.minute !== minute) this.#alerts = { minute, groups: new Set() };
    const { groups } = this.#alerts;
    if (groups.has(group) || groups.size >= alertsMax) return;
    const key = `${this.#keys.history}${String(minute).padStart(15, '0')}-unknown-${encodeURIComponent(group)}`;
    const reason = 'it asked by FleetLock for a group that is not declared';
    const entry = JSON.stringify({
      kind: 'unknown group',
      at,
      by: 'fleetlock',
      host,
      group,
      reason,
    });
    await this.#client.txn({ compare: [compare.missing(key)], success: [op.put(key, entry)] });
    groups.add(group);
  }
}

const superseded: FleetLockAnswer = {
  status: 409,
  kind: 'superseded',
  value: 'the host has said since that it needs no slot',
};

const gone: FleetLockAnswer = { status: 499, kind: 'client_gone', value: 'the client hung up' };

/** A host without a request rests already; what it remembers of its last ones stays. */
function settledOf(record: HostRecord, at: number): Step | undefined {
  return record.state === 'waiting' ? settled(record, at) : undefined;
}

function wrongName(kind: string, check: () => string): FleetLockAnswer | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    return { status: 400, kind, value: error.message };
  }
}

/** What the store holds cannot be read, so nobody may say yes. */
function unreadable({ message }: Error): FleetLockAnswer {
  return { status: 503, kind: 'record_unreadable', value: message };
}

function foreign(id: string): FleetLockAnswer {
  const value = `${id} has an agent of its own; two that reboot it would not know of each other`;
  return { status: 409, kind: 'host_has_agent', value };
}

function moved({ id, group }: HostRecord, asked: string): FleetLockAnswer {
  const value = `${id} holds a slot of the group ${group}; it is released by steady-state, then ${asked} can be asked`;
  return { status: 409, kind: 'held_in_other_group', value };
}
