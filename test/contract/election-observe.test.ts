import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClosedError } from '@lockstep/client';
import { Election } from '@lockstep/election';
import { cuttableClient, startCluster } from '../harness/contenders.ts';
import { Observer } from '../harness/elections.ts';

test('an observer is told of nobody, of each leader, of what it proclaims, and of nobody between terms', async (t) => {
  const cluster = await startCluster(t, 1);
  const observer = new Observer(t, new Election(cluster.client(), 'boss'));
  await cluster.advance(100);
  assert.deepEqual(observer.seen, ['nobody']);
  const first = await new Election(cluster.client(), 'boss', { value: 'a' }).campaign();
  const waiting = new Election(cluster.client(), 'boss', { value: 'b' }).campaign();
  await cluster.advance(100);
  await first.proclaim('a is ready');
  await first.proclaim('a is ready');
  await cluster.advance(100);
  await first.resign();
  const second = await waiting;
  await cluster.advance(100);
  assert.deepEqual(observer.seen, ['nobody', 'a', 'a is ready', 'nobody', 'b']);
  const tokens = observer.leaders.map((leader) => leader?.token);
  assert.deepEqual(tokens, [undefined, first.token, first.token, undefined, second.token]);
});

test('an observer that comes later begins with who leads then', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const term = await new Election(client, 'boss', { value: 'a' }).campaign();
  await term.proclaim('b');
  for await (const leader of new Election(client, 'boss').observe()) {
    assert.deepEqual([leader?.value, leader?.token], ['b', term.token]);
    break;
  }
});

test('an observer says nothing of a list before it has all of it', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  // More than one answer takes: the candidate comes long before the record which says that it does not lead.
  const { id: lease } = await client.leases.grant({ ttl: 600 });
  await client.put('boss/1.a', 'x'.repeat(400_000), { lease });
  for (let at = 0; at < 3; at++) {
    await client.put(`boss/2.${at}`, 'x'.repeat(400_000), { lease });
  }
  await client.put('boss.candidates/1.a', JSON.stringify({ inOffice: false }), { lease });
  const observer = new Observer(t, new Election(client, 'boss'));
  await cluster.advance(1_000);
  assert.deepEqual(observer.leaders, [undefined]);
});

test('an observer misses nothing through a lost connection, and gets over a compaction', async (t) => {
  const cluster = await startCluster(t);
  const watcher = cuttableClient(cluster);
  const leading = cluster.client();
  const observer = new Observer(t, new Election(watcher.client, 'boss'));
  const election = new Election(leading, 'boss', { value: 'a', ttl: 60 });
  const term = await election.campaign();
  await cluster.advance(100);
  watcher.cutOff(true);
  await term.proclaim('b');
  await term.proclaim('c');
  await cluster.advance(10_000);
  watcher.cutOff(false);
  await cluster.advance(20_000);
  assert.deepEqual(
    observer.seen.filter((value) => value !== 'nobody'),
    ['a', 'b', 'c'],
  );
  watcher.cutOff(true);
  await term.resign();
  for (let at = 0; at < 10; at++) await leading.put('noise', String(at));
  const again = await new Election(leading, 'boss', { value: 'd' }).campaign();
  const { header } = await leading.put('noise', 'last');
  await leading.compact(header.revision);
  await cluster.advance(10_000);
  watcher.cutOff(false);
  await cluster.advance(20_000);
  assert.equal(observer.leaders.at(-1)?.token, again.token);
  assert.equal(observer.seen.at(-1), 'd');
});

test('an observer that is slow gets the latest and not all that was', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const term = await new Election(client, 'boss', { value: '0' }).campaign();
  const observing = new Election(client, 'boss').observe();
  assert.equal((await observing.next()).value?.value, '0');
  for (let at = 1; at <= 50; at++) await term.proclaim(String(at));
  await cluster.advance(100);
  assert.equal((await observing.next()).value?.value, '50');
  await term.proclaim('51');
  await term.proclaim('50');
  await cluster.advance(100);
  const next = observing.next();
  await term.proclaim('52');
  assert.equal((await next).value?.value, '52', 'what is as it was last told is no news');
  await observing.return();
});

test('an observer ends by its signal, by its client, and by leaving the loop', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss');
  const stop = new AbortController();
  const observing = election.observe({ signal: stop.signal });
  await observing.next();
  const reason = new Error('seen enough');
  const aborted = assert.rejects(observing.next(), reason);
  stop.abort(reason);
  await aborted;
  await assert.rejects(election.observe({ signal: stop.signal }).next(), reason);
  const closing = election.observe();
  await closing.next();
  const closed = assert.rejects(closing.next(), ClosedError);
  await client.close();
  await closed;
});
