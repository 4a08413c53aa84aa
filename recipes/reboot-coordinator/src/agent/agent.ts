import { type Client, InvalidError, invalid, LockstepError, pause } from '@lockstep/client';
import { HostRefusedError } from '../errors.ts';
import { FleetClock } from '../fleet-clock.ts';
import { Ledger, legible } from '../ledger.ts';
import { checkedGroup, checkedId } from '../name.ts';
import { FleetKeys } from '../policy/keys.ts';
import type { HostRecord } from '../policy/records.ts';
import { readOrder } from '../policy/shapes.ts';
import {
  asked,
  type HostFacts,
  orderedReason,
  registered,
  settled,
  undrained,
} from '../policy/slots.ts';
import { type AgentContext, factsOf } from './context.ts';
import { Departure } from './departure.ts';
import type { Host, Need } from './host.ts';
import { claimIdentity, type Identity } from './identity.ts';
import { OwnRecord } from './own-record.ts';
import { Verification } from './verification.ts';

export interface AgentOptions {
  /** What this agent speaks for. */
  readonly host: Host;
  /** Unique in the fleet, and the same over reboots. */
  readonly id: string;
  readonly group: string;
  readonly zone?: string;
  /** What people call it. */
  readonly name?: string;
  /** The member of the store that runs on it, if one does. */
  readonly member?: string;
  /** A hash of a secret that only this machine has. */
  readonly credential?: string;
  /** The fleet's name in the store. Default `reboot`. */
  readonly fleet?: string;
  /** How often it looks whether a reboot is needed. Default 1 min. */
  readonly pollMs?: number;
  /** How often it looks at checks. Default 2 s. */
  readonly checkEveryMs?: number;
  /** How long checks may stay red after a boot before that is a failure. Default 10 min. */
  readonly verifyWithinMs?: number;
  /** How long after the reboot was asked for the host may still be there. Default 5 min. */
  readonly leaveWithinMs?: number;
  /** After so many seconds without a sign of life the host counts as down. Default 60. */
  readonly ttl?: number;
  /** Told what it does, in sentences. */
  readonly onEvent?: (sentence: string) => void;
}

/** Options with their defaults. */
export type AgentSettings = AgentOptions &
  Required<
    Pick<
      AgentOptions,
      'pollMs' | 'checkEveryMs' | 'verifyWithinMs' | 'leaveWithinMs' | 'ttl' | 'onEvent'
    >
  >;

const retryMs = 2_000;

/**
 * Speaks for one host: asks for a slot when it needs a reboot, drains it, reboots it, and gives the slot back on evidence
 * that it serves again. It keeps nothing of its own: the host's record in the store says where it stands, so an agent that was killed
 * at any step goes on from there.
 *
 * Not promised: that nobody else reboots the host. Such a reboot is seen by its boot id, and counts.
 */
export class Agent {
  readonly #client: Client;
  readonly #settings: AgentSettings;
  readonly #ledger: Ledger;
  readonly #clock: FleetClock;
  #isRunning = false;
  #said = '';

  /** @throws InvalidError when an option is wrong. */
  constructor(client: Client, options: AgentOptions) {
    this.#client = client;
    this.#settings = checked(options);
    this.#clock = new FleetClock(client);
    this.#ledger = new Ledger(client, new FleetKeys(options.fleet), this.#clock);
  }

  /**
   * Runs until the signal aborts, through lost connections and restarts of the store. While the store cannot be reached the host
   * is not rebooted.
   * @throws HostRefusedError when another machine uses the id, or the host is decommissioned; ClosedError when the client is closed.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#isRunning) throw invalid('this agent runs already');
    this.#isRunning = true;
    const over = new AbortController();
    const keeping = this.#clock.keep(AbortSignal.any([signal, over.signal]));
    const instance = `${this.#clock.now()}-${Math.floor(this.#client.clock.random() * 1e9)}`;
    try {
      while (!signal.aborted) {
        try {
          await this.#live(instance, signal);
        } catch (error) {
          if (signal.aborted) break;
          if (!(error instanceof LockstepError) || isFinal(error)) throw error;
          this.#tell(`${error.message}; it is tried again`);
          await pause(this.#client.clock, retryMs, signal);
        }
      }
    } finally {
      over.abort();
      await keeping;
      this.#isRunning = false;
    }
  }

  /** Speaks for the host until its sign of life is lost, or the host is about to go down. */
  async #live(instance: string, signal: AbortSignal): Promise<void> {
    const { host, id, group, ttl } = this.#settings;
    await this.#clock.sync({ signal });
    const bootId = await host.bootId();
    const version = await host.version();
    const identity = await claimIdentity(
      this.#ledger,
      { id, group, bootId, instance, ttl },
      signal,
    );
    const until = AbortSignal.any([signal, identity.lost]);
    const record = new OwnRecord(this.#ledger, { id, isOurs: identity.isOurs, signal: until });
    try {
      await this.#register(record, this.#facts({ bootId, version }));
      await record.follow(async () => {
        while (!until.aborted) {
          const now = { bootId, version, until, ends: signal };
          const isLeaving = await this.#step(record, identity, now);
          if (isLeaving) return;
        }
      });
      signal.throwIfAborted();
      if (identity.lost.aborted) this.#tell('the sign of life was lost; it is taken up again');
    } finally {
      await identity.giveUp();
    }
  }

