import assert from 'node:assert/strict';
import { type Client, op } from '@lockstep/client';
import { acquireAll, type Lock, Mutex, RwLock, resizeSemaphore, Semaphore } from '@lockstep/locks';
import type { TestCluster } from '@lockstep/server/testing';
import { iterate } from './clients.ts';
import { ExclusionMonitor } from './exclusion-monitor.ts';
import { type Ends, Turmoil, ttlSeconds } from './turmoil.ts';

/** What happened in a run that broke no rule. */
export interface Visits {
  /** How often somebody came in. */
  readonly entries: number;
  /** While somebody else was inside too. */
  readonly shared: number;
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
  await turmoil.pause(turmoil.any(3 * ttlSeconds * 1_000));
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
  await cluster.advance(2 * ttlSeconds * 1_000);
  const { kvs } = await cluster.advanceUntil(cluster.client().range({ prefix }));
  assert.deepEqual(
    kvs.map(({ key }) => key),
    [],
  );
}

function occupy(turmoil: Turmoil, monitor: ExclusionMonitor) {
  return async (who: number, lock: Lock, weight: number, since: number): Promise<void> => {
    const occupation = { who: String(who), lock, weight, since };
    monitor.enter(occupation);
    try {
      await stay(turmoil, lock, who);
    } finally {
      monitor.leave(occupation);
    }
  };
}

/** Twenty contenders for a mutex: one believes to hold it, and writes are in the order of tokens. */
export async function contendForMutex(ends: Ends, seed: number): Promise<Visits> {
  const turmoil = await Turmoil.start(ends, seed, 20);
  const { cluster } = turmoil;
  const monitor = new ExclusionMonitor(() => cluster.now, 1);
  const inside = occupy(turmoil, monitor);
  await turmoil.run(async (session, who) => {
    const since = cluster.now;
    await new Mutex(session, 'a').run((lock) => inside(who, lock, 1, since));
  });
  const tokens = await cluster.advanceUntil(tokensOf(cluster.client()));
  assert.deepEqual(
    tokens,
    tokens.toSorted((left, right) => left - right),
    'writes are in the order of tokens',
  );
  await nothingLeft(cluster, 'a/');
  return { entries: tokens.length, shared: monitor.shared };
}

/** Readers share and writers do not, also those who become readers. */
export async function contendForRwLock(ends: Ends, seed: number): Promise<Visits> {
  const turmoil = await Turmoil.start(ends, seed, 10);
  const { cluster } = turmoil;
  const room = 100;
  const monitor = new ExclusionMonitor(() => cluster.now, room);
  const inside = occupy(turmoil, monitor);
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
  await nothingLeft(cluster, 'a/');
  return monitor;
}

/** Permits never weigh more than the limit, while it goes up and down. */
export async function contendForPermits(ends: Ends, seed: number): Promise<Visits> {
  const turmoil = await Turmoil.start(ends, seed, 12);
  const { cluster } = turmoil;
  const monitor = new ExclusionMonitor(() => cluster.now, 3);
  const inside = occupy(turmoil, monitor);
  const operator = cluster.client();
  await turmoil.run(
    async (session, who) => {
      const since = cluster.now;
      const weight = 1 + turmoil.any(2);
      const semaphore = new Semaphore(session, 'a', { limit: 3, weight });
      await semaphore.run((lock) => inside(who, lock, weight, since));
    },
    async (round) => {
      const limit = [5, 2, 0, 4, 3, 3][round % 6] ?? 3;
      monitor.setRoom(limit);
      await resizeSemaphore(operator, 'a', limit);
      monitor.setRoom(limit);
    },
  );
  await nothingLeft(cluster, 'a/permits/');
  return monitor;
}

/** Whoever wants several locks gets all, and nobody waits in a circle. */
export async function contendForSeveral(ends: Ends, seed: number): Promise<Visits> {
  const turmoil = await Turmoil.start(ends, seed, 8);
  const { cluster } = turmoil;
  const names = ['a', 'b', 'c', 'd'];
  const monitors = new Map(names.map((name) => [name, new ExclusionMonitor(() => cluster.now, 1)]));
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
  for (const name of names) await nothingLeft(cluster, `${name}/`);
  const entries = [...monitors.values()].map((monitor) => monitor.entries);
  return { entries: Math.min(...entries), shared: 0 };
}
