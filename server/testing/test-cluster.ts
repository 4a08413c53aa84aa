import { Client, type ClientOptions, type Clock } from '@lockstep/client';
import { methodTraits } from '@lockstep/client/protocol';
import { Random } from '../src/core/base/random.ts';
import { ClientNetwork, type CutKind } from './client-network.ts';
import { ClusterClock } from './cluster-clock.ts';
import {
  type CheckedOptions,
  checked,
  clientAddressOf,
  configOf,
  joinerConfigOf,
  memberNames,
  peerAddressOf,
  type TestClusterOptions,
} from './cluster-options.ts';
import { Pump } from './pump.ts';
import type { Reply, ReplyFilter } from './replies.ts';
import { SimMember, type SimWorld } from './sim-member.ts';
import { SimNetwork } from './sim-network.ts';
import { SimTime } from './sim-time.ts';
import { TestMember } from './test-member.ts';

/** Replies that {@link TestCluster.dropReplies} loses. */
export interface DroppedReplies {
  /** How many were lost so far. */
  readonly count: number;
  /** Loses no more. */
  stop(): void;
}

/** Far more than an election takes. */
const startMsMax = 60_000;
const untilMsMax = 60_000;

/**
 * Starts a cluster for tests inside this process: the production core, loop, log, service and
 * session over a simulated disk, network and clock. Resolves when it has a leader that all members know.
 *
 * Time stands still unless {@link TestCluster.advance} is called; what needs no time happens by itself.
 * @throws ConfigError when an option is wrong.
 */
export async function createTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const cluster = new TestCluster(checked(options));
  await cluster.start();
  return cluster;
}

/** A cluster for tests; made by {@link createTestCluster}. */
export class TestCluster implements AsyncDisposable {
  #members: readonly TestMember[];
  /** The cluster's virtual time, for code under test that takes a clock. */
  readonly clock: Clock & { wall(): number };
  readonly #options: CheckedOptions;
  readonly #time = new SimTime();
  readonly #pump: Pump;
  readonly #random: Random;
  readonly #peers: SimNetwork;
  readonly #network: ClientNetwork;
  readonly #hosts = new Map<string, SimMember>();
  readonly #world: SimWorld;
  readonly #clients = new Set<Client>();
  readonly #internalErrors: unknown[] = [];
  #wallOffsetMs: number;
  #loses: ReplyFilter = () => false;
  #isClosed = false;

  /** @internal */
  constructor(options: CheckedOptions) {
    this.#options = options;
    this.#wallOffsetMs = options.wallMs;
    this.#pump = new Pump(this.#time, () => this.#isBusy);
    this.#random = new Random(options.seed);
    this.#peers = new SimNetwork(this.#time, new Random(this.#random.next()));
    const { networkDelayMs } = options;
    Object.assign(this.#peers.faults, { delayMsMin: networkDelayMs, delayMsMax: networkDelayMs });
    const names = memberNames(options);
    this.#network = new ClientNetwork(this.#time, networkDelayMs, names.map(clientAddressOf));
    this.clock = this.#newClock();
    this.#world = {
      time: this.#time,
      random: this.#random,
      peers: this.#peers,
      clients: this.#network,
      diskDelayMs: options.diskDelayMs,
      // Jumps are the clients': their hosts' clocks may be wrong, and the members' tell the time.
      wallMs: () => options.wallMs + this.#time.now,
      loses: (reply) => this.#loses(reply),
      trace: (line) => this.#trace(line),
      internalError: (member, thrown) => {
        this.#internalErrors.push(thrown);
        this.#trace(`${member} failed inside: ${String(thrown)}`);
      },
    };
    for (const name of names) {
      this.#hosts.set(name, new SimMember(configOf(options, name), this.#world));
    }
    this.#members = [...this.#hosts.values()].map((host) => new TestMember(host));
  }

