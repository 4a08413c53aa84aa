import type { Clock } from '@lockstep/client';
import type { Random } from '../src/core/base/random.ts';
import type { SimTime } from './sim-time.ts';

/** The wall clock of all clients: it may jump, which virtual time never does. */
export interface WallClock {
  ms(): number;
}

const chances = 0x1_0000_0000;

/** The cluster's virtual time as a client, or code under test, uses it; chance comes from the seed. */
export class ClusterClock implements Clock {
  readonly #time: SimTime;
  readonly #wall: WallClock;
  readonly #random: Random;

  constructor(time: SimTime, wall: WallClock, random: Random) {
    this.#time = time;
    this.#wall = wall;
    this.#random = random;
  }

  /** Virtual milliseconds, which never go back. */
  now(): number {
    return this.#time.now;
  }

  /** Milliseconds since 1970 on the wall clock, which may jump. */
  wall(): number {
    return this.#wall.ms();
  }

  after(ms: number, run: () => void): () => void {
    let active = true;
    this.#time.after(Math.max(0, ms), () => {
      if (active) run();
    });
    return () => {
      active = false;
    };
  }

  random(): number {
    return this.#random.next() / chances;
  }
}
