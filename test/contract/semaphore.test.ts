import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineError, InvalidError, op } from '@lockstep/client';
import {
  LimitMismatchError,
  type Lock,
  NoLimitError,
  ReentryError,
  resizeSemaphore,
  Semaphore,
} from '@lockstep/locks';
import { contender, startCluster } from '../harness/contenders.ts';

/** Acquires in turn, and notes who got in. */
async function queue(
  cluster: { advance(ms: number): Promise<void> },
  semaphore: Semaphore,
  weights: readonly number[],
): Promise<{ readonly inside: number[]; readonly permits: Promise<Lock>[] }> {
  const inside: number[] = [];
  const permits: Promise<Lock>[] = [];
  for (const [at, weight] of weights.entries()) {
    const permit = semaphore.acquire({ weight });
    permit.then(
      () => inside.push(at),
      () => {},
    );
    permits.push(permit);
    await cluster.advance(10);
  }
  return { inside, permits };
}

test('as many as the limit get in, and the next when one leaves', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const semaphore = new Semaphore(session, 'a', { limit: 2 });
  const { inside, permits } = await queue(cluster, semaphore, [1, 1, 1, 1]);
  assert.deepEqual(inside, [0, 1]);
  await (await permits[1])?.release();
  await cluster.advance(100);
  assert.deepEqual(inside, [0, 1, 2]);
  const { limit, inUse, holders, waiting } = await semaphore.inspect();
  assert.deepEqual([limit, inUse, holders.length, waiting.length], [2, 2, 2, 1]);
  await (await permits[0])?.txn().do(op.put('x', '1')).commit();
});

test('a heavy one is not overtaken by light ones', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const semaphore = new Semaphore(session, 'a', { limit: 4 });
  const { inside, permits } = await queue(cluster, semaphore, [2, 1, 3, 1]);
  assert.deepEqual(inside, [0, 1], 'there is room for the light one, and it waits its turn');
  assert.equal(await semaphore.tryAcquire(), undefined);
  await (await permits[0])?.release();
  await cluster.advance(100);
  assert.deepEqual(inside, [0, 1, 2]);
  await (await permits[1])?.release();
  await cluster.advance(100);
  assert.deepEqual(inside, [0, 1, 2, 3]);
});

test('a waiter is told its place, also at the head of the queue', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const semaphore = new Semaphore(session, 'a', { limit: 1 });
  const held = await semaphore.acquire({ onQueued: () => assert.fail('it is free') });
  const places: [string, number][] = [];
  const waiting = ['one', 'two'].map((who) =>
    semaphore.acquire({ onQueued: (position) => places.push([who, position]) }),
  );
  await cluster.advance(100);
  await held.release();
  const one = await waiting[0];
  await cluster.advance(100);
  await one?.release();
  await waiting[1];
  assert.deepEqual(places, [
    ['one', 1],
    ['two', 2],
    ['two', 1],
  ]);
});

test('row 15: a waiter notices a new limit, and a lower one takes nothing from anybody', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  const semaphore = new Semaphore(session, 'a', { limit: 1 });
  const { inside, permits } = await queue(cluster, semaphore, [1, 1, 1, 1, 1]);
  assert.deepEqual(inside, [0]);
  await semaphore.resize(4);
  await cluster.advance(100);
  assert.deepEqual(inside, [0, 1, 2, 3]);
  await resizeSemaphore(client, 'a', 2);
  for (const at of [0, 1, 2]) {
    const permit = await permits[at];
    permit?.assertHeld();
    await cluster.advance(100);
    assert.equal(inside.length, 4, 'still too many');
    await permit?.release();
  }
  await cluster.advance(100);
  assert.deepEqual(inside, [0, 1, 2, 3, 4]);
  await semaphore.resize(0);
  assert.equal(await semaphore.tryAcquire(), undefined);
  const paused = semaphore.acquire({ weight: 9, timeoutMs: 1_000 });
  await assert.rejects(cluster.advanceUntil(paused), DeadlineError, 'a pause, and nothing wrong');
});

