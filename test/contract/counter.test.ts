import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Client,
  ConflictError,
  Counter,
  DecodeError,
  InvalidError,
  stm,
} from '@lockstep/client';
import { createTestCluster } from '@lockstep/server/testing';
import { startCluster } from '../harness/contenders.ts';
import { balance, clientsOf } from '../harness/contention.ts';
import { noUnhandledRejections } from '../harness/unhandled.ts';

test('a counter adds each amount once, whatever becomes of the answers', async (t) => {
  const cluster = await startCluster(t, 3, 11);
  const counter = new Counter(cluster.client(), 'visits');
  assert.equal(await counter.value(), 0);
  assert.equal(await counter.add(), 1);
  assert.equal(await counter.add(41), 42);
  const dropped = cluster.dropReplies(1);
  assert.equal(await cluster.advanceUntil(counter.add(-2)), 40);
  assert.equal(dropped.count, 1);
  assert.equal(await counter.value(), 40);
});

test('twenty that add at the same time all come through', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const counters = clientsOf(cluster, 20).map((client) => new Counter(client, 'visits'));
  const sums = await cluster.advanceUntil(Promise.all(counters.map((counter) => counter.add())));
  assert.deepEqual(
    sums.toSorted((left, right) => left - right),
    Array.from({ length: 20 }, (_, at) => at + 1),
  );
  t.diagnostic(`after ${cluster.now} virtual ms`);
});

test('whoever is too late under contention knows that nothing was written', async (t) => {
  noUnhandledRejections(t);
  const cluster = await createTestCluster({ members: 1, seed: 11, networkDelayMs: 20 });
  t.after(() => cluster.close());
  const clients = clientsOf(cluster, 10);
  for (const [key, add] of [
    ['counter', (client: Client) => new Counter(client, 'counter').add(1, { timeoutMs: 300 })],
    [
      'stm',
      (client: Client) =>
        stm(client, async (tx) => tx.put('stm', String((await balance(tx, 'stm')) + 1)), {
          timeoutMs: 300,
        }),
    ],
  ] as const) {
    await cluster.advanceUntil(Promise.all(clients.map((client) => client.put('warm', '1'))));
    let added = 0;
    let late = 0;
    const adding = clients.map(async (client) => {
      for (let round = 0; round < 5; round++) {
        try {
          await add(client);
          added++;
        } catch (error) {
          assert.ok(error instanceof ConflictError, String(error));
          late++;
        }
      }
    });
    await cluster.advanceUntil(Promise.all(adding));
    const found = cluster.advanceUntil(clients[0]?.get(key) ?? Promise.reject());
    assert.equal(Number((await found)?.value), added);
    t.diagnostic(`${key}: ${added} added, ${late} too late`);
    assert.ok(late > 0 && added > 0);
  }
});

test('a counter stays within safe integers, and says what stands in its key otherwise', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  const counter = new Counter(client, 'c');
  await counter.add(Number.MAX_SAFE_INTEGER);
  await assert.rejects(counter.add(), (error) => {
    assert.ok(error instanceof InvalidError);
    assert.match(error.message, /"c" is at 9007199254740991: with 1 more/);
    return true;
  });
  assert.equal(await counter.value(), Number.MAX_SAFE_INTEGER);
  // What somebody else has done since counts, not what this one remembers.
  await new Counter(client, 'c').add(-10);
  assert.equal(await counter.add(5), Number.MAX_SAFE_INTEGER - 5);
  for (const amount of [0.5, Number.NaN, 2 ** 53]) {
    await assert.rejects(counter.add(amount), /must be a whole number/);
  }
  for (const text of ['', 'many', '1e3', '9007199254740992', ' 1']) {
    await client.put('c', text);
    await assert.rejects(counter.add(), DecodeError);
    await assert.rejects(counter.value(), /is no whole number/);
  }
  assert.throws(() => new Counter(client, ''), /is empty/);
  assert.throws(() => new Counter(client, 'a\udc00'), /half of a surrogate pair/);
  await client.close();
  await assert.rejects(counter.add(), /the client is closed/);
});
