import { type Client, compare, LockstepError, op, pause } from '@lockstep/client';
import { checkedGroup, checkedId } from '../agent/agent.ts';
import { FleetClock } from '../fleet-clock.ts';
import { type Kept, Ledger } from '../ledger.ts';
import { FleetKeys } from '../policy/keys.ts';
import type { HostRecord } from '../policy/records.ts';
import { asked, finished, hungUp, leaving, registered, type Step } from '../policy/slots.ts';

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
  /** How long a request waits for a slot. Default 10 s. */
  readonly holdMs?: number;
  /** Says why a host has no slot now: a kind and a sentence, as the coordinator at hand sees it. */
  readonly whyNot?: (id: string) => { readonly kind: string; readonly message: string } | undefined;
}

export interface FleetLockCall {
  readonly id: string;
  readonly group: string;
  /** Aborts when the client has hung up. */
  readonly signal: AbortSignal;
}

const yes: FleetLockAnswer = { status: 200, kind: '', value: '' };

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

  constructor(client: Client, options: FleetLockOptions = {}) {
    this.#client = client;
    this.#keys = new FleetKeys(options.fleet);
    this.#clock = new FleetClock(client);
    this.#ledger = new Ledger(client, this.#keys, this.#clock);
    this.#holdMs = options.holdMs ?? 10_000;
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
    { id, group }: FleetLockCall,
    run: () => Promise<FleetLockAnswer>,
  ): Promise<FleetLockAnswer> {
    try {
      checkedId(id);
      checkedGroup(group);
      if ((await this.#client.get(this.#keys.group(group))) === undefined) {
        const value = `the group ${JSON.stringify(group)} is not declared: lockstep reboot groups set ${group} --limit 1`;
        await this.#alert(id, group);
        return { status: 400, kind: 'unknown_group', value };
      }
      return await run();
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      if (error.code === 'invalid_params') {
        return { status: 400, kind: 'bad_request', value: error.message };
      }
      return { status: 503, kind: 'store_unavailable', value: error.message };
    }
  }

  async #lock(call: FleetLockCall): Promise<FleetLockAnswer> {
    const { id, group, signal } = call;
    const { clock } = this.#client;
    const until = clock.now() + this.#holdMs;
    const watch = this.#client.watch({ key: this.#keys.host(id) });
    const news = watch.batches();
    let heard = news.next();
    heard.catch(() => {});
    try {
      for (;;) {
        const kept = await this.#ledger.read(id);
        const { record } = kept;
        if (record?.via === 'agent') return foreign(id);
        if (record?.grant !== undefined) {
          if (record.group !== group) return moved(record, group);
          if (record.state !== 'granted') return yes;
          // Whoever hung up must not hold what nobody knows of: the answer is the last word.
          if (signal.aborted) return gone;
          if (await this.#take(kept, record)) return yes;
          continue;
        }
        const leftMs = until - clock.now();
        const step = this.#asks(kept, call);
        if (step !== undefined && leftMs > 0 && !signal.aborted) {
          const wrote = await this.#ledger.write(kept, step, { by: 'fleetlock' });
          if (wrote.isWritten || !wrote.isConditionFalse) continue;
        }
        if (leftMs <= 0 || signal.aborted) {
          const left = hungUp(record ?? step?.record ?? missing(call));
          if (
            left !== undefined &&
            !(await this.#ledger.write(kept, left, { by: 'fleetlock' })).isWritten
          )
            continue;
          return signal.aborted ? gone : this.#full(id);
        }
        const over = new AbortController();
        const stop = (): void => over.abort();
        signal.addEventListener('abort', stop, { once: true });
        await Promise.race([heard.then(stop, stop), pause(clock, leftMs, over.signal)]);
        if (over.signal.aborted && !signal.aborted) {
          heard = news.next();
          heard.catch(() => {});
        }
        over.abort();
        signal.removeEventListener('abort', stop);
      }
    } finally {
      watch.close();
    }
  }

  /** The record of a host that asks, if it does not say so already. */
  #asks({ record }: Kept, { id, group }: FleetLockCall): Step | undefined {
    const at = this.#clock.now();
    const known = registered(record, { id, group, via: 'fleetlock' }, at).record;
    const asking = asked(known, { reason: 'asked by FleetLock' }, at);
    if (asking !== undefined) return asking;
    return record?.group === group ? undefined : { record: known };
  }

  /** The slot is the host's from the answer on, so it is on its way down. */
  async #take(kept: Kept, record: HostRecord): Promise<boolean> {
    const grant = record.grant?.id ?? '';
    try {
      const step = leaving(record, grant, this.#clock.now());
      return (await this.#ledger.write(kept, step, { by: 'fleetlock' })).isWritten;
    } catch (error) {
      // Too late: the coordinator takes it back, and the request goes on waiting.
      if (error instanceof LockstepError) throw error;
      await pause(this.#client.clock, 100);
      return false;
    }
  }

  /** Releases the slot that was held when the request came, and none that is granted after that. */
  async #unlock({ id, group }: FleetLockCall): Promise<FleetLockAnswer> {
    let held: string | undefined;
    for (let isFirst = true; ; isFirst = false) {
      const kept = await this.#ledger.read(id);
      const { record } = kept;
      if (record?.via === 'agent') return foreign(id);
      const at = this.#clock.now();
      if (isFirst) held = record?.grant?.id;
      const grant = record?.grant?.id;
      const step =
        record !== undefined && grant !== undefined && grant === held
          ? finished(record, grant, at)
          : undefined;
      const facts = { id, group, via: 'fleetlock' } as const;
      const next = step ?? (record === undefined ? registered(undefined, facts, at) : undefined);
      if (next === undefined) return yes;
      // Where it asks from now is where it belongs from now, once it holds nothing elsewhere.
      const placed = { ...next, record: { ...next.record, group } };
      const outcome = await this.#ledger.write(kept, placed, { by: 'fleetlock' });
      if (outcome.isWritten) return yes;
    }
  }

  #full(id: string): FleetLockAnswer {
    const why = this.#whyNot?.(id);
    const kind = `failed_lock_${why === undefined || why.kind === 'full' ? 'semaphore_full' : why.kind}`;
    return { status: 423, kind, value: why?.message ?? 'no slot is free' };
  }

  /** A host that is in no declared group would never reboot, in silence. At most one row a minute and group. */
  async #alert(host: string, group: string): Promise<void> {
    const at = this.#clock.now();
    const key = `${this.#keys.history}${String(Math.floor(at / 60_000) * 60_000).padStart(15, '0')}-unknown-${encodeURIComponent(group)}`;
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
  }
}

const gone: FleetLockAnswer = { status: 499, kind: 'client_gone', value: 'the client hung up' };

function missing({ id, group }: FleetLockCall): HostRecord {
  return { id, group, via: 'fleetlock', state: 'idle', since: 0 };
}

function foreign(id: string): FleetLockAnswer {
  const value = `${id} has an agent of its own; two that reboot it would not know of each other`;
  return { status: 409, kind: 'host_has_agent', value };
}

function moved({ id, group }: HostRecord, asked: string): FleetLockAnswer {
  const value = `${id} holds a slot of the group ${group}; it is released by steady-state, then ${asked} can be asked`;
  return { status: 409, kind: 'held_in_other_group', value };
}
