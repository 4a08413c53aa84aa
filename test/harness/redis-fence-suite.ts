import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { InvalidError, Session } from '@lockstep/client';
import { LockLostError, Mutex } from '@lockstep/locks';
import { Fence, type FencedCommand, StaleTokenError, type TokenHolder } from '@lockstep/redis';
import { createTestCluster } from '@lockstep/server/testing';
import { place, type RedisKind } from './redis.ts';

/** Who believes that it holds the lock, rightly or not. */
const believer = (token: number): TokenHolder => ({ token, assertHeld: () => {} });

const stale = (token: number, last: number) => (error: unknown) =>
  error instanceof StaleTokenError && error.token === token && error.last === last;

/** What a fence does, on every kind of Redis. */
export function fenceSuite(kind: RedisKind): void {
  const claim = (name: string, run: (t: TestContext) => Promise<void> | void) =>
    test(`${kind.name}: fence: ${name}`, run);

  claim('a holder writes again and again, and so does the next', async (t) => {
    const { redis, own } = place(t, kind);
    const fence = new Fence(redis, own);
    await fence.set(believer(3), `${own}:a`, 'one');
    await fence.set(believer(3), `${own}:a`, 'two');
    assert.equal(await redis.get(`${own}:a`), 'two');
    await fence.set(believer(7), `${own}:a`, 'three');
    assert.equal(await redis.get(`${own}:a`), 'three');
    assert.equal(await redis.get(fence.fenceKey), '7');
  });

  claim('a smaller token is refused, and nothing is written', async (t) => {
    const { redis, own } = place(t, kind);
    const fence = new Fence(redis, own);
    await fence.set(believer(7), `${own}:a`, 'right');
    await assert.rejects(fence.set(believer(6), `${own}:a`, 'stale'), stale(6, 7));
    await assert.rejects(fence.del(believer(6), `${own}:a`), stale(6, 7));
    await assert.rejects(fence.hset(believer(6), `${own}:h`, { x: 1 }), stale(6, 7));
    assert.equal(await redis.get(`${own}:a`), 'right');
    assert.equal(await redis.exists(`${own}:h`), 0);
    assert.equal(await redis.get(fence.fenceKey), '7');
  });

  claim(
    'one fence is for all keys: a stale holder cannot write a key that its successor left alone',
    async (t) => {
      const { redis, own } = place(t, kind);
      const fence = new Fence(redis, own);
      await fence.set(believer(9), `${own}:b`, '1');
      await assert.rejects(fence.set(believer(5), `${own}:a`, 'stale'), stale(5, 9));
      assert.equal(await redis.get(`${own}:a`), null);
    },
  );

  claim('the successor can shut its predecessor out before it writes', async (t) => {
    const { redis, own } = place(t, kind);
    const fence = new Fence(redis, own);
    await fence.set(believer(4), `${own}:a`, 'before');
    await fence.raise(believer(8));
    await assert.rejects(fence.set(believer(4), `${own}:a`, 'late'), stale(4, 8));
    assert.equal(await redis.get(`${own}:a`), 'before');
  });

  claim('tokens are compared as numbers up to 2^53 - 1, and kept as decimal text', async (t) => {
    const { redis, own } = place(t, kind);
    const largest = Number.MAX_SAFE_INTEGER;
    const pairs = [
      [9, 10],
      [99, 100],
      [999_999_999_999_999, 1_000_000_000_000_000],
      [4_999_999_999_999_999, 5_000_000_000_000_000],
      [largest - 1, largest],
    ] as const;
    for (const [smaller, larger] of pairs) {
      const fence = new Fence(redis, `${own}:${larger}`);
      const key = `${own}:${larger}`;
      await fence.set(believer(smaller), key, 'smaller');
      await fence.set(believer(larger), key, 'larger');
      await fence.set(believer(larger), key, 'larger again');
      await assert.rejects(fence.set(believer(smaller), key, 'late'), stale(smaller, larger));
      assert.equal(await redis.get(key), 'larger again');
      assert.equal(await redis.get(fence.fenceKey), `${larger}`);
    }
  });

  claim('several commands are one step and each is answered', async (t) => {
    const { redis, own } = place(t, kind);
    const fence = new Fence(redis, own);
    const commands: FencedCommand[] = [
      ['SET', `${own}:a`, '1'],
      ['incrby', `${own}:a`, 41],
      ['hset', `${own}:h`, 'x', '1', 'y', '2'],
      ['hget', `${own}:h`, 'y'],
      ['get', `${own}:none`],
      ['set', `${own}:a`, 'never', 'NX'],
      ['del', `${own}:h`],
    ];
    const replies = await fence.run(believer(2), commands);
    assert.deepEqual(replies, ['OK', 42, 2, '2', null, null, 1]);
    await assert.rejects(fence.run(believer(1), commands), stale(1, 2));
    assert.equal(await redis.get(`${own}:a`), '42');
    assert.equal(await fence.del(believer(2), `${own}:a`), true);
    assert.equal(await fence.del(believer(2), `${own}:a`), false);
  });

  claim('values of any bytes arrive as they are, and may expire', async (t) => {
    const { redis, own } = place(t, kind);
    const fence = new Fence(redis, own);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    await fence.set(believer(1), `${own}:a`, bytes);
    assert.deepEqual(await redis.getBuffer(`${own}:a`), bytes);
    await fence.set(believer(1), `${own}:a`, 'brief', { px: 60_000 });
    const left = await redis.pttl(`${own}:a`);
    assert.ok(left > 0 && left <= 60_000, `${left}`);
  });

  claim('of many who write at one time none comes behind a larger token', async (t) => {
    const { redis, own } = place(t, kind);
    const fence = new Fence(redis, own);
    const tokens = Array.from({ length: 200 }, (_, at) => ((at * 7_919) % 997) + 1);
    const written = await Promise.allSettled(
      tokens.map((token) => fence.run(believer(token), [['rpush', `${own}:log`, token]])),
    );
    const log = (await redis.lrange(`${own}:log`, 0, -1)).map(Number);
    assert.deepEqual(
      log,
      log.toSorted((one, other) => one - other),
    );
    const refused = written.filter(({ status }) => status === 'rejected').length;
    assert.equal(log.length + refused, tokens.length);
    assert.ok(refused > 0 && log.length > 3, `${log.length} written, ${refused} refused`);
    assert.equal(log.at(-1), Math.max(...tokens));
  });

  claim(
    'a holder that lost its lock and does not know it writes nothing over its successor',
    async (t) => {
      const { redis, own } = place(t, kind);
      const cluster = await createTestCluster({ members: 1 });
      t.after(() => cluster.close());
      const sessions = [];
      for (const _ of 'ab') sessions.push(await Session.open(cluster.client(), { ttl: 5 }));
      const [one, two] = sessions;
      assert.ok(one && two);
      const fence = new Fence(redis, own);
      const first = await new Mutex(one, 'nightly').acquire();
      await fence.set(first, `${own}:report`, 'first');
      // Somebody takes the lock away, and the holder's process stands still, so that it learns nothing.
      const paused = believer(first.token);
      await cluster.client().delete(first.key);
      const second = await new Mutex(two, 'nightly').acquire();
      await fence.set(second, `${own}:report`, 'second');
      await assert.rejects(fence.set(paused, `${own}:report`, 'late'), StaleTokenError);
      // When it goes on it knows, and asks Redis nothing.
      await cluster.advanceUntil(() => first.lost.aborted);
      await assert.rejects(fence.set(first, `${own}:report`, 'late'), LockLostError);
      assert.equal(await redis.get(`${own}:report`), 'second');
    },
  );

  claim('bad input is refused before Redis is asked', async (t) => {
    const { redis, own } = place(t, kind);
    const fence = new Fence(redis, own);
    const key = `${own}:a`;
    for (const token of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      await assert.rejects(fence.set(believer(token), key, 'x'), InvalidError, `${token}`);
    }
    const faults: readonly (readonly [FencedCommand, RegExp])[] = [
      [['mset', key, 'x'], /"mset" cannot be fenced; what can .* set/],
      [['eval', key], /"eval" cannot be fenced/],
      [['set', ''], /set has no key/],
      [['set', key, {} as never], /no string, number or Buffer/],
      [['set', key, undefined as never], /no string, number or Buffer/],
      [['set', fence.fenceKey, '1'], /where the fence keeps its token/],
      [['rpush', key, ...Array.from({ length: 1_001 }, () => 'x')], /1001 arguments; at most 1000/],
    ];
    for (const [command, message] of faults) {
      await assert.rejects(fence.run(believer(1), [command]), message);
    }
    const many = Array.from({ length: 129 }, (): FencedCommand => ['incr', key]);
    await assert.rejects(fence.run(believer(1), many), /129 commands; at most 128/);
    await assert.rejects(fence.set(believer(1), key, 'x', { px: 0 }), /px is 0/);
    assert.throws(() => new Fence(redis, ''), /a fence has a name/);
    assert.throws(() => new Fence(redis, 'a}b'), /has braces and no hash tag/);
    assert.equal(await redis.exists(key, fence.fenceKey), 0);
    await redis.set(fence.fenceKey, 'something else');
    await assert.rejects(fence.set(believer(1), key, 'x'), /"something else", which is no token/);
    assert.equal(await redis.exists(key), 0);
  });

  if (kind.isServer) {
    claim('what Redis says of a wrong command is told, and the token stays', async (t) => {
      const { redis, own } = place(t, kind);
      const fence = new Fence(redis, own);
      await fence.set(believer(5), `${own}:a`, 'text');
      await assert.rejects(fence.hset(believer(6), `${own}:a`, { x: 1 }), /WRONGTYPE/);
      await assert.rejects(fence.set(believer(5), `${own}:a`, 'late'), stale(5, 6));
    });
  }

  if (kind.isServer) {
    claim('a client with a key prefix fences the keys that it writes', async (t) => {
      const { redis, own } = place(t, kind);
      const prefixed = kind.connect({ keyPrefix: `${own}:` });
      t.after(() => prefixed.disconnect());
      const fence = new Fence(prefixed, 'a');
      await fence.set(believer(5), 'a', 'x');
      assert.equal(await redis.get(`${own}:a`), 'x');
      assert.equal(await redis.get(`${own}:${fence.fenceKey}`), '5');
      assert.equal(hashed(`${own}:${fence.fenceKey}`), hashed(`${own}:a`));
    });
  }

  claim('the fence is in the slot of what it is named after, and of no other fence', (t) => {
    const { redis } = place(t, kind);
    const names = ['nightly', '{nightly}', '{nightly}:report', 'a{b}c', 'a:b'];
    const keys = names.map((name) => new Fence(redis, name).fenceKey);
    assert.deepEqual(keys.map(hashed), names.map(hashed));
    assert.equal(new Set([...keys, ...names]).size, 2 * names.length);
    assert.equal(new Fence(redis, 'a}b', { fenceKey: 'own' }).fenceKey, 'own');
  });
}

/** What Redis Cluster hashes of a key. */
function hashed(key: string): string {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;
}
