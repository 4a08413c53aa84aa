import { Random } from '../../server/src/core/base/random.ts';
import { calmNetwork } from '../../server/testing/sim-network.ts';
import type { Coverage } from './coverage.ts';
import { crashPoints } from './crash-points.ts';
import { DiskNemesis } from './disk-nemesis.ts';
import { LateFrames } from './late-frames.ts';
import { type Harm, type SimPlan, type StudiedHarm, studiedHarmOf, studiedSeed } from './plan.ts';
import { Schemer } from './schemer.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';

type SingleHarm = Exclude<Harm, StudiedHarm>;

/** How often each kind of harm is chosen. */
const weights: Readonly<Record<SingleHarm, number>> = {
  crash: 4,
  'crash point': 8,
  'power cut': 2,
  partition: 2,
  'one-way partition': 2,
  clog: 2,
  weather: 2,
  pause: 2,
  'stale leader': 3,
  transfer: 2,
  membership: 4,
  'failed sync': 1,
  'full disk': 1,
  'damaged disk': 1,
  'lost disk': 1,
};

const lots = Object.entries(weights).flatMap(([harm, weight]) =>
  Array.from({ length: weight }, () => harm as SingleHarm),
);

/** Breaks things at random while the cluster works; never more disks for good than the cluster can bear losing. */
export class Nemesis {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #coverage: Coverage;
  readonly #disks: DiskNemesis;
  readonly #studied: Schemer | LateFrames | undefined;
  readonly #without: readonly Harm[];
  /** Asks a member that may be out of date. */
  readonly #asked: (host: SimHost) => void;
  active = true;

  constructor(
    world: { cluster: SimCluster; random: Random; coverage: Coverage },
    plan: SimPlan,
    asked: (host: SimHost) => void,
  ) {
    const { cluster, random, coverage } = world;
    this.#cluster = cluster;
    this.#random = random;
    this.#coverage = coverage;
    this.#asked = asked;
    this.#without = plan.without;
    this.#disks = new DiskNemesis(cluster, random, coverage);
    this.#studied = this.#studiedHarm(plan);
    cluster.onDown = (host) => this.#keepUp(host);
  }

  start(): void {
    if (!this.#without.includes('weather')) this.#weather();
    this.#next();
    this.#studied?.start();
  }

  #studiedHarm({ seed, without }: SimPlan): Schemer | LateFrames | undefined {
    const harm = studiedHarmOf(seed);
    if (harm === undefined || without.includes(harm)) return undefined;
    const random = new Random(studiedSeed(seed));
    const world = { cluster: this.#cluster, random, coverage: this.#coverage };
    return harm === 'late frames'
      ? new LateFrames(world, this.#asked)
      : new Schemer(world, this.#asked, harm);
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
    const hosts = this.#cluster.hosts.filter(
      ({ founding, isLost, life }) => !isLost && (founding || life > 0),
    );
    const { leader } = this.#cluster;
    const picked = this.#random.pick(hosts);
    const host = this.#random.oneIn(4) ? (leader ?? picked) : picked;
    const harm = this.#random.pick(lots);
    // What is left out is drawn all the same, so that the rest of the run is as like as it can be.
    if (!this.#without.includes(harm)) this.#harms[harm](host);
  }

  readonly #harms: Readonly<Record<SingleHarm, (host: SimHost) => void>> = {
    crash: (host) => this.#crash(host),
    'crash point': (host) => {
      const point = this.#random.pick(crashPoints);
      const passes = this.#random.pick([0, 0, 1, 3]);
      // A rare point keeps its chance for a while.
      if (host.cuts.isArmed && this.#random.oneIn(2)) return;
      host.cuts.arm(point, passes);
      this.#cluster.log(`${host.name} is to be cut off ${point}`);
    },
    'power cut': () => this.#powerCut(),
    partition: () => this.#partition(),
    'one-way partition': () => this.#cutOneWay(),
    clog: () => this.#clog(),
    weather: () => {
      this.#healNetwork();
      this.#weather();
    },
    pause: (host) => this.#pause(host),
    'stale leader': () => this.#staleLeader(),
    transfer: (host) => this.#transfer(host),
    membership: () => this.#membership(),
    'failed sync': (host) => this.#disks.failSync(host),
    'full disk': (host) => this.#disks.fill(host),
    'damaged disk': (host) => this.#disks.damage(host),
    'lost disk': (host) => this.#disks.lose(host),
  };

  #crash(host: SimHost): void {
    if (host.member === undefined || host.paused) return;
    const leads = host.member.raft.role === 'leader';
    this.#coverage.reach(leads ? 'leader crashed' : 'follower crashed');
    this.#cluster.crash(host);
  }

  /** All are off at once: what is left is what their disks hold. They come back soon after each other. */
  #powerCut(): void {
    for (const host of this.#cluster.running) this.#cluster.crash(host);
    this.#coverage.reach('power cut of all members');
  }

  /** Starts the process again a while after it has ended, whatever ended it. */
  #keepUp(host: SimHost): void {
    const isSoon = this.#cluster.running.length === 0;
    this.#cluster.time.after(50 + this.#random.below(isSoon ? 300 : 4_000), () => {
      if (host.member !== undefined || host.isLost || host.isStarting) return;
      this.#coverage.reach('restarted from disk');
      this.#cluster.start(host);
    });
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

