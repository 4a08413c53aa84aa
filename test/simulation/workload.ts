import { assert } from '../../server/src/core/base/assert.ts';
import type { Random } from '../../server/src/core/base/random.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { Ask, Condition, History, Outcome, Pair, Request } from '../checkers/history.ts';
import { hasWritten } from '../checkers/model.ts';
import type { Coverage } from './coverage.ts';
import { OnceActor } from './once-actor.ts';
import { type ClientWeather, SimClient } from './sim-client.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';
import { SimLeases } from './sim-leases.ts';
import { SimWatcher } from './sim-watcher.ts';

const keys = ['config/a', 'config/b', 'lock/a', 'lock/b', 'x'];
const accounts = ['account/a', 'account/b', 'account/c'];
const deposit = 100;

/** Where a call goes, and what to do when it is over. */
export interface Call {
  readonly client: SimClient;
  readonly host: SimHost;
  readonly next: () => void;
}

/** Clients that write, read and watch through whatever member is there; the history has what they asked and were told. */
export class Workload {
  readonly watchers: SimWatcher[] = [];
  readonly leases: SimLeases;
  readonly once: OnceActor;
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #coverage: Coverage;
  readonly #history: History;
  readonly #weather: ClientWeather;
  /** How often each kind of call is made. */
  readonly #mix: readonly ((call: Call) => void)[];
  #nextValue = 0;
  #probes = 0;
  /** The newest revision that anybody was told. */
  #revision = 1;
  active = true;
  /** How many writes were acknowledged. */
  writes = 0;

