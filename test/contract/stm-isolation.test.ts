import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, stm, type Transaction } from '@lockstep/client';
import fc from 'fast-check';
import { startCluster } from '../harness/contenders.ts';
import { balance, clientsOf, once } from '../harness/contention.ts';

for (const [what, change] of [
  ['appears in', (other: Client) => other.put('seats/3', 'late')],
  ['is changed in', (other: Client) => other.put('seats/1', 'other')],
  ['is deleted from', (other: Client) => other.delete('seats/2')],
  ['vanishes with all others from', (other: Client) => other.delete({ prefix: 'seats/' })],
] as const) {
  test(`a phantom: a key that ${what} a range that was read makes it run again`, async (t) => {
    const cluster = await startCluster(t, 1, 11);
    const [client, other] = [cluster.client(), cluster.client()];
    for (const seat of ['1', '2']) await client.put(`seats/${seat}`, 'taken');
    const meanwhile = once(() => change(other));
    let runs = 0;
    const running = stm(client, async (tx) => {
      runs++;
      const seats = await tx.list({ prefix: 'seats/' });
      await meanwhile();
      tx.put('summary', seats.map(({ key, value }) => `${key}=${value}`).join(' '));
    });
    await cluster.advanceUntil(running);
    const now = (await client.range({ prefix: 'seats/' })).kvs;
    assert.equal(runs, 2);
    assert.equal(
      (await client.get('summary'))?.value,
      now.map(({ key, value }) => `${key}=${value}`).join(' '),
    );
  });
}

test('a phantom in a range that was empty makes it run again; a key beside the range does not', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const [client, other] = [cluster.client(), cluster.client()];
  let runs = 0;
  const beside = once(() => other.put('seats0', 'beside'));
  await stm(client, async (tx) => {
    runs++;
    const seats = await tx.list({ prefix: 'seats/' });
    await beside();
    tx.put('count', String(seats.length));
  });
  assert.equal(runs, 1);
  const within = once(() => other.put('seats/1', 'in'));
  const running = stm(client, async (tx) => {
    const seats = await tx.list({ prefix: 'seats/' });
    await within();
    tx.put('count', String(seats.length));
  });
  await cluster.advanceUntil(running);
  assert.equal((await client.get('count'))?.value, '1');
});

for (const isolation of ['serializable-snapshot', 'snapshot'] as const) {
  test(`two doctors on call: ${isolation} ${isolation === 'snapshot' ? 'lets both go, as documented' : 'keeps one of them'}`, async (t) => {
    const cluster = await startCluster(t, 1, 11);
    const clients = clientsOf(cluster, 2);
    await clients[0]?.put('on-call/alice', 'yes');
    await clients[0]?.put('on-call/bob', 'yes');
    // Both have read before either writes.
    let waiting = 0;
    let go = (): void => {};
    const bothRead = new Promise<void>((resolve) => {
      go = resolve;
    });
    const leave = (client: Client | undefined, name: string) =>
      stm(
        client ?? cluster.client(),
        async (tx) => {
          const others = await tx.get(`on-call/${name === 'alice' ? 'bob' : 'alice'}`);
          if (++waiting === 2) go();
          await bothRead;
          if (others === 'yes') tx.put(`on-call/${name}`, 'no');
        },
        { isolation },
      );
    await cluster.advanceUntil(Promise.all([leave(clients[0], 'alice'), leave(clients[1], 'bob')]));
    const { kvs } = (await clients[0]?.range({ prefix: 'on-call/' })) ?? { kvs: [] };
    const left = kvs.filter(({ value }) => value === 'yes').length;
    assert.equal(left, isolation === 'snapshot' ? 0 : 1);
  });
}

test('snapshot isolation refuses to write what somebody else has written since', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const [client, other] = [cluster.client(), cluster.client()];
  await client.put('a', '1');
  for (const [how, read] of [
    ['read', (tx: Transaction<string>) => tx.get('a')],
    ['listed', async (tx: Transaction<string>) => (await tx.list({ prefix: 'a' }))[0]?.value],
  ] as const) {
    const meanwhile = once(() => other.put('a', '10'));
    const running = stm(
      client,
      async (tx) => {
        const a = await read(tx);
        await meanwhile();
        tx.put('a', `${a}+1 ${how}`);
      },
      { isolation: 'snapshot' },
    );
    await cluster.advanceUntil(running);
    assert.equal((await client.get('a'))?.value, `10+1 ${how}`);
  }
  const meanwhile = once(() => other.put('blind', 'theirs'));
  let runs = 0;
  const running = stm(
    client,
    async (tx) => {
      runs++;
      await tx.get('a');
      await meanwhile();
      tx.put('blind', 'mine');
    },
    { isolation: 'snapshot' },
  );
  await cluster.advanceUntil(running);
  assert.equal(runs, 2, 'a key that was not read counts too');
});

