import type { TestContext } from 'node:test';
import type { Client } from '@lockstep/client';
import {
  Agent,
  type AgentOptions,
  type CheckResult,
  Coordinator,
  type FleetStatus,
  type GroupPolicy,
  type HistoryEntry,
  type HookResult,
  type Host,
  type HostStatus,
  type Need,
  Operator,
} from '@lockstep/reboot-coordinator';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';
import { cuttableClient, type OwnProcess } from './contenders.ts';
import { FleetMonitor } from './fleet-monitor.ts';
import { noUnhandledRejections } from './unhandled.ts';

/** How a simulated machine behaves; each may be changed at any time. */
export interface MachineHabits {
  /** The version that is installed and runs after the next boot. */
  installed: string;
  /** How long it is down when it reboots. */
  downMs: number;
  /** What its hooks and checks answer. */
  drains: () => Promise<HookResult> | HookResult;
  undrains: () => Promise<HookResult> | HookResult;
  checks: () => CheckResult;
  /** What becomes of the wish to reboot: it may be refused, or ignored. */
  reboots: 'does' | 'ignores' | { readonly refused: string };
  /** What runs after a boot, if not what is installed: a rollback. */
  boots: ((installed: string) => string) | undefined;
  /** Whether it comes up again. */
  returns: boolean;
  /** What goes down and comes up with it. */
  goesDown: () => void;
  comesUp: () => void;
}

const done: HookResult = { isDone: true };

/** A machine in virtual time, with an agent on it while it is up. */
export class Machine implements Host {
  readonly id: string;
  readonly habits: MachineHabits;
  readonly said: string[] = [];
  running = 'v1';
  boots = 0;
  isUp = false;
  #why: Need | undefined;
  readonly #fleet: TestFleet;
  readonly #options: Omit<AgentOptions, 'host' | 'id'>;
  #process: { readonly own: OwnProcess; readonly over: AbortController } | undefined;
  agentEnd: unknown;

  readonly #body: string;

  constructor(fleet: TestFleet, id: string, options: Omit<AgentOptions, 'host' | 'id'>, body = '') {
    this.#body = body;
    this.id = id;
    this.#fleet = fleet;
    this.#options = options;
    this.habits = {
      installed: 'v1',
      downMs: 20_000,
      drains: () => done,
      undrains: () => done,
      checks: () => ({ isGreen: true }),
      reboots: 'does',
      boots: undefined,
      returns: true,
      goesDown: () => {},
      comesUp: () => {},
    };
  }

  /** Its group from the next start of its agent. */
  group: string | undefined;

  boot(): void {
    this.isUp = true;
    this.boots++;
    this.habits.comesUp();
    const { boots, installed } = this.habits;
    this.running = boots === undefined ? installed : boots(installed);
    this.startAgent();
  }

  startAgent(): void {
    const own = cuttableClient(this.#fleet.cluster);
    const over = new AbortController();
    const group = this.group ?? this.#options.group;
    const agent = new Agent(own.client, {
      pollMs: 10_000,
      ttl: 20,
      ...this.#options,
      group,
      host: this,
      id: this.id,
      onEvent: (sentence) => this.said.push(sentence),
    });
    this.#process = { own, over };
    agent.run(over.signal).catch((error: unknown) => {
      this.agentEnd = error;
    });
  }

  /** As kill -9 does it: nothing is given up, nothing is said. */
  killAgent(): void {
    const { own, over } = this.#process ?? {};
    this.#process = undefined;
    if (own !== undefined) kill(own, over);
  }

  /** The agent cannot reach the store, and the store not the agent. */
  cutOff(is: boolean): void {
    this.#process?.own.cutOff(is);
  }

  get hasAgent(): boolean {
    return this.#process !== undefined;
  }

  /** Goes down, whether anybody planned it or not. */
  crash(): void {
    this.isUp = false;
    this.killAgent();
    if (!this.habits.returns) return;
    this.#fleet.cluster.clock.after(this.habits.downMs, () => {
      if (!this.isUp) this.boot();
    });
  }

  need(why: Need | undefined): void {
    this.#why = why;
  }

  get #bootId(): string {
    return `${this.#body}${this.id} boot ${this.boots}`;
  }

  async bootId(): Promise<string> {
    return this.#bootId;
  }

  async version(): Promise<string> {
    return this.running;
  }

  async needsReboot(): Promise<Need> {
    if (this.#why !== undefined) return this.#why;
    const { installed } = this.habits;
    if (installed === this.running) return { needed: 'no' };
    return { needed: 'yes', reason: `${installed} is installed`, target: installed };
  }

  async drain(): Promise<HookResult> {
    return this.habits.drains();
  }

  async undrain(): Promise<HookResult> {
    return this.habits.undrains();
  }

  async check(): Promise<CheckResult> {
    return this.habits.checks();
  }

  async reboot(): Promise<HookResult> {
    const { reboots } = this.habits;
    if (reboots === 'ignores') return done;
    if (reboots !== 'does') return { isDone: false, why: reboots.refused };
    this.#fleet.monitor.wentDown(this.id, this.#bootId);
    this.isUp = false;
    this.habits.goesDown();
    const process = this.#process;
    this.#process = undefined;
    // Its last words are on their way when it goes.
    this.#fleet.cluster.clock.after(200, () => {
      if (process !== undefined) kill(process.own, process.over);
    });
    if (this.habits.returns) {
      this.#fleet.cluster.clock.after(this.habits.downMs, () => {
        if (!this.isUp) this.boot();
      });
    }
    return done;
  }
}