  /** @internal */
  async start(): Promise<void> {
    for (const host of this.#hosts.values()) host.start();
    await this.advanceUntil(() => this.#isSettled, startMsMax);
  }

  /** Founders, and those that {@link join} started. */
  get members(): readonly TestMember[] {
    return this.#members;
  }

  /** The member that leads, by its own knowledge, in the newest term; undefined while none does. */
  get leader(): TestMember | undefined {
    return this.members
      .filter(({ isLeader }) => isLeader)
      .sort((left, right) => right.term - left.term)[0];
  }

  /** Virtual milliseconds since the cluster was made. */
  get now(): number {
    return this.#time.now;
  }

  /** The addresses at which clients reach the members, by name. */
  get endpoints(): readonly string[] {
    return this.members.map(({ address }) => address);
  }

  /** The member of that name. @throws RangeError that lists the names. */
  member(name: string): TestMember {
    const found = this.members.find((member) => member.name === name);
    if (found === undefined) throw this.#unknown(name);
    return found;
  }

  /**
   * A client of this cluster, in its time; closed with it. It knows all members unless
   * `endpoints` says otherwise.
   */
  client(options: ClientOptions = {}): Client {
    this.#checkOpen();
    const client = new Client({ ...this.clientOptions(), ...options });
    this.#clients.add(client);
    return client;
  }

  /** What makes a client one of this cluster, for code under test that makes its own and closes it. */
  clientOptions(): ClientOptions & Required<Pick<ClientOptions, 'endpoints' | 'dial' | 'clock'>> {
    return { endpoints: this.endpoints, dial: this.#network.dial, clock: this.#newClock() };
  }

  /**
   * Lets virtual time pass: ticks, timers, timeouts and expiries run in the order of their time, and
   * between two of them promises get as far as they can. Code that waits for anything but this
   * cluster (a file, a real timer) is not waited for. Calls made at the same time follow one another.
   * @throws RangeError when `ms` is no time.
   */
  async advance(ms: number): Promise<void> {
    this.#checkOpen();
    await this.#pump.advance(ms);
  }

  /**
   * Lets virtual time pass until a promise has settled, or a condition, asked after each event, holds.
   * @returns what the promise gives.
   * @throws Error when `maxMs` (default 60,000) pass before; what the promise rejects with.
   */
  async advanceUntil(condition: () => boolean, maxMs?: number): Promise<void>;
  async advanceUntil<Result>(promise: PromiseLike<Result>, maxMs?: number): Promise<Result>;
  async advanceUntil<Result>(
    goal: PromiseLike<Result> | (() => boolean),
    maxMs = untilMsMax,
  ): Promise<Result | undefined> {
    this.#checkOpen();
    const late = `nothing came of it within ${maxMs} virtual milliseconds`;
    if (typeof goal === 'function') {
      if (!(await this.#pump.advanceUntil(goal, maxMs))) throw new Error(late);
      return undefined;
    }
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    goal.then(settle, settle);
    if (!(await this.#pump.advanceUntil(() => isSettled, maxMs))) throw new Error(late);
    return goal;
  }

  /**
   * Splits the members: nothing passes between groups any more. Members that no group names are a
   * group of their own, so `partition('a')` cuts a off from all others. It replaces an earlier
   * partition. Clients still reach every member; see {@link cutClients}.
   */
  partition(...groups: readonly (string | readonly string[])[]): void {
    const named = groups.map((group) => (typeof group === 'string' ? [group] : [...group]));
    const all = named.flat();
    for (const name of all) this.#host(name);
    const twice = all.find((name, at) => all.indexOf(name) !== at);
    if (twice !== undefined) throw new RangeError(`"${twice}" is in two groups`);
    const rest = [...this.#hosts.keys()].filter((name) => !all.includes(name));
    const sides = rest.length === 0 ? named : [...named, rest];
    this.#peers.heal();
    for (const from of sides) {
      for (const to of sides.filter((side) => side !== from)) this.#cutPeers(from, to);
    }
    this.#trace(`partition ${sides.map((side) => side.join('')).join(' | ')}`);
  }

  /** Ends every partition between members. Links that were given up are made anew, which takes time. */
  heal(): void {
    this.#peers.heal();
    this.#trace('heal');
  }

  /**
   * Cuts clients off from one member, or from all. `silent`: no packet passes, nobody is told, and
   * what was sent arrives after {@link restoreClients} if the connection still stands. `refused`:
   * connections break, and new ones are refused.
   */
  cutClients(from: string | 'all' = 'all', kind: CutKind = 'silent'): void {
    for (const { address } of this.#chosen(from)) this.#network.cut(address, kind);
    this.#trace(`clients cut off from ${from}: ${kind}`);
  }

  /** Lets clients through to one member again, or to all. */
  restoreClients(to: string | 'all' = 'all'): void {
    for (const { address } of this.#chosen(to)) this.#network.restore(address);
    this.#trace(`clients let through to ${to}`);
  }

  /** Stops a member's process in its tracks, as SIGSTOP or a long collection of garbage would. */
  pause(name: string): void {
    this.#host(name).pause();
  }

  /** Lets a paused process go on: it finds what arrived meanwhile, and the ticks it missed stay missed. */
  resume(name: string): void {
    this.#host(name).resume();
  }

  /** Cuts a member's power: connections break, and writes that were not synced may be lost, whole or in part. */
  kill(name: string): void {
    this.#host(name).kill();
  }

  /**
   * Stops a member in order: it hands leadership over and answers what is under way, at most 5 s
   * for clients that take nothing. Time passes as it needs.
   * @throws Error when it is paused, and so can do nothing.
   */
  async stop(name: string): Promise<void> {
    const host = this.#host(name);
    if (host.isPaused) throw new Error(`"${name}" is paused and cannot stop; resume or kill it`);
    let isDone = !host.isOn;
    host.stop(() => {
      isDone = true;
    });
    await this.advanceUntil(() => isDone || !host.isOn);
  }

  /** Starts a member on what its disk holds; one that runs is killed first. */
  restart(name: string): void {
    this.#host(name);
    this.member(name).restart();
  }

  /**
   * Starts a machine with an empty disk, whose member joins as `client.cluster.add` or `replace` has
   * prepared: at the peer address `<name>.test:2380`. The name of an earlier machine stands for a new one in its place.
   */
  join(name: string): TestMember {
    this.#checkOpen();
    const asked = [...this.#hosts.values()].filter((host) => host.name !== name && host.isOn);
    const addresses = asked.map(({ peerAddress }) => peerAddress);
    const host = new SimMember(joinerConfigOf(this.#options, name, addresses), this.#world);
    this.#hosts.get(name)?.kill();
    this.#network.add(host.address);
    this.#hosts.set(name, host);
    const member = new TestMember(host);
    this.#members = [...this.#members.filter((other) => other.name !== name), member];
    host.start();
    return member;
  }

  /** The address at which members reach the one of that name, for `client.cluster.add`. */
  peerAddress(name: string): string {
    return peerAddressOf(name);
  }

  /**
   * Loses replies to clients, with their connections, after the member has done what was asked.
   * @param which a number: of the next changes (puts, deletes, transactions ...) that succeeded; a
   * function: those it is true for. It replaces an earlier choice.
   */
  dropReplies(which: number | ReplyFilter = 1): DroppedReplies {
    let count = 0;
    const matches = (reply: Reply): boolean =>
      typeof which === 'function'
        ? which(reply)
        : count < which && reply.ok && !methodTraits[reply.method].idempotent;
    const loses: ReplyFilter = (reply) => {
      if (!matches(reply)) return false;
      count++;
      return true;
    };
    this.#loses = loses;
    return {
      get count() {
        return count;
      },
      stop: () => {
        if (this.#loses === loses) this.#loses = () => false;
      },
    };
  }

  /** Sets the wall clock of all clients forward, or back, as an administrator or NTP would. */
  jumpWallClock(ms: number): void {
    this.#wallOffsetMs += ms;
    this.#trace(`the wall clock jumps by ${ms} ms`);
  }

  /**
   * Closes all clients and ends the cluster; nothing of it runs on. Idempotent.
   * @throws AggregateError when a member failed inside, which no fault of the world excuses.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    // Nothing drains any more: time has ended.
    const closed = [...this.#clients].map((client) => client.close({ drainMs: 0 }));
    this.#isClosed = true;
    for (const host of this.#hosts.values()) host.kill();
    this.#pump.close();
    await Promise.all(closed);
    if (this.#internalErrors.length === 0) return;
    throw new AggregateError(this.#internalErrors, 'a member answered with an internal error');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isSettled(): boolean {
    const { leader } = this;
    if (leader === undefined) return false;
    return this.members.every(({ leaderName }) => leaderName === leader.name) && this.#knowAll;
  }

  get #knowAll(): boolean {
    return [...this.#hosts.values()].every(({ isSettled }) => isSettled);
  }

  get #isBusy(): boolean {
    for (const host of this.#hosts.values()) if (host.isBusy) return true;
    return false;
  }

  #newClock(): ClusterClock {
    const wall = { ms: () => this.#wallOffsetMs + this.#time.now };
    return new ClusterClock(this.#time, wall, new Random(this.#random.next()));
  }

  #cutPeers(from: readonly string[], to: readonly string[]): void {
    for (const one of from) {
      for (const other of to) {
        this.#peers.cut(this.#host(one).peerAddress, this.#host(other).peerAddress);
      }
    }
  }

  #chosen(name: string): readonly TestMember[] {
    return name === 'all' ? this.members : [this.member(name)];
  }

  #host(name: string): SimMember {
    this.#checkOpen();
    const host = this.#hosts.get(name);
    if (host === undefined) throw this.#unknown(name);
    return host;
  }

  #unknown(name: string): RangeError {
    const names = [...this.#hosts.keys()].join(', ');
    return new RangeError(`there is no member "${name}"; there are ${names}`);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Error('the cluster is closed');
  }

  #trace(line: string): void {
    this.#options.trace?.(`${String(this.#time.now).padStart(7)} ${line}`);
  }
}