  /** Links of some members stand still one after the other, and go on in another order with all that waited. */
  #clog(): void {
    const { hosts, network, time } = this.#cluster;
    const some = hosts.filter(() => this.#random.oneIn(2));
    for (const { name, address } of some) {
      const others = hosts.filter((other) => other.address !== address);
      time.after(this.#random.below(1_000), () => {
        for (const other of others) network.clog(address, other.address);
        this.#cluster.log(`what ${name} sends is held up`);
      });
      time.after(1_000 + this.#random.below(3_000), () => {
        for (const other of others) network.unclog(address, other.address);
        this.#coverage.reach('links clogged and freed in another order');
        this.#cluster.log(`what ${name} sent goes on`);
      });
    }
  }

  #healLater(): void {
    this.#cluster.time.after(200 + this.#random.below(6_000), () => {
      this.#healNetwork();
      this.#cluster.log('the network is whole');
    });
  }

  #healNetwork(): void {
    this.#cluster.network.heal();
    if (this.#studied instanceof Schemer) this.#studied.networkHealed();
  }

  #pause(host: SimHost): void {
    if (host.member === undefined || host.paused) return;
    this.#coverage.reach('process paused');
    const { life } = host;
    this.#cluster.pause(host);
    this.#cluster.time.after(100 + this.#random.below(this.#random.pick([1_400, 30_000])), () => {
      if (host.life === life && host.paused) this.#cluster.resume(host);
    });
  }

  /** A leader that sleeps while another is elected, wakes cut off from the others, and is asked while it believes to lead. */
  #staleLeader(): void {
    const { leader, network, hosts, time } = this.#cluster;
    if (leader?.member === undefined) return;
    const { life } = leader;
    const others = hosts.filter((host) => host !== leader);
    this.#cluster.pause(leader);
    time.after(1_500 + this.#random.below(2_500), () => {
      if (leader.life !== life || !leader.paused) return;
      const hears = this.#random.oneIn(2);
      for (const { address } of others) {
        network.cut(leader.address, address);
        if (!hears) network.cut(address, leader.address);
      }
      this.#cluster.resume(leader);
      this.#coverage.reach('leader that was replaced in its sleep');
      this.#asked(leader);
      this.#healLater();
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
    const { leader, hosts } = this.#cluster;
    const spare = hosts.find(({ founding, isLost }) => !founding && !isLost);
    // Whoever replaces a lost member keeps its place.
    if (spare === undefined || leader?.member === undefined || hosts.some(({ isLost }) => isLost))
      return;
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
      const founders = hosts.filter(({ founding }) => founding);
      const back = founders.map((host) => ({ action: 'addVoter', member: host.memberId }) as const);
      const away = { action: 'addLearner', member: memberId } as const;
      if (this.#cluster.change([...back, away]) === undefined)
        this.#coverage.reach('member removed');
    } else if (
      this.#cluster.change([{ action: 'addLearner', member: memberId }], spare) === undefined
    ) {
      this.#coverage.reach('learner added');
      if (spare.member === undefined && !spare.isStarting) this.#cluster.start(spare);
    }
  }

  /** Everything is repaired: from here on the cluster must make progress. */
  heal(): void {
    this.active = false;
    this.#studied?.end();
    this.#cluster.network.faults = { ...calmNetwork };
    this.#cluster.network.heal();
    this.#disks.heal();
    for (const host of this.#cluster.hosts) {
      host.cuts.disarm();
      if (host.paused) this.#cluster.resume(host);
    }
  }
}
