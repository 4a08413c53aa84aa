import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../server/src/core/base/random.ts';
import { behind, proxies } from '../harness/behind-proxies.ts';
import { planMembers, RealCluster, smallFiles } from '../harness/real-cluster.ts';
import type { TcpProxy } from '../harness/tcp-proxy.ts';

const kinds = ['kill', 'pause', 'partition'] as const;

/** A real cluster of three in which members are killed, stopped, and cut off from each other and from clients. */
export class FaultyCluster {
  readonly cluster: RealCluster;
  readonly faults: Record<(typeof kinds)[number], number> = { kill: 0, pause: 0, partition: 0 };
  readonly #doors: readonly TcpProxy[];
  readonly #peers: readonly TcpProxy[];

  private constructor(
    cluster: RealCluster,
    doors: readonly TcpProxy[],
    peers: readonly TcpProxy[],
  ) {
    this.cluster = cluster;
    this.#doors = doors;
    this.#peers = peers;
  }

  /** Plans it, with its proxies; `cluster.start()` starts it. */
  static async plan(): Promise<FaultyCluster> {
    const plans = await planMembers(3, smallFiles);
    const doors = await proxies(plans.map(({ clientAddress }) => clientAddress));
    const peers = await proxies(plans.map(({ peerAddress }) => peerAddress));
    return new FaultyCluster(new RealCluster(behind(plans, doors, peers)), doors, peers);
  }

  /** Where clients reach the members, through what can be cut. */
  get endpoints(): readonly string[] {
    return this.#doors.map(({ address }) => address);
  }

  /** Breaks one member for a while, and mends it. @returns what was done. */
  async breakOne(random: Random): Promise<string> {
    const at = random.below(3);
    const kind = random.pick(kinds);
    const forMs = 200 + random.below(1_800);
    const member = this.cluster.member(at);
    this.faults[kind]++;
    const between = [this.#doors[at], this.#peers[at]];
    if (kind === 'kill') await member.kill();
    else if (kind === 'pause') member.program.kill('SIGSTOP');
    else for (const proxy of between) proxy?.silence();
    await sleep(forMs);
    if (kind === 'kill') member.start();
    else if (kind === 'pause') member.program.kill('SIGCONT');
    else for (const proxy of between) proxy?.restore();
    return `${kind} ${member.name} for ${forMs} ms`;
  }

  async close(): Promise<void> {
    await this.cluster.kill();
    for (const proxy of [...this.#doors, ...this.#peers]) proxy.close();
  }
}
