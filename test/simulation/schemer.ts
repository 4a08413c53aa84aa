import { Random } from '../../server/src/core/base/random.ts';
import type { Coverage } from './coverage.ts';
import { FigureEight } from './figure-eight.ts';
import { type SchemedHarm, type SimPlan, schemeOf, schemeSeed } from './plan.ts';
import type { Scheme, SchemeWorld } from './scheme.ts';
import { Sides } from './sides.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';
import { SplitChange } from './split-change.ts';

/** No step of a scheme takes longer, or it has failed. */
const stepMsMax = 8_000;

const makers: Readonly<Record<SchemedHarm, (world: SchemeWorld, leader: SimHost) => Scheme>> = {
  'old term': (world, leader) => new FigureEight(world, leader),
  'split change': (world, leader) => new SplitChange(world, leader),
};

/** Tries the scheme that a seed has drawn, again and again, beside all other harm, which is as often as without. */
export class Schemer {
  readonly #world: SchemeWorld;
  readonly #sides: Sides;
  readonly #harm: SchemedHarm | undefined;
  #scheme: Scheme | undefined;
  #since = 0;
  active = true;

  constructor(
    world: { cluster: SimCluster; coverage: Coverage },
    { plan, asked }: { plan: SimPlan; asked: (host: SimHost) => void },
  ) {
    const { cluster } = world;
    const scheme = schemeOf(plan.seed);
    this.#sides = new Sides(cluster);
    const random = new Random(schemeSeed(plan.seed));
    this.#world = { ...world, random, sides: this.#sides, asked };
    this.#harm = scheme === undefined || plan.without.includes(scheme) ? undefined : scheme;
    if (this.#harm !== undefined) cluster.onStep = () => this.#look();
  }

  start(): void {
    if (this.#harm !== undefined) this.#next(this.#harm);
  }

  #next(harm: SchemedHarm): void {
    const { cluster, random } = this.#world;
    cluster.time.after(300 + random.below(1_500), () => {
      if (!this.active) return;
      const { leader } = cluster;
      const scheme = leader === undefined ? undefined : makers[harm](this.#world, leader);
      if (scheme?.begin() !== true) return this.#next(harm);
      this.#scheme = scheme;
      this.#since = cluster.time.now;
    });
  }

  #look(): void {
    if (this.#scheme === undefined || this.#harm === undefined) return;
    const { cluster } = this.#world;
    const step = this.#scheme.look();
    if (step === 'went on') this.#since = cluster.time.now;
    if (step !== 'over' && cluster.time.now - this.#since < stepMsMax) return;
    this.#scheme = undefined;
    this.#sides.end();
    this.#next(this.#harm);
  }

  /** Other harm has healed the network. */
  networkHealed(): void {
    if (this.#scheme !== undefined) this.#sides.hold();
  }

  end(): void {
    this.active = false;
    this.#scheme = undefined;
    this.#sides.end();
  }
}
