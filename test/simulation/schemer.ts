import type { Random } from '../../server/src/core/base/random.ts';
import type { Coverage } from './coverage.ts';
import { FigureEight } from './figure-eight.ts';
import type { StudiedHarm } from './plan.ts';
import type { Scheme, SchemeWorld } from './scheme.ts';
import { Sides } from './sides.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';
import { SplitChange } from './split-change.ts';

/** No step of a scheme takes longer, or it has failed. */
const stepMsMax = 8_000;

export type SchemedHarm = Exclude<StudiedHarm, 'late frames'>;

const makers: Readonly<Record<SchemedHarm, (world: SchemeWorld, leader: SimHost) => Scheme>> = {
  'old term': (world, leader) => new FigureEight(world, leader),
  'split change': (world, leader) => new SplitChange(world, leader),
};

/** Tries one scheme again and again, beside all other harm, which is as often as without. */
export class Schemer {
  readonly #world: SchemeWorld;
  readonly #sides: Sides;
  readonly #harm: SchemedHarm;
  #scheme: Scheme | undefined;
  #since = 0;
  #active = true;

  constructor(
    world: { cluster: SimCluster; random: Random; coverage: Coverage },
    asked: (host: SimHost) => void,
    harm: SchemedHarm,
  ) {
    this.#sides = new Sides(world.cluster);
    this.#world = { ...world, sides: this.#sides, asked };
    this.#harm = harm;
  }

  start(): void {
    this.#world.cluster.onStep = () => this.#look();
    this.#next();
  }

  #next(): void {
    const { cluster, random } = this.#world;
    cluster.time.after(300 + random.below(1_500), () => {
      if (!this.#active) return;
      const { leader } = cluster;
      const scheme = leader === undefined ? undefined : makers[this.#harm](this.#world, leader);
      if (scheme?.begin() !== true) return this.#next();
      this.#scheme = scheme;
      this.#since = cluster.time.now;
    });
  }

  #look(): void {
    if (this.#scheme === undefined) return;
    const { cluster } = this.#world;
    const step = this.#scheme.look();
    if (step === 'went on') this.#since = cluster.time.now;
    if (step !== 'over' && cluster.time.now - this.#since < stepMsMax) return;
    this.#scheme = undefined;
    this.#sides.end();
    this.#next();
  }

  /** Other harm has healed the network. */
  networkHealed(): void {
    if (this.#scheme !== undefined) this.#sides.hold();
  }

  end(): void {
    this.#active = false;
    this.#scheme = undefined;
    this.#sides.end();
  }
}
