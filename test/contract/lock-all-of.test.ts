import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineError, op } from '@lockstep/client';
import {
  AllOf,
  acquireAll,
  LockLostError,
  Mutex,
  ReentryError,
  RwLock,
  Semaphore,
} from '@lockstep/locks';
import { contender, startCluster } from '../harness/contenders.ts';

test('several locks are had at once, under one token and one guard', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  const locks = [
    new Mutex(session, 'a'),
    new RwLock(session, 'b').write,
    new Semaphore(session, 'c', { limit: 1 }),
  ];
  const all = await acquireAll(locks);
  assert.equal(all.keys.length, 3);
  const { kvs } = await client.range({ fromKey: 'a' });
  assert.deepEqual(
    new Set(kvs.filter(({ key }) => all.keys.includes(key)).map((kv) => kv.createRevision)),
    new Set([all.token]),
  );
  for (const lock of locks) assert.equal(await lock.tryAcquire(), undefined);
  await all.txn().do(op.put('x', '1')).commit();
  await client.delete(all.keys[1] ?? '');
  await assert.rejects(all.txn().do(op.put('x', '2')).commit(), LockLostError);
  assert.equal(await all.release(), false, 'one of them was gone');
  for (const lock of locks) assert.equal(await (await lock.tryAcquire())?.release(), true);
});

test('whoever gives up has none of them', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const [a, b] = [new Mutex(session, 'a'), new Mutex(session, 'b')];
  const held = await b.acquire();
  const positions: number[] = [];
  const waiting = acquireAll([a, b], {
    timeoutMs: 500,
    onQueued: (position) => positions.push(position),
  });
  await assert.rejects(cluster.advanceUntil(waiting), DeadlineError);
  await cluster.advance(50);
  assert.deepEqual(positions, [1]);
  assert.equal(await (await a.tryAcquire())?.release(), true);
  assert.equal(await new AllOf([a, b]).tryAcquire(), undefined);
  await held.release();
  assert.equal(await (await new AllOf([a, b]).tryAcquire())?.release(), true);
});

test('in whatever order two name their locks, neither waits for the other for ever', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  for (let round = 0; round < 20; round++) {
    const both = [
      acquireAll([new Mutex(one.session, 'a'), new Mutex(one.session, 'b')]),
      acquireAll([new Mutex(two.session, 'b'), new Mutex(two.session, 'a')]),
    ];
    const first = await Promise.race(both);
    await first.release();
    for (const each of both) await (await each).release();
  }
});

test('what cannot be one lock is refused', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const [a, b] = [new Mutex(one.session, 'a'), new Mutex(two.session, 'b')];
  assert.throws(() => acquireAll([]), /0 locks were given; it must be 1 to 64/);
  assert.throws(
    () => acquireAll(Array.from({ length: 65 }, (_, at) => new Mutex(one.session, `n${at}`))),
    /65 locks/,
  );
  assert.throws(() => acquireAll([a, new Mutex(one.session, 'a')]), /"a" is there twice/);
  assert.throws(() => acquireAll([a, b]), /different sessions/);
  await new AllOf([a, new Mutex(one.session, 'c')]).run(() =>
    assert.rejects(new Mutex(one.session, 'c').acquire(), ReentryError),
  );
});
