import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Client, LockstepError, op, Session } from '@lockstep/client';
import {
  acquireAll,
  type Lock,
  Mutex,
  ReentryError,
  RwLock,
  resizeSemaphore,
  Semaphore,
} from '@lockstep/locks';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';
import { Random } from '../../server/src/core/base/random.ts';
import { iterate } from '../harness/clients.ts';
import { type Contender, contender } from '../harness/contenders.ts';
import { ExclusionMonitor } from '../harness/exclusion-monitor.ts';

const ttl = 4;
const rounds = 6;

/** Contenders in a cluster in which something is always broken, until it is healed. */
class Turmoil {
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

  static async start(t: TestContext, seed: number, count: number): Promise<Turmoil> {
    const cluster = await createTestCluster({ members: 3, seed, networkDelayMs: 2 });
    t.after(() => cluster.close());
    const contenders = await cluster.advanceUntil(
      Promise.all(Array.from({ length: count }, () => contender(cluster, ttl))),
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
      await cluster.advance(this.any(2 * ttl * 1_000));
      cut?.cutOff(false);
      await cluster.advanceUntil(each(round));
    }
    await cluster.advance(2 * ttl * 1_000);
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
        if (session.lost.aborted) session = await Session.open(contending.client, { ttl });
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

/** What a holder does: stays for a while and writes with its guard. */
async function stay(turmoil: Turmoil, lock: Lock, who: number): Promise<void> {
  turmoil.inside = who;
  const write = () =>
    lock
      .txn()
      .do(op.put('log', String(lock.token)))
      .commit();
  await turmoil.pause(turmoil.any(60));
  await write();
  if (turmoil.any(10) > 0) return;
  // Some do not look whether they still have it, and for longer than a lease lives.
  await turmoil.pause(turmoil.any(3 * ttl * 1_000));
  await write();
}

/** Every version of the log, as written. */
async function tokensOf(client: Client): Promise<number[]> {
  const last = await client.get('log');
  assert.ok(last !== undefined);
  const tokens: number[] = [];
  const events = iterate(client.watch({ key: 'log', startRevision: last.createRevision }));
  for (;;) {
    const { value: event } = await events.next();
    tokens.push(Number(event?.value));
    if (event === undefined || event.revision >= last.modRevision) break;
  }
  await events.return?.();
  return tokens;
}

async function nothingLeft(cluster: TestCluster, prefix: string): Promise<void> {
  await cluster.advance(2 * ttl * 1_000);
  const { kvs } = await cluster.advanceUntil(cluster.client().range({ prefix }));
  assert.deepEqual(
    kvs.map(({ key }) => key),
    [],
  );
}

for (const seed of [1, 2]) {
  test(`twenty contenders for a mutex: one believes to hold it, and writes are in the order of tokens (seed ${seed})`, async (t) => {
    const turmoil = await Turmoil.start(t, seed, 20);
    const { cluster } = turmoil;
    const monitor = new ExclusionMonitor(() => cluster.now, 1);
    await turmoil.run(async (session, who) => {
      const since = cluster.now;
      await new Mutex(session, 'a').run(async (lock) => {
        const inside = { who: String(who), lock, weight: 1, since };
        monitor.enter(inside);
        try {
          await stay(turmoil, lock, who);
        } finally {
          monitor.leave(inside);
        }
      });
    });
    const tokens = await cluster.advanceUntil(tokensOf(cluster.client()));
    assert.ok(tokens.length > 40, `${tokens.length} writes`);
    assert.deepEqual(
      tokens,
      tokens.toSorted((left, right) => left - right),
    );
    await nothingLeft(cluster, 'a/');
  });

  test(`readers share and writers do not, also those who become readers (seed ${seed})`, async (t) => {
    const turmoil = await Turmoil.start(t, seed + 10, 10);
    const { cluster } = turmoil;
    const room = 100;
    const monitor = new ExclusionMonitor(() => cluster.now, room);
    const inside = async (who: number, lock: Lock, weight: number, since: number) => {
      const occupation = { who: String(who), lock, weight, since };
      monitor.enter(occupation);
      try {
        await stay(turmoil, lock, who);
      } finally {
        monitor.leave(occupation);
      }
    };
    await turmoil.run(async (session, who) => {
      const since = cluster.now;
      const lock = new RwLock(session, 'a');
      if (turmoil.any(3) > 0) {
        await lock.read.run((held) => inside(who, held, 1, since));
        return;
      }
      await lock.write.run(async (held) => {
        await inside(who, held, room, since);
        if (turmoil.any(2) === 0) await inside(who, await held.downgrade(), 1, since);
      });
    });
    assert.ok(monitor.shared > 20, `${monitor.shared} of ${monitor.entries} shared`);
    await nothingLeft(cluster, 'a/');
  });

  test(`permits never weigh more than the limit, while it goes up and down (seed ${seed})`, async (t) => {
    const turmoil = await Turmoil.start(t, seed + 20, 12);
    const { cluster } = turmoil;
    const monitor = new ExclusionMonitor(() => cluster.now, 3);
    const operator = cluster.client();
    await turmoil.run(
      async (session, who) => {
        const since = cluster.now;
        const weight = 1 + turmoil.any(2);
        const semaphore = new Semaphore(session, 'a', { limit: 3, weight });
        await semaphore.run(async (lock) => {
          const occupation = { who: String(who), lock, weight, since };
          monitor.enter(occupation);
          try {
            await stay(turmoil, lock, who);
          } finally {
            monitor.leave(occupation);
          }
        });
      },
      async (round) => {
        const limit = [5, 2, 0, 4, 3, 3][round % 6] ?? 3;
        monitor.setRoom(limit);
        await resizeSemaphore(operator, 'a', limit);
        monitor.setRoom(limit);
      },
    );
    assert.ok(monitor.shared > 20, `${monitor.shared} of ${monitor.entries} shared`);
    await nothingLeft(cluster, 'a/permits/');
  });

  test(`whoever wants several locks gets all, and nobody waits in a circle (seed ${seed})`, async (t) => {
    const turmoil = await Turmoil.start(t, seed + 30, 8);
    const { cluster } = turmoil;
    const names = ['a', 'b', 'c', 'd'];
    const monitors = new Map(
      names.map((name) => [name, new ExclusionMonitor(() => cluster.now, 1)]),
    );
    await turmoil.run(async (session, who) => {
      const since = cluster.now;
      const first = turmoil.any(names.length);
      const wanted = [0, 1, 2]
        .slice(0, 1 + turmoil.any(3))
        .map((at) => names[(first + at) % names.length] ?? '')
        .sort(() => turmoil.any(3) - 1);
      await using lock = await acquireAll(wanted.map((name) => new Mutex(session, name)));
      const occupation = { who: String(who), lock, weight: 1, since };
      for (const name of wanted) monitors.get(name)?.enter(occupation);
      try {
        await stay(turmoil, lock, who);
      } finally {
        for (const name of wanted) monitors.get(name)?.leave(occupation);
      }
    });
    for (const name of names) {
      assert.ok((monitors.get(name)?.entries ?? 0) > 20);
      await nothingLeft(cluster, `${name}/`);
    }
  });
}