test('row 15: the permits of one who dies come back, and the place of one who died waiting bars nobody', async (t) => {
  const cluster = await startCluster(t);
  const [one, two, three] = [
    await contender(cluster, 5),
    await contender(cluster, 5),
    await contender(cluster),
  ];
  const of = ({ session }: { session: typeof one.session }) =>
    new Semaphore(session, 'a', { limit: 3 });
  await of(one).acquire({ weight: 2 });
  const heavy = assert.rejects(of(two).acquire({ weight: 2 }));
  await cluster.advance(100);
  const light = of(three).acquire({ weight: 3 });
  one.cutOff(true);
  two.cutOff(true);
  await cluster.advanceUntil(heavy);
  const permit = await cluster.advanceUntil(light);
  const { inUse, holders } = await of(three).inspect();
  assert.deepEqual([inUse, holders.map(({ key }) => key)], [3, [permit.key]]);
});

test('another declared limit is refused, except where the operator has set it or it is to be adopted', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  await (await new Semaphore(session, 'a', { limit: 3 }).acquire()).release();
  const other = new Semaphore(session, 'a', { limit: 4 });
  await assert.rejects(other.acquire(), (error: Error) => {
    assert.ok(error instanceof LimitMismatchError);
    assert.match(
      error.message,
      /declared as 4 here, but others declare 3: declare the same, resize/,
    );
    return true;
  });
  await assert.rejects(other.tryAcquire(), LimitMismatchError);
  const adopting = new Semaphore(session, 'a', { limit: 4, onMismatch: 'adopt' });
  await (await adopting.acquire({ weight: 3 })).release();
  // Resized to what the new release declares, both releases run side by side.
  await other.resize(4);
  for (const limit of [3, 4, undefined]) {
    const semaphore = new Semaphore(session, 'a', limit === undefined ? {} : { limit });
    await (await semaphore.acquire({ weight: 4 })).release();
  }
  assert.deepEqual((({ limit, declared }) => [limit, declared])(await other.inspect()), [4, 3]);
});

test('what could never be had is refused at once, and so are numbers that are none', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  const semaphore = new Semaphore(session, 'a', { limit: 2 });
  await assert.rejects(
    semaphore.acquire({ weight: 3 }),
    /weight 3 can never be had: the limit of "a" is 2/,
  );
  await assert.rejects(semaphore.inspect(), NoLimitError, 'and declares nothing');
  for (const weight of [0, -1, 1.5, Number.NaN]) {
    await assert.rejects(semaphore.acquire({ weight }), /weight is .* a whole number, 1 or more/);
    assert.throws(() => new Semaphore(session, 'a', { weight }), InvalidError);
  }
  for (const limit of [-1, 0.5, Number.POSITIVE_INFINITY]) {
    assert.throws(() => new Semaphore(session, 'a', { limit }), /limit is .* a whole number/);
    await assert.rejects(semaphore.resize(limit), InvalidError);
  }
  await assert.rejects(new Semaphore(session, 'none').acquire(), NoLimitError);
  await assert.rejects(new Semaphore(session, 'none').inspect(), NoLimitError);
  await client.put('bad/limit', 'three');
  await assert.rejects(new Semaphore(session, 'bad').acquire(), /bad\/limit holds no limit/);
  // The head of the queue goes when it can never be served, so that those behind it can.
  const held = await semaphore.acquire({ weight: 1 });
  const heavy = semaphore.acquire({ weight: 2 });
  heavy.catch(() => {});
  await cluster.advance(10);
  const light = semaphore.acquire();
  await cluster.advance(10);
  await semaphore.resize(1);
  await assert.rejects(heavy, /can never be had/);
  await held.release();
  await light;
});

test('a permit under a permit of the same semaphore is refused: a heavier one is what is meant', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const semaphore = new Semaphore(session, 'a', { limit: 2 });
  await semaphore.run(() => assert.rejects(semaphore.acquire(), ReentryError));
});