test('property: transfers among random accounts by several clients keep the sum', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const clients = clientsOf(cluster, 4);
  const reader = cluster.client();
  let round = 0;
  const transfer = fc.record({
    from: fc.nat(3),
    to: fc.nat(3),
    amount: fc.nat(50),
    by: fc.nat(3),
    lists: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(transfer, { minLength: 4, maxLength: 24 }), async (transfers) => {
      const prefix = `accounts-${round++}/`;
      for (let at = 0; at < 4; at++) await reader.put(`${prefix}${at}`, '100');
      const running = transfers.map(({ from, to, amount, by, lists }) =>
        stm(
          clients[by] ?? reader,
          async (tx) => {
            if (lists) {
              const all = await tx.list({ prefix });
              const sum = all.reduce((total, { value }) => total + Number(value), 0);
              assert.equal(sum, 400, 'no run sees a transfer half done');
            }
            const source = await balance(tx, `${prefix}${from}`);
            if (source < amount) return 0;
            tx.put(`${prefix}${from}`, String(source - amount));
            tx.put(`${prefix}${to}`, String((await balance(tx, `${prefix}${to}`)) + amount));
            return amount;
          },
          { timeoutMs: 60_000 },
        ),
      );
      await cluster.advanceUntil(Promise.all(running));
      const { kvs } = await reader.range({ prefix });
      const balances = kvs.map(({ value }) => Number(value));
      assert.equal(
        balances.reduce((total, value) => total + value, 0),
        400,
      );
      assert.ok(balances.every((value) => value >= 0));
    }),
    { numRuns: 40, seed: 5 },
  );
});

test('property: concurrent runs end as some order of them, one after the other, would', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const clients = clientsOf(cluster, 3);
  const reader = cluster.client();
  let round = 0;
  const keys = ['x', 'y', 'z'];
  const step = fc.record({ reads: fc.subarray(keys), writes: fc.nat(2), removes: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 4 }), async (steps) => {
      const prefix = `r${round++}/`;
      await reader.put(`${prefix}x`, 'x');
      const target = (at: number) => keys[at] ?? 'x';
      // What each run writes tells everything it read, so the outcome tells the order.
      const text = (at: number, read: readonly (string | undefined)[]) =>
        `${at}(${read.map((value) => value ?? '-').join('')})`;
      const running = steps.map(({ reads, writes, removes }, at) =>
        stm(clients[at % 3] ?? reader, async (tx) => {
          const read = await Promise.all(reads.map((key) => tx.get(prefix + key)));
          if (removes && read[0] !== undefined) tx.delete(prefix + target(writes));
          else tx.put(prefix + target(writes), text(at, read));
        }),
      );
      await cluster.advanceUntil(Promise.all(running));
      const { kvs } = await reader.range({ prefix });
      const outcome = JSON.stringify(
        Object.fromEntries(kvs.map(({ key, value }) => [key.slice(prefix.length), value])),
      );
      const possible = orders(steps.length).map((order) => {
        const state = new Map([['x', 'x']]);
        for (const at of order) {
          const { reads = [], writes = 0, removes = false } = steps[at] ?? {};
          const read = reads.map((key) => state.get(key));
          if (removes && read[0] !== undefined) state.delete(target(writes));
          else state.set(target(writes), text(at, read));
        }
        return JSON.stringify(Object.fromEntries([...state].sort()));
      });
      assert.ok(possible.includes(outcome), `${outcome} is none of ${possible.join(' ')}`);
    }),
    { numRuns: 100, seed: 3 },
  );
});

function orders(count: number): number[][] {
  if (count === 0) return [[]];
  return orders(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_, at) => order.toSpliced(at, 0, count - 1)),
  );
}
