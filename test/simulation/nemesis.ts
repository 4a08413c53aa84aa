import type { Random } from '../../server/src/core/base/random.ts';
import { calmNetwork } from '../../server/testing/sim-network.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';

/** Breaks things at random while the cluster works; never more disks than the cluster can bear losing, which is none. */
export class Nemesis {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #coverage: Coverage;
  active = true;

  constructor(cluster: SimCluster, random: Random, coverage: Coverage) {
    this.#cluster = cluster;
    this.#random = random;
    this.#coverage = coverage;
  }

  start(): void {
    this.#weather();
    this.#next();
  }

  /** What the network is like in this run. */
  #weather(): void {
    const random = this.#random;
    this.#cluster.network.faults = {
      lossOneIn: random.pick([0, 0, 200, 30]),
      breakOneIn: random.pick([0, 0, 500]),
      duplicateOneIn: random.pick([0, 100, 20]),
      delayMsMin: 1,
      delayMsMax: random.pick([1, 5, 60]),
      reorder: random.oneIn(3),
    };
  }

  #next(): void {
    this.#cluster.time.after(300 + this.#random.below(2_500), () => {
      if (!this.active) return;
      this.#strike();
      this.#next();
    });
  }

  #strike(): void {
    const { hosts } = this.#cluster;
    const host = this.#random.pick(hosts.filter(({ founding }) => founding));
    switch (this.#random.below(10)) {
      case 0:
      case 1:
      case 2:
        return this.#crash(this.#random.oneIn(2) ? (this.#cluster.leader ?? host) : host);
      case 3:
        return this.#partition();
      case 4:
        return this.#cutOneWay();
      case 5:
        return this.#pause(host);
      case 6:
        return this.#transfer(host);
      case 7:
        this.#cluster.network.heal();
        return this.#weather();
      default:
        return this.#membership();
    }
  }

  #crash(host: SimHost): void {
    if (host.member === undefined || host.paused) return;
    const leads = host.member.raft.role === 'leader';
    this.#coverage.reach(leads ? 'leader crashed' : 'follower crashed');
    this.#cluster.crash(host);
    this.#cluster.time.after(50 + this.#random.below(4_000), () => this.#restart(host));
  }

  #restart(host: SimHost): void {
    if (host.member !== undefined) return;
    this.#coverage.reach('restarted from disk');
    this.#cluster.start(host);
  }

  #partition(): void {
    const { hosts, network } = this.#cluster;
    const side = new Set(hosts.filter(() => this.#random.oneIn(2)));
    for (const from of hosts) {
      for (const to of hosts) {
        if (side.has(from) !== side.has(to)) network.cut(from.address, to.address);
      }
    }
    this.#coverage.reach('network partition');
    this.#cluster.log(`partition: ${[...side].map(({ name }) => name).join('')} | the rest`);
    this.#healLater();
  }

  #cutOneWay(): void {
    const { hosts, network } = this.#cluster;
    const from = this.#random.pick(hosts);
    const to = this.#random.pick(hosts);
    network.cut(from.address, to.address);
    this.#coverage.reach('one-way partition');
    this.#cluster.log(`nothing passes from ${from.name} to ${to.name}`);
    this.#healLater();
  }

  #healLater(): void {
    this.#cluster.time.after(200 + this.#random.below(6_000), () => {
      this.#cluster.network.heal();
      this.#cluster.log('the network is whole');
    });
  }

  #pause(host: SimHost): void {
    if (host.member === undefined || host.paused) return;
    this.#coverage.reach('process paused');
    const { life } = host;
    this.#cluster.pause(host);
    this.#cluster.time.after(100 + this.#random.below(30_000), () => {
      if (host.life === life && host.paused) this.#cluster.resume(host);
    });
  }

  #transfer(target: SimHost): void {
    const leader = this.#cluster.leader;
    if (leader?.member === undefined || leader === target) return;
    leader.member.moveLeader(target.memberId, (error) => {
      this.#cluster.log(`transfer to ${target.name}: ${error ?? 'done'}`);
      if (error === undefined) this.#coverage.reach('leadership transferred');
    });
  }

  /** Adds the spare member as a learner, promotes it in exchange for another voter, or takes it out again. */
  #membership(): void {
    const spare = this.#cluster.hosts.find(({ founding }) => !founding);
    const leader = this.#cluster.leader;
    if (spare === undefined || leader?.member === undefined) return;
    const { membership } = leader.member.raft;
    const { memberId } = spare;
    if (membership.learners.includes(memberId)) {
      // One change adds a voter and moves another one out: this goes through a joint configuration.
      const out = this.#random.pick(membership.voters.filter((id) => id !== memberId));
      const exchange = [
        { action: 'addVoter', member: memberId },
        { action: 'addLearner', member: out },
      ] as const;
      const single = [{ action: 'addVoter', member: memberId }] as const;
      if (this.#cluster.change(this.#random.oneIn(2) ? exchange : single) !== undefined) return;
      this.#coverage.reach('learner promoted');
    } else if (membership.voters.includes(memberId)) {
      // The founders return to their places, the spare one becomes a learner again.
      const founders = this.#cluster.hosts.filter(({ founding }) => founding);
      const back = founders.map((host) => ({ action: 'addVoter', member: host.memberId }) as const);
      const away = { action: 'addLearner', member: memberId } as const;
      if (this.#cluster.change([...back, away]) === undefined)
        this.#coverage.reach('member removed');
    } else if (
      this.#cluster.change([{ action: 'addLearner', member: memberId }], spare) === undefined
    ) {
      this.#coverage.reach('learner added');
      if (spare.member === undefined) this.#cluster.start(spare);
    }
  }

  /** Everything is repaired: from here on the cluster must make progress. */
  heal(): void {
    this.active = false;
    this.#cluster.network.faults = { ...calmNetwork };
    this.#cluster.network.heal();
    for (const host of this.#cluster.hosts) {
      if (host.paused) this.#cluster.resume(host);
    }
  }
}
