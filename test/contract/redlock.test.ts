import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Client, InvalidError, Session } from '@lockstep/client';
import { LockLostError, Mutex } from '@lockstep/locks';
import { ExecutionError, Redlock } from '@lockstep/redis';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';

interface Scene {
  readonly cluster: TestCluster;
  /** Of two programs. */
  readonly one: Redlock;
  readonly two: Redlock;
  readonly client: Client;
}

async function scene(t: TestContext): Promise<Scene> {
  const cluster = await createTestCluster({ members: 1 });
  t.after(() => cluster.close());
  const client = cluster.client();
  return { cluster, client, one: new Redlock(cluster.client()), two: new Redlock(client) };
}

/** Each key under a lock's name is a place in its queue. */
const places = async (client: Client, name: string): Promise<number> =>
  (await client.range({ prefix: `${name}/` }, { countOnly: true })).count;

test('a lock is had by one, and the next has it after the release', async (t) => {
  const { one, two, client } = await scene(t);
  const lock = await one.acquire(['a'], 5_000);
  assert.ok(lock.expiration > client.clock.wall() + 3_000);
  assert.deepEqual([lock.resources, lock.value.startsWith('a/')], [['a'], true]);
  await assert.rejects(two.acquire(['a'], 5_000, { retryCount: 0 }), ExecutionError);
  const waiting = two.acquire(['a'], 5_000);
  await lock.release();
  const next = await waiting;
  assert.ok(next.token > lock.token);
  assert.equal(lock.expiration, client.clock.wall());
  await two.release(next);
  assert.equal(await places(client, 'a'), 0);
});

test('who waits longer than retryCount times retryDelay is told with the name of the lock', async (t) => {
  const { cluster, one, two, client } = await scene(t);
  const lock = await one.acquire(['a'], 60_000);
  const begin = cluster.now;
  await assert.rejects(
    cluster.advanceUntil(two.acquire(['a'], 5_000)),
    (error) =>
      error instanceof ExecutionError && /"a" was not free within 2000 ms/.test(error.message),
  );
  assert.equal(cluster.now - begin, 2_000);
  const patient = two.acquire(['a'], 5_000, { retryCount: -1 });
  await cluster.advance(30_000);
  assert.equal(await places(client, 'a'), 2);
  await lock.release();
  await (await patient).release();
});

test('a lock that nobody extends is given up after its duration, and its holder knows it first', async (t) => {
  const { cluster, one, two, client } = await scene(t);
  const lock = await one.acquire(['a'], 5_000);
  const order: string[] = [];
  lock.lost.addEventListener('abort', () => order.push('lost'));
  const waiting = two.acquire(['a'], 5_000, { retryCount: -1 }).then(() => order.push('taken'));
  await cluster.advance(4_000);
  assert.deepEqual(order, []);
  await cluster.advance(1_000);
  await waiting;
  assert.deepEqual(order, ['lost', 'taken']);
  assert.match(`${lock.lost.reason}`, /its duration is over and nobody extended it/);
  assert.equal(lock.remainingMs(), 0);
  assert.throws(() => lock.assertHeld(), LockLostError);
  await assert.rejects(lock.release(), ExecutionError);
  await assert.rejects(lock.extend(5_000), ExecutionError);
  assert.equal(await places(client, 'a'), 1);
});

test('a blocked event loop does not hide that the duration is over', async (t) => {
  const { cluster, one } = await scene(t);
  const lock = await one.acquire(['a'], 5_000);
  cluster.jumpWallClock(5_000);
  assert.throws(() => lock.assertHeld(), LockLostError);
});

test('an extended lock is held on, beyond the lease it began with', async (t) => {
  const { cluster, one, client } = await scene(t);
  let lock = await one.acquire(['a'], 3_000);
  const { token } = lock;
  for (let round = 0; round < 10; round++) {
    await cluster.advance(2_500);
    lock = await lock.extend(3_000);
    lock.assertHeld();
  }
  lock = await one.extend(lock, 20_000);
  await cluster.advance(19_000);
  lock.assertHeld();
  assert.equal(lock.token, token);
  await cluster.advance(1_000);
  assert.equal(lock.lost.aborted, true);
  assert.equal(await places(client, 'a'), 0);
});

test('of several resources all are had or none', async (t) => {
  const { cluster, one, two, client } = await scene(t);
  const lock = await one.acquire(['b', 'c', 'b'], 60_000);
  assert.deepEqual(lock.resources, ['b', 'c']);
  assert.throws(() => lock.token, /each of \["b","c"\] has a token of its own/);
  assert.ok(lock.of('b').token > 0 && lock.of('c').token > 0);
  assert.throws(() => lock.of('a'), InvalidError);
  await assert.rejects(cluster.advanceUntil(two.acquire(['c', 'a'], 5_000)), ExecutionError);
  assert.equal(await places(client, 'a'), 0);
  // In whatever order they are named, two who want the same ones do not wait for each other.
  const both = [two.acquire(['c', 'b'], 5_000), one.acquire(['b', 'c'], 5_000)];
  await lock.release();
  for (const next of both) await (await next).release();
  for (const name of 'abc') assert.equal(await places(client, name), 0);
});