  constructor(
    cluster: SimCluster,
    world: { random: Random; coverage: Coverage; history: History },
  ) {
    this.#cluster = cluster;
    this.#random = world.random;
    this.#coverage = world.coverage;
    this.#history = world.history;
    this.#weather = {
      delayMsMax: this.#random.pick([0, 2, 20]),
      lossOneIn: this.#random.pick([0, 60, 20]),
    };
    this.leases = new SimLeases(cluster, world.coverage, () => this.#value());
    this.once = new OnceActor(cluster, world);
    this.#mix = [
      ...times(10, (call: Call) => this.#put(call)),
      ...times(6, (call: Call) => this.#read(call)),
      ...times(3, (call: Call) => this.#readOld(call)),
      ...times(2, (call: Call) => this.#readPast(call)),
      ...times(3, (call: Call) => this.#delete(call)),
      ...times(5, (call: Call) => this.#compareAndSwap(call)),
      ...times(4, (call: Call) => this.#transfer(call)),
      ...times(3, (call: Call) => this.leases.grant(call)),
      ...times(3, (call: Call) => this.leases.renewOrRevoke(call, this.#random)),
      ...times(3, (call: Call) => this.#compact(call)),
      ...times(5, (call: Call) => this.once.act(call, this.#value())),
    ];
  }

  start(options: { clients: number; watchers: number }): void {
    for (let at = 0; at < options.clients; at++) this.#loop(this.#client(`c${at}`));
    for (let at = 0; at < options.watchers; at++) this.#watch(at);
  }

  /** After everything is over: every member shows all that it has, and a linearizable read says which is true. */
  readAll(hosts: readonly SimHost[], done: () => void): void {
    let left = hosts.length;
    for (const host of hosts) {
      const client = this.#client(`end ${host.name}`);
      client.weather.lossOneIn = 0;
      const all = { type: 'range', key: '\0', rangeEnd: '\0' } as const;
      client.ask(all, host, (outcome) => {
        assert(outcome.type === 'ok', `liveness: ${host.name} does not answer when all is well`);
        if (--left === 0) done();
      });
    }
  }

  /** Linearizable reads and a write at one member, soon after each other. */
  probe(host: SimHost): void {
    for (const [at, delayMs] of [0, 40, 150, 300, 500, 900].entries()) {
      this.#cluster.time.after(delayMs, () => {
        const call = { client: this.#client(`p${this.#probes++}`), host, next: () => {} };
        if (at === 3) this.#put(call);
        else this.#ask(call, { type: 'range', key: '\0', rangeEnd: '\0' });
      });
    }
  }

  #client(name: string): SimClient {
    const world = {
      cluster: this.#cluster,
      history: this.#history,
      random: this.#random,
      coverage: this.#coverage,
    };
    return new SimClient(name, world, { ...this.#weather });
  }

  #loop(client: SimClient): void {
    this.#cluster.time.after(10 + this.#random.below(200), () => {
      if (!this.active) return;
      const host = client.pickHost();
      const next = (): void => this.#loop(client);
      if (host === undefined) next();
      else this.#random.pick(this.#mix)({ client, host, next });
    });
  }

  /** Asks, and goes on with what was answered. */
  #ask(call: Call, request: Request, then: (outcome: Outcome) => void = () => call.next()): void {
    call.client.ask(request, call.host, (outcome) => {
      this.#note(request, outcome);
      then(outcome);
    });
  }

  #note(request: Request, outcome: Outcome): void {
    if (outcome.type === 'refused') {
      if (outcome.code === 'no_leader') this.#coverage.reach('call failed without a leader');
      if (outcome.code === 'no_space') this.#coverage.reach('write refused for want of space');
      if (outcome.code === 'compacted') this.#coverage.reach('read of what was compacted refused');
    }
    if (outcome.type === 'unknown') this.#coverage.reach('call whose outcome is unknown');
    if (outcome.type !== 'ok') return;
    this.#revision = Math.max(this.#revision, outcome.revision);
    const { answer } = outcome;
    if (hasWritten(answer)) this.writes++;
    if (request.type === 'put') this.#coverage.reach('put acknowledged');
    if (request.type === 'delete' && hasWritten(answer))
      this.#coverage.reach('delete acknowledged');
    if (request.type === 'compact') this.#coverage.reach('compaction asked for');
    if (answer.type !== 'txn') return;
    this.#coverage.reach(
      answer.succeeded ? 'transaction succeeded' : 'transaction failed its comparison',
    );
  }

  #value(): string {
    return `v${this.#nextValue++}`;
  }

  #put(call: Call): void {
    const value = `${this.#value()}${'.'.repeat(this.#random.below(100))}`;
    const prevKv = this.#random.oneIn(3);
    this.#ask(call, { type: 'put', key: this.#random.pick(keys), value, prevKv });
  }

  #delete(call: Call): void {
    const prevKv = this.#random.oneIn(2);
    const one = { key: this.#random.pick(keys) };
    const range = this.#random.oneIn(4) ? { key: 'config/', rangeEnd: 'config0' } : one;
    this.#ask(call, { type: 'delete', ...range, prevKv });
  }

  #read(call: Call): void {
    this.#ask(call, { type: 'range', ...this.#someKeys() });
  }

  /** Of one member, without asking the others. */
  #readOld(call: Call): void {
    this.#ask(call, { type: 'range', ...this.#someKeys(), isSerializable: true });
  }

  #readPast(call: Call): void {
    const revision = Math.max(1, this.#revision - this.#random.below(80));
    this.#ask(call, { type: 'range', ...this.#someKeys(), revision });
  }

  #someKeys(): { key: string; rangeEnd?: string; limit?: number } {
    if (this.#random.oneIn(2)) return { key: this.#random.pick(keys) };
    const all = { key: '\0', rangeEnd: '\0' };
    return this.#random.oneIn(2) ? all : { ...all, limit: 1 + this.#random.below(4) };
  }

  /** Reads where it is, however old that is, and writes only if nobody wrote since. */
  #compareAndSwap(call: Call): void {
    const key = 'cas';
    this.#ask(call, { type: 'range', key, isSerializable: true }, (outcome) => {
      const seen = pairsOf(outcome)?.[0]?.modRevision ?? 0;
      if (outcome.type !== 'ok') return call.next();
      this.#ask(call, {
        type: 'txn',
        compare: [{ key, target: 'mod', operator: '=', operand: seen }],
        success: [
          { type: 'put', key, value: this.#value(), prevKv: true },
          { type: 'range', key },
        ],
        failure: [{ type: 'range', key }],
      });
    });
  }

  /** Moves an amount between accounts, by a transaction inside of a transaction, if nobody touched them since. */
  #transfer(call: Call): void {
    const all = { type: 'range', key: 'account/', rangeEnd: 'account0' } as const;
    this.#ask(call, { ...all, isSerializable: true }, (outcome) => {
      const pairs = pairsOf(outcome);
      if (pairs === undefined) return call.next();
      const stored = accounts.map((key) => pairs.find((pair) => pair.key === key));
      const compare = accounts.map(
        (key, at): Condition => ({
          key,
          target: 'mod',
          operator: '=',
          operand: stored[at]?.modRevision ?? 0,
        }),
      );
      const from = this.#random.below(accounts.length);
      const to = (from + 1 + this.#random.below(accounts.length - 1)) % accounts.length;
      const amount = this.#random.below(50);
      const success = accounts.map((key, at): Ask => {
        const balance =
          amountIn(stored[at]) + (at === to ? amount : 0) - (at === from ? amount : 0);
        return { type: 'put', key, value: `${this.#value()}=${balance}` };
      });
      // Its condition is of the state before the transaction, although the key is written outside of it.
      const isFirst: Condition = { key: 'transfers', target: 'version', operator: '=', operand: 0 };
      const count: Ask = { type: 'put', key: 'transfers', value: this.#value() };
      const inner: Ask = { type: 'txn', compare: [isFirst], success, failure: success };
      this.#ask(
        call,
        { type: 'txn', compare, success: [count, inner], failure: [all] },
        (moved) => {
          if (moved.type === 'ok' && hasWritten(moved.answer)) {
            this.#coverage.reach('transfer in a transaction');
          }
          call.next();
        },
      );
    });
  }

  #compact(call: Call): void {
    const revision = this.#revision - this.#random.below(40);
    if (revision < 1) return call.next();
    this.#ask(call, { type: 'compact', revision });
  }

  /** From now on watchers read on wherever they can, until they have been told of everything. */
  watchToTheEnd(): void {
    for (const watcher of this.watchers) {
      watcher.readAll();
      this.#keepAttached(watcher);
    }
  }

  #keepAttached(watcher: SimWatcher): void {
    this.#cluster.time.after(500, () => {
      const host = this.#cluster.leader;
      if (!watcher.attached && host?.member !== undefined) {
        watcher.attach(host, host.member);
        watcher.readAll();
      }
      this.#keepAttached(watcher);
    });
  }

  #watch(at: number): void {
    const prefix = ['config/', 'lock/', ''][at % 3] as ByteString;
    const watcher = new SimWatcher(
      this.#cluster,
      { coverage: this.#coverage, history: this.#history },
      { name: `w${at}`, prefix, prevKv: at % 2 === 0 },
    );
    // Some take a few revisions at a time.
    if (at === 1) watcher.credits = 3;
    this.watchers.push(watcher);
    this.#watchLoop(watcher);
  }

  /** Attaches the watcher wherever it can, again and again. */
  #watchLoop(watcher: SimWatcher): void {
    this.#cluster.time.after(50 + this.#random.below(400), () => {
      if (!watcher.attached || this.#random.oneIn(40)) {
        const { running } = this.#cluster;
        const host = running.length === 0 ? undefined : this.#random.pick(running);
        if (host?.member !== undefined) watcher.attach(host, host.member);
      }
      watcher.full = this.active && this.#random.oneIn(4);
      watcher.nudge();
      if (this.active) this.#watchLoop(watcher);
    });
  }
}

function times<Item>(count: number, item: Item): Item[] {
  return Array.from({ length: count }, () => item);
}

function pairsOf(outcome: Outcome): readonly Pair[] | undefined {
  if (outcome.type !== 'ok' || outcome.answer.type !== 'range') return undefined;
  return outcome.answer.pairs;
}

function amountIn(pair: Pair | undefined): number {
  return pair === undefined ? deposit : Number(pair.value.slice(pair.value.indexOf('=') + 1));
}
