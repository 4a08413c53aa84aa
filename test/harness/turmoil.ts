import assert from 'node:assert/strict';
import { LockstepError, Session } from '@lockstep/client';
import { ReentryError } from '@lockstep/locks';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';
import { Random } from '../../server/src/core/base/random.ts';
import { type Contender, contender } from './contenders.ts';

/** Of the contenders' leases. */
export const ttlSeconds = 4;
const rounds = 6;

/** Whoever ends what was begun: a test, or a run of many seeds. */
export interface Ends {
  after(end: () => void | Promise<void>): void;
}

/** Contenders in a cluster in which something is always broken, until it is healed. */
export class Turmoil {
  readonly cluster: TestCluster;
  readonly random: Random;
  readonly contenders: readonly Contender[];
  /** Who came in last. */
  inside = 0;
  readonly #visits = new Map<number, number>();
  #stopped = false;
  #failed = false;

  private constructor(cluster: TestCluster, random: Random, contenders: readonly Contender[]) {
    this.cluster = cluster;
    this.random = random;
    this.contenders = contenders;
  }

  static async start(ends: Ends, seed: number, count: number): Promise<Turmoil> {
    const cluster = await createTestCluster({ members: 3, seed, networkDelayMs: 2 });
    ends.after(() => cluster.close());
    const contenders = await cluster.advanceUntil(
      Promise.all(Array.from({ length: count }, () => contender(cluster, ttlSeconds))),
    );
    return new Turmoil(cluster, new Random(seed), contenders);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.cluster.clock.after(ms, resolve));
  }

  /** Somewhere in [0, below). */
  any(below: number): number {
    return this.random.next() % below;
  }

  /**
   * Lets every contender visit again and again while members are killed, stopped and cut off, and so are contenders.
   * Then everything is healed, and each must get in once more; at the end nothing is left of anybody.
   */
  async run(
    visit: (session: Session, who: number) => Promise<void>,
    each: (round: number) => Promise<void> = async () => {},
  ): Promise<void> {
    const loops = Promise.all(this.contenders.map((_, who) => this.#visitAgain(visit, who)));
    loops.catch(() => {
      this.#failed = true;
    });
    const { cluster } = this;
    for (let round = 0; round < rounds && !this.#failed; round++) {
      const mend = this.#break();
      // Whoever is inside, or somebody who most likely waits.
      const cut = this.contenders[round % 3 < 2 ? this.inside : this.any(this.contenders.length)];
      cut?.cutOff(true);
      await cluster.advance(1_000 + this.any(2_500));
      mend();
      await cluster.advance(this.any(2 * ttlSeconds * 1_000));
      cut?.cutOff(false);
      await cluster.advanceUntil(each(round));
    }
    await cluster.advance(2 * ttlSeconds * 1_000);
    const before = new Map(this.#visits);
    await cluster.advanceUntil(
      () =>
        this.#failed ||
        this.contenders.every((_, who) => this.#count(who) > (before.get(who) ?? 0)),
    );
    this.#stopped = true;
    await cluster.advanceUntil(loops);
  }

  async #visitAgain(
    visit: (session: Session, who: number) => Promise<void>,
    who: number,
  ): Promise<void> {
    const contending = this.contenders[who];
    assert.ok(contending !== undefined);
    let { session } = contending;
    while (!this.#stopped) {
      try {
        if (session.lost.aborted)
          session = await Session.open(contending.client, { ttl: ttlSeconds });
        await visit(session, who);
        this.#visits.set(who, this.#count(who) + 1);
      } catch (error) {
        // Losing a lock is what this is about; a wrong use is not.
        if (!(error instanceof LockstepError) || error instanceof ReentryError) throw error;
        if (error.code === 'invalid_params') throw error;
      }
      await this.pause(20 + this.any(100));
    }
  }

  #count(who: number): number {
    return this.#visits.get(who) ?? 0;
  }

  /** @returns what mends it. */
  #break(): () => void {
    const { cluster } = this;
    const name = ['a', 'b', 'c'][this.any(3)] ?? 'a';
    switch (this.any(4)) {
      case 0:
        cluster.kill(name);
        return () => cluster.restart(name);
      case 1:
        cluster.pause(name);
        return () => cluster.resume(name);
      case 2:
        cluster.partition(name);
        return () => cluster.heal();
      default: {
        const lost = cluster.dropReplies(5);
        return () => lost.stop();
      }
    }
  }
}