test('under using a lock is held for as long as the routine runs, and given back after it', async (t) => {
  const { cluster, one, client } = await scene(t);
  let end = (): void => {};
  const result = one.using(['a'], 2_000, async (signal, { lock }) => {
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    assert.equal(signal.aborted, false);
    assert.equal(signal.error, undefined);
    lock.assertHeld();
    return 'done';
  });
  await cluster.advance(60_000);
  assert.equal(await places(client, 'a'), 1);
  end();
  assert.equal(await result, 'done');
  assert.equal(await places(client, 'a'), 0);
  const failure = new Error('the routine failed');
  await assert.rejects(
    one.using(['a'], 2_000, { retryCount: 1 }, async () => {
      throw failure;
    }),
    failure,
  );
  assert.equal(await places(client, 'a'), 0);
});

test('the signal of using aborts before anybody else can have the lock, and the result is the loss', async (t) => {
  const { cluster, two } = await scene(t);
  const apart = new Redlock(cluster.client());
  const order: string[] = [];
  let start = (): void => {};
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  const result = apart.using(['a'], 5_000, async (signal) => {
    start();
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    order.push(`aborted: ${signal.error instanceof LockLostError}`);
    throw new Error('it stopped');
  });
  result.catch(() => {});
  await started;
  cluster.cutClients();
  await cluster.advance(4_600);
  assert.deepEqual(order, ['aborted: true']);
  cluster.restoreClients();
  const next = await cluster.advanceUntil(two.acquire(['a'], 5_000, { retryCount: -1 }));
  order.push('taken');
  await assert.rejects(
    cluster.advanceUntil(result),
    (error) => error instanceof LockLostError && /it stopped/.test(`${error.cause}`),
  );
  assert.deepEqual(order, ['aborted: true', 'taken']);
  await next.release();
});

test('a lock that was lost is not given back while the routine still runs', async (t) => {
  const { cluster, client, one } = await scene(t);
  let end = (): void => {};
  const isRunning = new Promise<string>((started) => {
    one
      .using(['a', 'b'], 5_000, async (_, { lock }) => {
        started(lock.of('a').key);
        await new Promise<void>((resolve) => {
          end = resolve;
        });
      })
      .catch(() => {});
  });
  await client.delete(await isRunning);
  await cluster.advance(1_000);
  assert.equal(await places(client, 'b'), 1);
  end();
  await cluster.advance(1_000);
  assert.equal(await places(client, 'b'), 0);
});

test('a plain mutex of the same name is the same lock', async (t) => {
  const { cluster, one } = await scene(t);
  const session = await Session.open(cluster.client());
  const held = await new Mutex(session, 'a').acquire();
  await assert.rejects(one.acquire(['a'], 5_000, { retryCount: 0 }), ExecutionError);
  await held.release();
  const lock = await one.acquire(['a'], 5_000, { retryCount: 0, identity: 'old program' });
  const { holder } = await new Mutex(session, 'a').inspect();
  assert.deepEqual([holder?.identity, holder?.token], ['old program', lock.token]);
});

test('quit gives back what is held, and no lease stays behind', async (t) => {
  const { one, client } = await scene(t);
  await one.acquire(['a'], 60_000);
  await one.acquire(['b', 'c'], 60_000);
  assert.equal((await client.leases.list()).length, 2);
  await one.quit();
  for (const name of 'abc') assert.equal(await places(client, name), 0);
  assert.equal((await client.leases.list()).length, 0);
});

test('a store that cannot be reached is an ExecutionError that says so', async (t) => {
  const { cluster, one } = await scene(t);
  cluster.cutClients('all', 'refused');
  await assert.rejects(
    cluster.advanceUntil(one.acquire(['a'], 5_000)),
    (error) => error instanceof ExecutionError && /was not acquired: .*refused/.test(error.message),
  );
});

test('bad input is refused with what would be right', async (t) => {
  const { one, client } = await scene(t);
  const refused = (message: RegExp) => (error: unknown) =>
    error instanceof InvalidError && message.test(error.message);
  await assert.rejects(one.acquire([], 5_000), refused(/a list of names that is not empty/));
  await assert.rejects(one.acquire('a' as never, 5_000), refused(/a list of names/));
  await assert.rejects(one.acquire(['a/'], 5_000), refused(/ends with a slash/));
  for (const duration of [0, -1, Number.NaN, 1e9]) {
    await assert.rejects(one.acquire(['a'], duration), refused(/duration is/));
  }
  await assert.rejects(
    one.acquire(['a'], 5_000, { retryCount: 0.5 }),
    refused(/retryCount is 0.5/),
  );
  await assert.rejects(one.using(['a'], 5_000, {} as never), refused(/using needs a routine/));
  assert.throws(
    () => new Redlock([] as never),
    refused(/of a Lockstep client, and of no Redis client/),
  );
  assert.throws(() => new Redlock(client, { retryDelay: -1 }), refused(/retryDelay is -1/));
  assert.equal((await client.leases.list()).length, 0);
});
