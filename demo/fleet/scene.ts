import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@lockstep/client';
import { type FleetStatus, Operator } from '@lockstep/reboot-coordinator';
import { GroupProxy } from './group-proxy.ts';
import { Load } from './load.ts';
import { Machine } from './machine.ts';
import { Outages } from './outages.ts';
import { fleetPolicy, groupPolicy, groups, type Pace, requestEveryMs, updateKey } from './plan.ts';
import { Store } from './store.ts';

export interface SceneOptions {
  readonly directory: string;
  readonly pace: Pace;
  /** False to let all hosts of a group go down at once. */
  readonly limited: boolean;
  readonly signal: AbortSignal;
}

/** One group as it is seen from outside: by those that send requests, and by those that see processes end. */
export interface GroupScene {
  readonly proxy: GroupProxy;
  readonly machines: readonly Machine[];
  /** Hosts whose process is gone. */
  readonly outages: Outages;
}

const firstVersion = '1';
const statusMsMax = 2_000;
const lookMs = 100;
const startMsMax = 60_000;

/** Everything that runs: the store, the machines, the proxies and the load. */
export class Scene {
  readonly groups: ReadonlyMap<string, GroupScene>;
  readonly store: Store;
  readonly #options: SceneOptions;
  readonly #client: Client;
  readonly #operator: Operator;
  readonly #loads: Load[] = [];
  /** The version that breaks the app, and on how many-eth host that boots it. */
  #bad: { readonly version: string; readonly at: number } | undefined;
  #badBoots = 0;

  private constructor(options: SceneOptions, store: Store) {
    this.#options = options;
    this.store = store;
    this.#client = new Client({ endpoints: store.endpoints });
    this.#operator = new Operator(this.#client, { by: 'the demo' });
    this.groups = new Map(
      groups.map(({ name, hosts }) => {
        const proxy = new GroupProxy(name, hosts);
        const outages = new Outages(() => performance.now());
        const machines = hosts.map((host) => this.#machine(host, { name, proxy, outages }));
        return [name, { proxy, machines, outages }];
      }),
    );
  }

  static async plan(options: SceneOptions): Promise<Scene> {
    return new Scene(options, await Store.plan(options.directory));
  }

  /** Resolves when every host serves its first version and gets requests. @throws Error when that takes too long. */
  async start(): Promise<void> {
    const { pace, limited } = this.#options;
    await this.store.start();
    for (const group of groups) {
      await this.#operator.setGroup(group.name, groupPolicy(group, pace, limited));
    }
    await this.#operator.setFleet(fleetPolicy(limited));
    await this.#client.put(updateKey, firstVersion);
    for (const machine of this.machines) machine.start();
    await this.#until('all hosts are ready', () => this.#all(({ proxy }) => proxy.areAllIn));
    for (const { proxy } of this.groups.values()) {
      this.#loads.push(new Load(await proxy.listen(), requestEveryMs));
    }
    await this.#until('all hosts are registered', async () => {
      const status = await this.status();
      return status?.hosts.length === this.machines.length;
    });
  }

  get machines(): readonly Machine[] {
    return [...this.groups.values()].flatMap(({ machines }) => machines);
  }

  get isAllIn(): boolean {
    return this.#all(({ proxy }) => proxy.areAllIn);
  }

  /** The update arrives. A bad one breaks the app on the host that boots it as the second one. */
  async publish(version: string, isBad: boolean): Promise<void> {
    this.#bad = isBad ? { version, at: 2 } : undefined;
    this.#badBoots = 0;
    for (const { proxy, outages } of this.groups.values()) {
      proxy.reset();
      outages.reset();
    }
    await this.#client.put(updateKey, version);
  }

  /** What the records say, as `lockstep reboot status` shows it; undefined while the store does not answer. */
  async status(): Promise<FleetStatus | undefined> {
    try {
      return await this.#operator.status({ timeoutMs: statusMsMax });
    } catch {
      return undefined;
    }
  }

  /** Ends the load, then all processes. */
  async stop(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()));
    await Promise.all([...this.groups.values()].map(({ proxy }) => proxy.close()));
    await Promise.all(this.machines.map((machine) => machine.stop()));
    await this.#client.close();
    await this.store.stop();
  }

  #machine(
    name: string,
    group: { readonly name: string; readonly proxy: GroupProxy; readonly outages: Outages },
  ): Machine {
    const { proxy, outages } = group;
    const options = {
      ...{ name, group: group.name, endpoints: this.store.endpoints, pace: this.#options.pace },
      works: (version: string) => this.#works(version),
      events: {
        up: (port: number) => {
          outages.set(name, false);
          proxy.serves(name, port);
        },
        down: () => outages.set(name, true),
      },
    };
    return new Machine(options, firstVersion);
  }

  #works(version: string): boolean {
    if (version !== this.#bad?.version) return true;
    this.#badBoots++;
    return this.#badBoots !== this.#bad.at;
  }

  #all(isSo: (group: GroupScene) => boolean): boolean {
    return [...this.groups.values()].every(isSo);
  }

  async #until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const giveUpAt = performance.now() + startMsMax;
    while (!(await isSo())) {
      this.#options.signal.throwIfAborted();
      if (performance.now() > giveUpAt)
        throw new Error(`not within ${startMsMax / 1000} s: ${what}`);
      await sleep(lookMs);
    }
  }
}
