/** The fence and the mirror against a real redis-server: Debian's, or the one at REDIS_URL. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Client, op } from '@lockstep/client';
import { Mirror } from '@lockstep/redis';
import { Redis } from 'ioredis';
import { until } from '../harness/processes.ts';
import { startCluster } from '../harness/real-cluster.ts';
import type { RedisKind } from '../harness/redis.ts';
import { fenceSuite } from '../harness/redis-fence-suite.ts';
import { mirrorSuite } from '../harness/redis-mirror-suite.ts';
import { noRedis, RedisProcess } from '../harness/redis-process.ts';

const url = process.env.REDIS_URL ?? '';

/** In CI, which installs it, a skipped test is a failure. */
describe('a real Redis', { skip: url === '' && noRedis }, () => {
  const server = new RedisProcess();
  const kind: RedisKind = {
    name: 'server',
    isServer: true,
    connect: (options = {}) => (url === '' ? server.connect(options) : new Redis(url, options)),
  };
  before(() => (url === '' ? server.start() : undefined));
  after(() => server.kill());

  fenceSuite(kind);
  mirrorSuite(kind);
});

describe('a Redis that is killed, paused and started again under a mirror', {
  skip: noRedis,
}, () => {
  interface Scene {
    readonly server: RedisProcess;
    readonly client: Client;
    readonly mirror: Mirror;
    readonly redis: Redis;
    shown(): Promise<Record<string, string | null>>;
  }

  async function scene(t: TestContext, options = {}): Promise<Scene> {
    const server = new RedisProcess();
    t.after(() => server.kill());
    await server.start();
    const cluster = await startCluster(t, 1);
    const client = new Client({ endpoints: cluster.endpoints });
    const redis = server.connect();
    const mirror = new Mirror(client, redis, { prefix: 'config/', keyPrefix: 'cfg:', ...options });
    t.after(async () => {
      await mirror.close();
      redis.disconnect();
      await client.close();
    });
    await mirror.ready();
    return {
      server,
      client,
      mirror,
      redis,
      async shown() {
        const keys = (await redis.keys('cfg:*')).sort();
        return Object.fromEntries(
          await Promise.all(keys.map(async (key) => [key.slice(4), await redis.get(key)])),
        );
      },
    };
  }

  test('nothing is lost when it is killed while the store is written, again and again', async (t) => {
    const { server, client, mirror, shown } = await scene(t);
    const is: Record<string, string> = {};
    let written = 0;
    let isDone = false;
    const writing = (async () => {
      while (!isDone) {
        const key = `${written % 20}`;
        if (written % 3 === 0 && key in is) {
          await client.delete(`config/${key}`);
          delete is[key];
        } else {
          await client.put(`config/${key}`, `${written}`);
          is[key] = `${written}`;
        }
        written++;
      }
    })();
    t.after(() => {
      isDone = true;
    });
    for (let round = 0; round < 5; round++) {
      const from = written;
      await until('a hundred more are written', () => written >= from + 100);
      await server.kill();
      const without = written;
      await until('the store goes on without Redis', () => written >= without + 20);
      await server.start();
      await mirror.waitFor(client.seenRevision, { timeoutMs: 20_000 });
    }
    isDone = true;
    await writing;
    await mirror.waitFor(client.seenRevision, { timeoutMs: 20_000 });
    assert.deepEqual(await shown(), is);
    t.diagnostic(`${written} revisions, five lives of redis-server`);
  });

  test('it is filled again after it was started empty, though the store is idle', async (t) => {
    const { server, client, mirror, shown } = await scene(t);
    await client.txn().do(op.put('config/a', '1'), op.put('config/b', '2')).commit();
    await mirror.waitFor(client.seenRevision);
    await server.kill();
    await until('the mirror knows it', () => mirror.state === 'filling');
    assert.match(`${mirror.lastError}`, /connection to Redis is closed|ECONNREFUSED/);
    await server.start();
    await mirror.ready({ timeoutMs: 20_000 });
    assert.deepEqual(await shown(), { a: '1', b: '2' });
  });

  test('one that stands still is left after its time, and right when it goes on', async (t) => {
    const { server, client, mirror, shown } = await scene(t, { redisTimeoutMs: 500 });
    server.pause(true);
    t.after(() => server.pause(false));
    await client.put('config/a', '1');
    await client.put('config/a', '2');
    await until('the mirror knows it', () => mirror.state === 'filling');
    await client.delete('config/a');
    await client.put('config/b', '3');
    server.pause(false);
    await mirror.waitFor(client.seenRevision, { timeoutMs: 20_000 });
    assert.deepEqual(await shown(), { b: '3' });
    assert.match(`${mirror.lastError}`, /did not answer within 500 ms/);
  });

  test('a key that was deleted while Redis was away does not come back', async (t) => {
    const { server, client, mirror, shown } = await scene(t);
    for (const key of 'abc') await client.put(`config/${key}`, '1');
    await mirror.waitFor(client.seenRevision);
    server.pause(true);
    t.after(() => server.pause(false));
    await client.delete({ prefix: 'config/' });
    await client.put('config/d', '1');
    server.pause(false);
    await mirror.waitFor(client.seenRevision, { timeoutMs: 20_000 });
    assert.deepEqual(await shown(), { d: '1' });
  });
});