  async #register(record: OwnRecord, facts: HostFacts): Promise<void> {
    try {
      await record.change(({ record: was }) => registered(was, facts, this.#clock.now()));
    } catch (error) {
      throw error instanceof InvalidError ? new HostRefusedError(error.message) : error;
    }
  }

  #facts({ bootId, version }: Pick<AgentContext, 'bootId' | 'version'>): HostFacts {
    const { id, group, zone, name, member, credential } = this.#settings;
    return {
      id,
      group,
      via: 'agent',
      bootId,
      version,
      ...(zone === undefined ? {} : { zone }),
      ...(name === undefined ? {} : { name }),
      ...(member === undefined ? {} : { member }),
      ...(credential === undefined ? {} : { credential }),
    };
  }

  /** One thing at a time, from what the record says. @returns true when the host goes down now, or should have. */
  async #step(
    record: OwnRecord,
    identity: Identity,
    now: Pick<AgentContext, 'bootId' | 'version' | 'until' | 'ends'>,
  ): Promise<boolean> {
    const { until } = now;
    const own = await record.read();
    const context = { ...now, record, identity, ledger: this.#ledger, settings: this.#settings };
    if (own.grant !== undefined) {
      const isBack = now.bootId !== own.grant.bootId;
      if (isBack || own.state === 'failed' || own.state === 'verifying') {
        await new Verification(context).run(own);
        return false;
      }
      return new Departure(context).run(own);
    }
    if (own.isDrained === true) await this.#serve(own, record, until);
    // One that held a slot was counted where it was granted, and belongs where it says from now on.
    const { group, zone } = this.#settings;
    if (own.group !== group || own.zone !== zone) await this.#register(record, this.#facts(now));
    await this.#ask(own, record, until);
    await record.news(this.#settings.pollMs);
    return false;
  }

  /** Gives the host its work again after an operator took its slot. */
  async #serve(own: HostRecord, record: OwnRecord, until: AbortSignal): Promise<void> {
    const done = await this.#settings.host.undrain(factsOf(own), until);
    if (until.aborted) return;
    if (!done.isDone) return this.#tell(`it could not be undrained: ${done.why}`);
    await record.change(({ record: now }) => (now === undefined ? undefined : undrained(now)));
  }

  async #ask(own: HostRecord, record: OwnRecord, until: AbortSignal): Promise<void> {
    const need = await this.#need(own, until);
    if (need.needed === 'unknown') {
      this.#tell(`whether a reboot is needed is unknown: ${need.why}`);
      return;
    }
    const before = own.state;
    const next = await record.change((kept) => {
      const { record: now } = kept;
      if (now === undefined || now.grant !== undefined) return undefined;
      const at = this.#clock.now();
      return need.needed === 'yes' ? asked(now, need, at) : settled(now, at);
    });
    if (next?.record.state === 'waiting' && before !== 'waiting') {
      this.#tell(`needs a reboot: ${next.record.request?.reason ?? ''}; it waits for a slot`);
    }
    if (next?.record.state === 'idle' && before === 'waiting')
      this.#tell('no longer needs a reboot');
  }

  /** An operator's order is a need of its own. */
  async #need(own: HostRecord, until: AbortSignal): Promise<Need> {
    const ordered = await this.#client.get(this.#ledger.keys.now(own.id), { signal: until });
    const need = await this.#settings.host.needsReboot(until);
    if (ordered === undefined || need.needed === 'yes') return need;
    return { needed: 'yes', reason: orderedReason(legible(() => readOrder(ordered.value))) };
  }

  /** Says nothing twice in a row. */
  #tell(sentence: string): void {
    if (sentence === this.#said) return;
    this.#said = sentence;
    this.#settings.onEvent(sentence);
  }
}

/** Nothing that trying again would change. */
function isFinal(error: LockstepError): boolean {
  return error instanceof HostRefusedError || error.code === 'closed';
}

function checked(options: AgentOptions): AgentSettings {
  checkedId(options.id);
  checkedGroup(options.group);
  const settings = {
    pollMs: 60_000,
    checkEveryMs: 2_000,
    verifyWithinMs: 10 * 60_000,
    leaveWithinMs: 5 * 60_000,
    ttl: 60,
    onEvent: () => {},
    ...options,
  };
  for (const name of ['pollMs', 'checkEveryMs', 'verifyWithinMs', 'leaveWithinMs'] as const) {
    if (settings[name] > 0) continue;
    throw invalid(`${name} is ${settings[name]}; it must be a number of milliseconds above 0`);
  }
  return settings;
}
