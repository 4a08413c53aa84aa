import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@lockstep/client';
import { Random } from '../../server/src/core/base/random.ts';
import type { History, Outcome, Pair, Request } from '../checkers/history.ts';
import { Asks } from './asks.ts';
import { call, pairsIn } from './calls.ts';
import type { Outages } from './outages.ts';

export interface WorkloadOptions {
  readonly endpoints: readonly string[];
  readonly seed: number;
  readonly history: History;
  readonly outages: Outages;
  /** Calls in a second, of all clients together, at most. */
  readonly rate: number;
}

const clientCount = 12;
const holderCount = 3;
const callTimeoutMs = 4_000;
/** How far a compaction stays behind what is there; now and then it comes close, and overtakes slow watchers. */
const compactionDistances = [800, 800, 800, 30];

/** One client, with what it was told so far. */
class Caller {
  readonly name: string;
  readonly random: Random;
  readonly asks: Asks;
  readonly pairs = new Map<string, Pair>();
  readonly client: Client;
  readonly #options: WorkloadOptions;

  constructor(name: string, at: number, options: WorkloadOptions) {
    this.name = name;
    this.random = new Random(options.seed * 1_000 + at);
    this.asks = new Asks(name, this.random);
    const first = at % options.endpoints.length;
    const endpoints = [...options.endpoints.slice(first), ...options.endpoints.slice(0, first)];
    this.client = new Client({ endpoints, learnEndpoints: false, callTimeoutMs });
    this.#options = options;
  }

  get revision(): number {
    return this.client.seenRevision;
  }

  /** One call, from its making to its end, in the history. */
  async ask(request: Request): Promise<Outcome> {
    const { history, outages } = this.#options;
    const id = history.begin(this.name, request, performance.now());
    const outcome = await call(this.client, request);
    history.ended(id, outcome, performance.now());
    if (outcome.type !== 'ok') return outcome;
    if (request.type !== 'range' && request.type !== 'renew') outages.note();
    for (const pair of pairsIn(outcome.answer)) this.pairs.set(pair.key, pair);
    return outcome;
  }
}

/** Clients that read, write, compact and hold leases through whatever happens, at a bounded rate. */
export class Workload {
  readonly #callers: Caller[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[];

  constructor(options: WorkloadOptions) {
    const caller = (name: string): Caller => {
      const made = new Caller(name, this.#callers.length, options);
      this.#callers.push(made);
      return made;
    };
    // Each of the loops waits on it.
    setMaxListeners(0, this.#stopping.signal);
    const pauseMs = (1_000 * clientCount) / options.rate;
    this.#running = [
      ...Array.from({ length: clientCount }, (_, at) => this.#client(caller(`c${at}`), pauseMs)),
      ...Array.from({ length: holderCount }, (_, at) => this.#holder(caller(`h${at}`))),
      this.#compactor(caller('compactor')),
    ];
  }

  /** Makes no new call, and waits for those under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
    await Promise.all(this.#callers.map(({ client }) => client.close({ drainMs: 0 })));
  }

  async #client(caller: Caller, pauseMs: number): Promise<void> {
    while (await this.#pause(pauseMs * (0.5 + caller.random.below(1_000) / 1_000))) {
      await caller.ask(caller.asks.next(caller));
    }
  }

  /** Leases that are kept, revoked, or left to end by themselves, with keys on them. */
  async #holder(caller: Caller): Promise<void> {
    const { random } = caller;
    while (await this.#pause(random.below(300))) {
      const ttlMs = 1_000 * (2 + random.below(3));
      const granted = await caller.ask({ type: 'grant', ttlMs });
      if (granted.type !== 'ok' || granted.answer.type !== 'grant') continue;
      const { lease } = granted.answer;
      for (let count = 1 + random.below(3); count > 0; count--) {
        const key = random.oneIn(4) ? `k/0${count}` : `l/${caller.name}/${count}`;
        await caller.ask({ type: 'put', key, value: caller.asks.value(), lease });
      }
      for (let renewals = random.below(4); renewals > 0; renewals--) {
        if (!(await this.#pause(ttlMs / 3))) return;
        await caller.ask({ type: 'renew', lease });
      }
      // Later than its end too, when there is nothing to revoke any more.
      if (!(await this.#pause(random.below(ttlMs)))) return;
      if (random.oneIn(2)) await caller.ask({ type: 'revoke', lease });
    }
  }

  async #compactor(caller: Caller): Promise<void> {
    const { random } = caller;
    while (await this.#pause(1_000 + random.below(5_000))) {
      await caller.ask({ type: 'range', key: 'k/00' });
      const revision = caller.revision - random.pick(compactionDistances);
      if (revision > 1) await caller.ask({ type: 'compact', revision });
    }
  }

  /** @returns false when it is time to stop. */
  async #pause(ms: number): Promise<boolean> {
    const { signal } = this.#stopping;
    if (signal.aborted) return false;
    // An abort ends the pause, and is what the caller is told.
    await sleep(ms, undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }
}