/** A fleet of simulated machines over a simulated cluster, watched all the time. */
export class TestFleet {
  readonly cluster: TestCluster;
  readonly client: Client;
  readonly operator: Operator;
  readonly monitor: FleetMonitor;
  readonly machines = new Map<string, Machine>();
  readonly twins: Machine[] = [];
  readonly coordinators: { readonly over: AbortController; readonly own: OwnProcess }[] = [];
  readonly troubles: string[] = [];

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
    this.client = cluster.client();
    this.operator = new Operator(this.client, { by: 'tester' });
    this.monitor = new FleetMonitor(cluster.client());
  }

  /** @param endpoints the members that it knows; all by default. */
  addCoordinator(endpoints?: readonly string[]): number {
    const own = cuttableClient(this.cluster, endpoints);
    const over = new AbortController();
    const coordinator = new Coordinator(own.client, {
      onTrouble: (message) => this.troubles.push(message),
    });
    coordinator.run(over.signal).catch((error: unknown) => {
      if (!over.signal.aborted) this.troubles.push(String(error));
    });
    return this.coordinators.push({ over, own }) - 1;
  }

  killCoordinator(at: number): void {
    const { over, own } = this.coordinators[at] ?? {};
    if (own !== undefined) kill(own, over);
  }

  add(id: string, options: Omit<AgentOptions, 'host' | 'id'>): Machine {
    const machine = new Machine(this, id, options);
    this.machines.set(id, machine);
    machine.boot();
    return machine;
  }

  /** Another machine that has the id of one that is there. */
  twin(id: string, options: Omit<AgentOptions, 'host' | 'id'>): Machine {
    const machine = new Machine(this, id, options, 'twin of ');
    this.twins.push(machine);
    machine.boot();
    return machine;
  }

  /** Hosts of one group, named after it. */
  addGroup(group: string, count: number, options: Partial<AgentOptions> = {}): Machine[] {
    return Array.from({ length: count }, (_, at) =>
      this.add(`${group}-${at + 1}`, { group, ...options }),
    );
  }

  async close(): Promise<void> {
    this.monitor.stop();
    for (const machine of [...this.machines.values(), ...this.twins]) machine.killAgent();
    this.coordinators.forEach((_, at) => {
      this.killCoordinator(at);
    });
    await this.cluster.close();
  }

  /** Lets time pass, in steps after each of which the monitor has looked. */
  async pass(ms: number): Promise<void> {
    await this.cluster.advance(ms);
    this.monitor.assertClean();
  }

  async until(what: (status: FleetStatus) => boolean, maxMs = 600_000): Promise<FleetStatus> {
    const end = this.cluster.now + maxMs;
    for (;;) {
      const status = await this.status();
      if (what(status)) return status;
      if (this.cluster.now >= end) {
        throw new Error(`it did not come to that within ${maxMs} ms: ${brief(status)}`);
      }
      await this.pass(500);
    }
  }

  async status(): Promise<FleetStatus> {
    return this.cluster.advanceUntil(this.operator.status({ timeoutMs: 60_000 }), 120_000);
  }

  async host(id: string): Promise<HostStatus> {
    const found = (await this.status()).hosts.find((host) => host.id === id);
    if (found === undefined) throw new Error(`there is no ${id}`);
    return found;
  }

  async inState(id: string, state: HostStatus['state'], maxMs?: number): Promise<HostStatus> {
    await this.until(
      ({ hosts }) => hosts.some((one) => one.id === id && one.state === state),
      maxMs,
    );
    return this.host(id);
  }

  /** Runs something that asks the store, while time passes. */
  run<Result>(what: Promise<Result>): Promise<Result> {
    return this.cluster.advanceUntil(what, 120_000);
  }

  async history(): Promise<readonly HistoryEntry[]> {
    return this.run(this.operator.history({ limit: 1000 }));
  }

  group(name: string, policy: Partial<GroupPolicy>): Promise<GroupPolicy> {
    return this.run(this.operator.setGroup(name, { soakMs: 5_000, ...policy }));
  }
}

/** What it still says does not arrive; a client that nobody uses shall not live on in virtual time. */
function kill({ client, cutOff }: OwnProcess, over: AbortController | undefined): void {
  cutOff(true);
  over?.abort(new Error('killed'));
  client.close({ drainMs: 0 }).catch(() => {});
}

export function brief({ hosts, groups }: FleetStatus): string {
  const states = hosts.map(
    ({ id, state, whyNot = [] }) => `${id} ${state} ${whyNot.map(({ kind }) => kind).join('+')}`,
  );
  return `${states.join(', ')}; ${groups.map(({ name, taken, slots }) => `${name} ${taken}/${slots}`).join(', ')}`;
}

/** A cluster of three, one coordinator, and a monitor that follows the records. */
export async function openFleet(seed: number): Promise<TestFleet> {
  const cluster = await createTestCluster({ members: 3, seed });
  const fleet = new TestFleet(cluster);
  fleet.monitor.start(fleet.machines);
  fleet.addCoordinator();
  return fleet;
}

/** The same, for the time of a test. */
export async function startFleet(t: TestContext, seed = 7): Promise<TestFleet> {
  noUnhandledRejections(t);
  const fleet = await openFleet(seed);
  t.after(() => fleet.close());
  return fleet;
}
