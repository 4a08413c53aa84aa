import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ClosedError, DeadlineError, InvalidError, op } from '@lockstep/client';
import { Mirror, MirrorMismatchError, type MirrorOptions } from '@lockstep/redis';
import type { RedisKind } from './redis.ts';
import { record, revisionOf, scene } from './redis-mirror-scene.ts';

/** What a mirror does, on every kind of Redis. */
export function mirrorSuite(kind: RedisKind): void {
  const claim = (name: string, run: (t: TestContext) => Promise<void>) =>
    test(`${kind.name}: mirror: ${name}`, run);

  claim('at its start Redis becomes equal, and nobody else loses a key', async (t) => {
    const { redis, own, client, mirror, shown } = await scene(t, kind);
    await client.put('config/a', '1');
    await client.put('config/deep/b', '2');
    await client.put('other', '3');
    await redis.mset(
      `${own}:a`,
      'old',
      `${own}:gone`,
      'x',
      `${own}-beside`,
      'mine',
      `x${own}:a`,
      'mine',
    );
    await redis.hset(`${own}:deep/b`, 'no', 'string');
    await mirror().ready();
    assert.deepEqual(await shown(), { a: '1', 'deep/b': '2' });
    assert.deepEqual(await redis.mget(`${own}-beside`, `x${own}:a`), ['mine', 'mine']);
  });

  claim('it follows every change, and says how far it is', async (t) => {
    const { redis, client, mirror, shown } = await scene(t, kind);
    const one = mirror();
    await one.ready();
    assert.deepEqual(await shown(), {});
    await client.put('config/a', '1');
    await client.txn().do(op.put('config/b', '2'), op.put('config/c', '3')).commit();
    const revision = await revisionOf(client.delete('config/a'));
    await one.waitFor(revision);
    assert.deepEqual(await shown(), { b: '2', c: '3' });
    assert.equal(await redis.hget(one.markKey, 'revision'), `${revision}`);
    assert.deepEqual(
      [one.state, one.isLive, one.staleMs, one.revision],
      ['live', true, 0, revision],
    );
  });

  claim('a revision that touches nothing under the prefix moves it too', async (t) => {
    const { redis, client, mirror, shown } = await scene(t, kind);
    const one = mirror();
    await one.ready();
    const revision = await revisionOf(client.put('other', '1'));
    await one.waitFor(revision);
    assert.equal(await redis.hget(one.markKey, 'revision'), `${revision}`);
    assert.deepEqual(await shown(), {});
  });

  claim('nobody sees half of a revision, nor a mark that is ahead of the keys', async (t) => {
    const { redis, own, client, mirror } = await scene(t, kind);
    const one = mirror();
    await one.ready();
    let isDone = false;
    const written = (async () => {
      let revision = 0;
      for (let at = 1; at <= 100; at++) {
        const [a, b, c] = ['a', 'b', 'c'].map((key) => op.put(`config/${key}`, `${at}`));
        assert.ok(a && b && c);
        revision = await revisionOf(client.txn().do(a, b, c).commit());
      }
      await one.waitFor(revision);
    })().finally(() => {
      isDone = true;
    });
    const seen = new Set<string | null>();
    while (!isDone) {
      const [a, b, c] = await redis.mget(`${own}:a`, `${own}:b`, `${own}:c`);
      assert.deepEqual([b, c], [a, a]);
      seen.add(a ?? null);
      // A reader that never lets the others run would see one state only.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await written;
    assert.ok(seen.size > 3, `${seen.size} states were seen`);
  });

  claim('each revision is told on a channel, once, in order', async (t) => {
    const { client, mirror } = await scene(t, kind);
    const one = mirror();
    await one.ready();
    const told = await record(t, kind, one.markKey);
    const revisions = [await revisionOf(client.put('config/a', '1'))];
    await client.put('other', '1');
    revisions.push(await revisionOf(client.delete({ prefix: 'config/' })));
    await one.waitFor(client.seenRevision);
    assert.deepEqual(await told.read(), revisions);
  });

  claim('keys that were deleted while no mirror ran are gone after the next start', async (t) => {
    const { client, mirror, shown } = await scene(t, kind);
    for (const key of 'abc') await client.put(`config/${key}`, '1');
    const first = mirror();
    await first.ready();
    await first.close();
    assert.equal(first.state, 'ended');
    await client.delete('config/a');
    await client.put('config/b', '2');
    await client.put('config/d', '4');
    assert.deepEqual(await shown(), { a: '1', b: '1', c: '1' });
    await mirror().ready();
    assert.deepEqual(await shown(), { b: '2', c: '1', d: '4' });
  });

  claim('a mirror that stood still just before it wrote takes nothing back', async (t) => {
    const { client, mirror, gated, redis, shown } = await scene(t, kind);
    const slow = mirror({}, gated);
    await slow.ready();
    const told = await record(t, kind, slow.markKey);
    const { arrived, release } = gated.hold();
    await client.put('config/a', 'old');
    await arrived;
    await client.put('config/a', 'new');
    const revision = await revisionOf(client.put('config/b', 'new'));
    const quick = mirror();
    await quick.ready();
    assert.equal(await redis.hget(quick.markKey, 'revision'), `${revision}`);
    release();
    await slow.waitFor(revision);
    assert.deepEqual(await shown(), { a: 'new', b: 'new' });
    assert.equal(await redis.hget(quick.markKey, 'revision'), `${revision}`);
    assert.equal(slow.lastError, undefined);
    // The quick one wrote the difference in one step, and of the slow one nothing came.
    assert.deepEqual(await told.read(), [revision]);
  });

  claim('nor does one that stood still just before it filled', async (t) => {
    const { client, mirror, gated, redis, shown } = await scene(t, kind);
    await client.put('config/a', 'old');
    const { arrived, release } = gated.hold();
    const slow = mirror({}, gated);
    const told = await record(t, kind, slow.markKey);
    await arrived;
    await client.put('config/a', 'new');
    const revision = await revisionOf(client.put('config/b', 'new'));
    await mirror().ready();
    release();
    await slow.waitFor(revision);
    assert.deepEqual(await shown(), { a: 'new', b: 'new' });
    assert.equal(await redis.hget(slow.markKey, 'revision'), `${revision}`);
    assert.deepEqual(await told.read(), [revision]);
  });

  claim('two mirrors at one time, one started again and again, never go back', async (t) => {
    const { client, mirror, shown } = await scene(t, kind);
    const steady = mirror();
    await steady.ready();
    const told = await record(t, kind, steady.markKey);
    const is: Record<string, string> = {};
    let isDone = false;
    const writing = (async () => {
      for (let at = 0; at < 300; at++) {
        const key = `${(at * 7) % 13}`;
        if (at % 3 === 0 && key in is) {
          await client.delete(`config/${key}`);
          delete is[key];
        } else {
          await client.put(`config/${key}`, `${at}`);
          is[key] = `${at}`;
        }
      }
    })().finally(() => {
      isDone = true;
    });
    let lives = 0;
    while (!isDone) {
      const other = mirror();
      await other.ready();
      await other.waitFor(client.seenRevision);
      await other.close();
      lives++;
    }
    await writing;
    await steady.waitFor(client.seenRevision);
    const revisions = await told.read();
    const inOrder = [...new Set(revisions)].toSorted((one, other) => one - other);
    assert.deepEqual(revisions, inOrder);
    assert.ok(lives > 2 && revisions.length > 20, `${lives} lives, ${revisions.length} revisions`);
    assert.deepEqual(await shown(), is);
  });

  claim('after a compaction that overtook it Redis is equal again, deletes included', async (t) => {
    const { redis, own, cluster, reach, shown } = await scene(t, kind, 3);
    const [one, two] = cluster.members;
    assert.ok(one && two);
    const client = cluster.client({ endpoints: two.address, learnEndpoints: false });
    for (const key of 'abc') await client.put(`config/${key}`, '1');
    const apart = cluster.client({ endpoints: one.address, learnEndpoints: false });
    const mirror = new Mirror(apart, redis, { prefix: 'config/', keyPrefix: `${own}:` });
    t.after(() => mirror.close());
    await mirror.ready();
    cluster.cutClients(one.name, 'refused');
    await client.delete('config/a');
    await client.put('config/b', '2');
    await client.compact(await revisionOf(client.put('config/d', '4')));
    cluster.restoreClients();
    const revision = client.seenRevision;
    await reach(mirror.waitFor(revision, { timeoutMs: 30_000 }));
    assert.deepEqual(await shown(), { b: '2', c: '1', d: '4' });
    assert.match(`${mirror.lastError}`, /compacted/);
  });

  claim('while Redis refuses it tries again for ever, more and more slowly', async (t) => {
    const { cluster, client, mirror, gated, reach, shown } = await scene(t, kind);
    await client.put('config/a', '1');
    gated.failures = 20;
    const begin = cluster.now;
    const troubles: unknown[] = [];
    const one = mirror({ onTrouble: (error) => troubles.push(error) }, gated);
    await assert.rejects(
      reach(one.ready({ timeoutMs: 1_000 })),
      (error) => error instanceof DeadlineError && /connection refused/.test(error.message),
    );
    const { length } = troubles;
    assert.ok(length >= 3 && length < 20, `${length} in the first second`);
    assert.ok(one.staleMs >= 1_000 && !one.isLive);
    await reach(one.ready({ timeoutMs: 120_000 }));
    assert.equal(troubles.length, 20);
    assert.ok(cluster.now - begin > 10_000, `${cluster.now - begin} ms`);
    assert.equal(gated.attempts, 21);
    assert.deepEqual(await shown(), { a: '1' });
    assert.equal(one.staleMs, 0);
  });

  claim(
    'Redis that lost everything is filled again within seconds, though the store is idle',
    async (t) => {
      const { redis, client, mirror, reach, shown } = await scene(t, kind);
      await client.put('config/a', '1');
      const one = mirror();
      await one.ready();
      await redis.del(one.markKey, ...(await redis.keys(`${one.markKey.split(':')[2]}:*`)));
      assert.deepEqual(await shown(), {});
      await reach(() => one.state === 'filling');
      await reach(one.ready());
      assert.deepEqual(await shown(), { a: '1' });
      assert.match(
        `${one.lastError}`,
        /shows nothing after revision \d+ was written: Redis has lost it/,
      );
    },
  );

  claim('Redis that lost its last writes is made right before the next is written', async (t) => {
    const { redis, own, client, mirror, reach, shown } = await scene(t, kind);
    await client.put('config/a', '1');
    const one = mirror();
    await one.ready();
    const before = await redis.hget(one.markKey, 'revision');
    await one.waitFor(await revisionOf(client.put('config/a', '2')));
    await redis.set(`${own}:a`, '1');
    await redis.hset(one.markKey, 'revision', before ?? '');
    await client.put('config/b', '3');
    await reach(() => one.lastError !== undefined);
    await reach(one.waitFor(client.seenRevision));
    assert.deepEqual(await shown(), { a: '2', b: '3' });
  });

  claim('Redis that does not answer is left, and nothing is lost', async (t) => {
    const { client, mirror, gated, reach, shown } = await scene(t, kind);
    const one = mirror({ redisTimeoutMs: 3_000 }, gated);
    await one.ready();
    const { arrived, release } = gated.hold();
    await client.put('config/a', '1');
    await arrived;
    const revision = await revisionOf(client.put('config/b', '2'));
    await reach(() => one.lastError !== undefined);
    assert.match(`${one.lastError}`, /did not answer within 3000 ms/);
    release();
    await reach(one.waitFor(revision));
    assert.deepEqual(await shown(), { a: '1', b: '2' });
  });

  claim(
    'what was mirrored from elsewhere is not overwritten, and the error says what to do',
    async (t) => {
      const { redis, client, mirror, shown } = await scene(t, kind);
      await client.put('config/a', '1');
      const first = mirror();
      await first.ready();
      await first.close();
      const mismatch = (why: RegExp) => (error: unknown) =>
        error instanceof MirrorMismatchError && why.test(error.message);
      const cluster = await redis.hget(first.markKey, 'cluster');
      await redis.hset(first.markKey, 'cluster', '42');
      await assert.rejects(
        mirror().ready(),
        mismatch(/a mirror of cluster 42, and this is cluster \d+; if .* delete "lockstep:mirror:/),
      );
      await redis.hset(first.markKey, 'cluster', cluster ?? '');
      await assert.rejects(
        mirror({ prefix: 'conf' }).ready(),
        mismatch(/of the prefix "config\/", and/),
      );
      await redis.hset(first.markKey, 'revision', 1_000);
      const back = /shows revision 1000, and the store is at \d+: it was set back/;
      await assert.rejects(mirror().ready(), mismatch(back));
      assert.deepEqual(await shown(), { a: '1' });
    },
  );

  claim('more than bytesMax is not mirrored, and said', async (t) => {
    const { client, mirror, reach, shown } = await scene(t, kind);
    await client.put('config/a', 'x'.repeat(2_000));
    const one = mirror({ bytesMax: 1_000 });
    await reach(() => one.lastError !== undefined);
    assert.match(`${one.lastError}`, /more than 1000 bytes/);
    assert.deepEqual(await shown(), {});
    await client.put('config/a', 'x');
    await reach(one.ready({ timeoutMs: 30_000 }));
    assert.deepEqual(await shown(), { a: 'x' });
  });

  claim('values of any bytes arrive as they are', async (t) => {
    const { redis, own, client, mirror } = await scene(t, kind);
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    await client.put('config/listed', bytes);
    const one = mirror();
    await one.ready();
    await one.waitFor(await revisionOf(client.put('config/live', bytes)));
    for (const key of ['listed', 'live']) {
      assert.deepEqual(await redis.getBuffer(`${own}:${key}`), Buffer.from(bytes));
    }
  });

  if (kind.isServer) {
    claim('keys of any bytes arrive as they are, and are strays as others', async (t) => {
      const { redis, own, client, mirror } = await scene(t, kind);
      const rest = Buffer.from([0, 255, 10, 128]);
      const inStore = Buffer.concat([Buffer.from('config/'), rest]);
      const inRedis = Buffer.concat([Buffer.from(`${own}:`), rest]);
      await client.put(inStore, '1');
      const first = mirror();
      await first.ready();
      assert.equal(await redis.get(inRedis), '1');
      await first.close();
      await client.delete(inStore);
      await mirror().ready();
      assert.equal(await redis.exists(inRedis), 0);
    });
  }

  if (kind.isServer) {
    claim("a client's key prefix stands before the mirror's", async (t) => {
      const { own, cluster, client, shown } = await scene(t, kind);
      const prefixed = kind.connect({ keyPrefix: `${own}:` });
      t.after(() => prefixed.disconnect());
      await client.put('config/a', '1');
      const mirror = new Mirror(cluster.client(), prefixed, {
        prefix: 'config/',
        keyPrefix: 'cfg:',
      });
      t.after(() => mirror.close());
      await mirror.ready();
      assert.equal(await prefixed.get('cfg:a'), '1');
      assert.deepEqual(await shown(), { 'cfg:a': '1', 'lockstep:mirror:cfg:': null });
    });
  }

  claim('a prefix with the signs of a pattern takes nobody else his keys', async (t) => {
    const { redis, own, client, mirror, gated } = await scene(t, kind);
    const keyPrefix = `${own}:[a-z]?*\\^`;
    await client.put('config/a', '1');
    await redis.mset(`${keyPrefix}stray`, 'x', `${own}:bcd\\^a`, 'mine', `${own}:z`, 'mine');
    gated.scanned.push(Buffer.from(`${own}:z`));
    await mirror({ keyPrefix }, gated).ready();
    const keys = [`${keyPrefix}a`, `${own}:bcd\\^a`, `${own}:z`];
    assert.deepEqual(await redis.mget(...keys), ['1', 'mine', 'mine']);
    if (kind.isServer) assert.equal(await redis.exists(`${keyPrefix}stray`), 0);
  });

  claim(
    'it ends with its signal, with its client, and when it is closed, and says so',
    async (t) => {
      const { cluster, redis, own, client, mirror, shown } = await scene(t, kind);
      const lock = new AbortController();
      const bySignal = mirror({ signal: lock.signal });
      const byClose = mirror();
      const ownClient = cluster.client();
      const byClient = new Mirror(ownClient, redis, { prefix: 'config/', keyPrefix: `${own}:` });
      await Promise.all([bySignal.ready(), byClose.ready(), byClient.ready()]);
      const reason = new Error('the lock is lost');
      lock.abort(reason);
      await byClose.close();
      await byClose.close();
      await ownClient.close();
      await assert.rejects(bySignal.waitFor(1_000), reason);
      await assert.rejects(byClose.waitFor(1_000), ClosedError);
      await assert.rejects(byClient.waitFor(1_000), ClosedError);
      for (const one of [bySignal, byClose, byClient]) assert.equal(one.isLive, false);
      await client.put('config/a', '1');
      assert.deepEqual(await shown(), {});
      await assert.rejects(mirror({ signal: lock.signal }).ready(), reason);
    },
  );

  claim('bad options are refused at once', async (t) => {
    const { mirror } = await scene(t, kind);
    const faults: readonly (readonly [Partial<MirrorOptions>, RegExp])[] = [
      [{ keyPrefix: '' }, /every key in Redis would be deleted/],
      [{ keyPrefix: 'lock' }, /is under keyPrefix "lock"/],
      [{ markKey: 'a:mark', keyPrefix: 'a:' }, /is under keyPrefix "a:"/],
      [{ prefix: undefined as never }, /prefix is no text/],
      [{ keyPrefix: 'a\ud800' }, /half of a surrogate pair/],
      [{ redisTimeoutMs: 0 }, /redisTimeoutMs is 0/],
      [{ bytesMax: Number.NaN }, /bytesMax is NaN/],
    ];
    for (const [options, message] of faults) {
      assert.throws(
        () => mirror(options),
        (error) => error instanceof InvalidError && message.test(error.message),
      );
    }
  });
}
