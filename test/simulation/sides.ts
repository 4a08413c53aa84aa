import type { SimCluster, SimHost } from './sim-cluster.ts';

/** Who can speak to whom while somebody steers; other harm that heals the network does not end it. */
export class Sides {
  readonly #cluster: SimCluster;
  #groups: readonly (readonly SimHost[])[] = [];
  /** One way only, beside the groups. */
  #oneWay: (readonly [from: SimHost, to: SimHost])[] = [];
  #isHeld = false;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /** From now on only hosts of one group hear each other; who is in no group is alone. */
  divide(...groups: readonly (readonly SimHost[])[]): void {
    this.#groups = groups;
    this.#oneWay = [];
    this.#isHeld = true;
    this.#cluster.network.heal();
    this.hold();
    const words = groups.map((group) => group.map(({ name }) => name).join('')).join(' | ');
    this.#cluster.log(`partition: ${words}`);
  }

  /** Nothing passes from one to the other any more. */
  deafen(to: SimHost, from: SimHost): void {
    this.#oneWay.push([from, to]);
    this.hold();
    this.#cluster.log(`nothing passes from ${from.name} to ${to.name}`);
  }

  /** Cuts what another harm has healed. */
  hold(): void {
    if (!this.#isHeld) return;
    const { hosts, network } = this.#cluster;
    for (const from of hosts) {
      const group = this.#groups.find((one) => one.includes(from)) ?? [];
      for (const to of hosts) {
        if (from !== to && !group.includes(to)) network.cut(from.address, to.address);
      }
    }
    for (const [from, to] of this.#oneWay) network.cut(from.address, to.address);
  }

  end(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#cluster.network.heal();
    this.#cluster.log('the network is whole');
  }
}
