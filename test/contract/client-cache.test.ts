import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  ClosedError,
  codecs,
  DeadlineError,
  LiveCache,
  Space,
  UnavailableError,
} from '@lockstep/client';
import { createTestCluster } from '@lockstep/server/testing';
import { connect, startMember } from '../harness/clients.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import type { FakeMember } from '../harness/fake-member.ts';
import { noUnhandledRejections } from '../harness/unhandled.ts';

async function open(
  t: TestContext,
): Promise<{ member: FakeMember; cache: LiveCache; clock: FakeClock }> {
  const member = await startMember(t);
  for (const key of ['a/1', 'a/2', 'b']) member.store.put(key, '1');
  const clock = new FakeClock();
  const cache = await LiveCache.open(connect(t, member, { clock }), { prefix: 'a/' });
  return { member, cache, clock };
}

test('a cache holds its range and follows it', async (t) => {
  const { member, cache } = await open(t);
  assert.deepEqual([cache.size, cache.revision, cache.get('a/1')?.value], [2, 4, '1']);
  assert.deepEqual([cache.has('b'), cache.isStale], [false, false]);
  member.store.put('a/1', '2');
  member.store.deleteRange({ key: 'a/2' });
  await cache.waitFor(6);
  assert.deepEqual(
    [...cache.entries()].map(({ key, value }) => `${key}=${value}`),
    ['a/1=2'],
  );
});

test('a cache is opened with nothing of a list in it, or with all', async (t) => {
  const member = await startMember(t);
  for (let at = 0; at < 8; at++) member.store.put(`a/${at}`, '');
  const client = connect(t, member);
  await client.get('a');
  let release = member.hold();
  const first = member.next('kv.scan');
  const opening = LiveCache.open(client, { prefix: 'a/' });
  let isOpen = false;
  opening.then(
    () => {
      isOpen = true;
    },
    () => {},
  );
  await first;
  const second = member.next('kv.scan');
  release();
  release = member.hold();
  await second;
  assert.equal(isOpen, false);
  release();
  assert.equal((await opening).size, 8);
});

test('a cache stays fresh through failover and compaction, and says when it is not', async (t) => {
  const cluster = await createTestCluster();
  t.after(() => cluster.close());
  const writer = cluster.client({ callTimeoutMs: 60_000 });
  const reader = cluster.client();
  await writer.put('a/1', '1');
  const cache = await LiveCache.open(reader, { prefix: 'a/' });
  cluster.cutClients('all', 'refused');
  await cluster.advance(2_000);
  assert.equal(cache.isStale, true);
  assert.ok(cache.staleMs >= 1_900 && cache.staleMs <= 2_000, `${cache.staleMs}`);
  assert.equal(cache.get('a/1')?.value, '1');
  cluster.restoreClients();
  const at = reader.endpoint;
  cluster.members.find(({ address }) => address === at)?.kill();
  const { header } = await cluster.advanceUntil(writer.put('a/1', '2'));
  await cluster.advanceUntil(writer.compact(header.revision));
  await cluster.advanceUntil(cache.waitFor(header.revision, { timeoutMs: 60_000 }));
  assert.deepEqual([cache.isStale, cache.staleMs, cache.get('a/1')?.value], [false, 0, '2']);
});

test('a cache can be waited for after a write of the own, inside of its range or not', async (t) => {
  const cluster = await createTestCluster();
  t.after(() => cluster.close());
  const client = cluster.client();
  const cache = await LiveCache.open(client, { prefix: 'a/' });
  for (const key of ['a/1', 'elsewhere']) {
    const { header } = await client.put(key, '1');
    await cluster.advanceUntil(cache.waitFor(header.revision), 1_000);
    assert.ok(cache.revision >= header.revision);
  }
  assert.equal(cache.get('a/1')?.value, '1');
});

test('waiting has a deadline that says how far the cache is, and a signal', async (t) => {
  const { cache, clock } = await open(t);
  const late = assert.rejects(cache.waitFor(99, { timeoutMs: 1_000 }), (error: Error) => {
    assert.ok(error instanceof DeadlineError);
    assert.match(error.message, /at revision 4 and did not reach 99 within 1000 ms/);
    return true;
  });
  clock.advance(1_000);
  await late;
  const abort = new AbortController();
  const aborted = assert.rejects(cache.waitFor(99, { signal: abort.signal }), /enough/);
  abort.abort(new Error('enough'));
  await aborted;
});

test('changes begin with all there is and tell each key once, however often it changed', async (t) => {
  const { member, cache } = await open(t);
  const changes = cache.changes();
  const next = async (): Promise<string> => {
    const { value } = await changes.next();
    return value === undefined ? 'end' : `${value.kv.key}=${value.entry?.value}`;
  };
  assert.deepEqual([await next(), await next()], ['a/1=1', 'a/2=1']);
  for (let round = 0; round < 1_000; round++) member.store.put('a/1', String(round));
  member.store.deleteRange({ key: 'a/2' });
  await cache.waitFor(1_005);
  assert.deepEqual([await next(), await next()].sort(), ['a/1=999', 'a/2=undefined']);
  const rest = next();
  cache.close();
  assert.equal(await rest, 'end');
  assert.equal(cache.get('a/1')?.value, '999');
  assert.equal(cache.isStale, true);
});

test('what ends a cache ends every use of it, in the same words', async (t) => {
  noUnhandledRejections(t);
  const member = await startMember(t);
  const abort = new AbortController();
  const client = connect(t, member);
  const cache = await LiveCache.open(client, { prefix: '' }, { signal: abort.signal });
  const changes = cache.changes().next();
  const waiting = cache.waitFor(99);
  abort.abort(new Error('enough'));
  await Promise.all([assert.rejects(changes, /enough/), assert.rejects(waiting, /enough/)]);
  assert.throws(() => cache.get('a'), /enough/);
  assert.throws(() => [...cache.entries()], /enough/);
  await assert.rejects(cache.waitFor(1), /enough/);
  const other = await LiveCache.open(client, { prefix: '' });
  const ends = assert.rejects(other.waitFor(99), ClosedError);
  await client.close({ drainMs: 0 });
  await ends;
});

test('a cache that cannot be opened says why, at its deadline or at once', async (t) => {
  noUnhandledRejections(t);
  const member = await startMember(t);
  const clock = new FakeClock();
  const client = connect(t, member, { clock });
  await client.get('a');
  member.hold();
  const asked = member.next('kv.scan');
  const late = assert.rejects(LiveCache.open(client, { prefix: '' }), UnavailableError);
  await asked;
  clock.advance(5_000);
  await late;
  // In JavaScript nobody checks what is given; it must not throw where a promise is expected.
  const bad = LiveCache.open(client, undefined as unknown as { prefix: string });
  await assert.rejects(bad, TypeError);
  const aborted = LiveCache.open(client, { prefix: '' }, { signal: AbortSignal.abort('no') });
  await assert.rejects(aborted, (reason) => reason === 'no');
});

test('a cache of a space gives its entries, and one that cannot be read spoils no other', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const space = new Space(client, 'config/', codecs.json<{ readonly n: number }>());
  await space.put('good', { n: 1 });
  await client.put('config/bad', '{');
  const cache = await LiveCache.open(space, { prefix: '' });
  assert.equal(cache.get(space.key('good'))?.value.n, 1);
  assert.throws(() => cache.get(space.key('bad'))?.value, { code: 'undecodable' });
});
