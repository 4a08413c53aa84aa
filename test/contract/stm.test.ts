import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AmbiguousError,
  type Client,
  ConflictError,
  codecs,
  DeadlineError,
  InvalidError,
  Session,
  Space,
  stm,
  type Transaction,
} from '@lockstep/client';
import { startCluster } from '../harness/contenders.ts';
import { balance, clientsOf, once } from '../harness/contention.ts';

test('a transfer between two accounts goes through without contention, in one run', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  await client.put('a', '10');
  await client.put('b', '5');
  let runs = 0;
  const moved = await stm(client, async (tx) => {
    runs++;
    const [a, b] = await Promise.all([balance(tx, 'a'), balance(tx, 'b')]);
    tx.put('a', String(a - 3));
    tx.put('b', String(b + 3));
    return 3;
  });
  assert.deepEqual([moved, runs], [3, 1]);
  const [a, b] = [await client.get('a'), await client.get('b')];
  assert.deepEqual([a?.value, b?.value], ['7', '8']);
  assert.equal(a?.modRevision, b?.modRevision, 'written at one revision');
});

test('reading one key and writing another goes through without contention, in one run', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  await client.put('a', '1');
  await client.put('b', 'old');
  await client.put('noise', 'newer than both');
  for (const isolation of ['serializable-snapshot', 'snapshot'] as const) {
    let runs = 0;
    await stm(
      client,
      async (tx) => {
        runs++;
        tx.put('b', `${await tx.get('a')} by ${isolation}`);
        tx.delete('noise');
      },
      { isolation },
    );
    assert.equal(runs, 1);
    assert.equal((await client.get('b'))?.value, `1 by ${isolation}`);
  }
  assert.equal(await client.get('noise'), undefined);
});

test('all reads of a run show the revision of the first one', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const [client, other] = [cluster.client(), cluster.client()];
  await client.put('a', '1');
  await client.put('b', '1');
  const seen: string[] = [];
  const meanwhile = once(() =>
    stm(other, (tx) => {
      for (const key of ['a', 'b']) tx.put(key, '2');
    }),
  );
  await stm(client, async (tx) => {
    const a = await tx.get('a');
    await meanwhile();
    const list = await tx.list({ from: 'b', to: 'c' });
    seen.push(`${a}${await tx.get('b')}${list[0]?.value}`);
  });
  assert.deepEqual(seen, ['111'], 'no mixture, and reading alone needs no second run');
});

test('a change of a key that was read makes it run again, and nothing of the first run is written', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const [client, other] = [cluster.client(), cluster.client()];
  await client.put('a', '1');
  const meanwhile = once(() => other.put('a', '5'));
  let runs = 0;
  const running = stm(client, async (tx) => {
    const a = await balance(tx, 'a');
    await meanwhile();
    tx.put(`seen-${++runs}`, String(a));
    tx.put('a', String(a + 1));
  });
  await cluster.advanceUntil(running);
  assert.equal((await client.get('a'))?.value, '6');
  assert.equal(await client.get('seen-1'), undefined);
  assert.equal((await client.get('seen-2'))?.value, '5');
});

test('an absent key that was read counts: two cannot both create what each saw missing', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const clients = clientsOf(cluster, 5);
  const taking = clients.map((client, at) =>
    stm(client, async (tx) => {
      if ((await tx.get('owner')) !== undefined) return false;
      tx.put('owner', String(at));
      tx.put(`claim-${at}`, 'mine');
      return true;
    }),
  );
  const taken = await cluster.advanceUntil(Promise.all(taking));
  assert.equal(taken.filter(Boolean).length, 1);
});

test('a key that was read and deleted meanwhile makes it run again', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const [client, other] = [cluster.client(), cluster.client()];
  await client.put('a', '1');
  const meanwhile = once(() => other.delete('a'));
  const running = stm(client, async (tx) => {
    const a = await tx.get('a');
    await meanwhile();
    tx.put('b', a ?? 'none');
  });
  await cluster.advanceUntil(running);
  assert.equal((await client.get('b'))?.value, 'none');
});

test('what a run has written comes back in its reads and lists, in the order of bytes', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  const space = new Space(client, 'app/', codecs.json<{ n: number }>());
  await space.put('b', { n: 1 });
  await space.put('c', { n: 2 });
  await client.put('app0', 'outside');
  await stm(space, async (tx) => {
    const mine = { n: 7 };
    tx.put('a', mine);
    mine.n = 8;
    tx.delete('b');
    // In UTF-16 the first of the two would come last.
    tx.put('\ufffd', { n: 3 });
    tx.put('😀', { n: 4 });
    assert.deepEqual(await tx.get('a'), { n: 7 }, 'as it was when it was put');
    assert.equal(await tx.get('b'), undefined);
    const names = async (range?: Parameters<typeof tx.list>[0]) =>
      (await tx.list(range)).map(({ key, value }) => `${key}${value.n}`);
    assert.deepEqual(await names(), ['a7', 'c2', '\ufffd3', '😀4']);
    assert.deepEqual(await names({ from: 'b', to: '😀' }), ['c2', '\ufffd3']);
    assert.deepEqual(await names({ prefix: 'a' }), ['a7']);
    tx.put('a', { n: 9 });
    tx.delete('a');
    assert.equal(await tx.get('a'), undefined, 'the last write of a key counts');
  });
  assert.deepEqual(
    (await space.list()).map(({ key }) => key),
    ['c', '\ufffd', '😀'],
  );
});

test('row 9: an answer that was lost after the commit is not run a second time', async (t) => {
  const cluster = await startCluster(t, 3, 11);
  const client = cluster.client();
  await client.put('a', '1');
  const dropped = cluster.dropReplies(1);
  let runs = 0;
  const running = stm(client, async (tx) => {
    runs++;
    tx.put('a', String((await balance(tx, 'a')) + 1));
  });
  await cluster.advanceUntil(running);
  assert.equal(dropped.count, 1);
  assert.equal(runs, 1);
  assert.equal((await client.get('a'))?.value, '2');
});

test('row 9: with no answer by the deadline it is an AmbiguousError, and not another run', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  await client.put('a', '1');
  let runs = 0;
  const running = assert.rejects(
    stm(client, async (tx) => {
      runs++;
      tx.put('a', String((await balance(tx, 'a')) + 1));
      cluster.dropReplies(1_000);
    }),
    AmbiguousError,
  );
  await cluster.advanceUntil(running);
  assert.equal(runs, 1);
});

test('a compaction of the revision that was read gives a fresh run, whatever the function makes of the error', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const [client, other] = [cluster.client(), cluster.client()];
  await client.put('a', '1');
  await client.put('b', '1');
  const meanwhile = once(async () => {
    // What was read stays as it is, so that no conflict would give a second run.
    await other.put('noise', '1');
    const { header } = await other.put('noise', '2');
    await other.compact(header.revision);
  });
  let runs = 0;
  const running = stm(client, async (tx) => {
    runs++;
    const a = await tx.get('a');
    await meanwhile();
    const b = await tx.get('b').catch(() => 'swallowed');
    tx.put('both', `${a}${b}`);
  });
  await cluster.advanceUntil(running);
  assert.equal(runs, 2);
  assert.equal((await client.get('both'))?.value, '11');
});

test('a function that swallows the failure of a read does not pass for one that knows what is there', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  await assert.rejects(
    stm(client, async (tx) => {
      await client.close();
      return tx.get('a').catch(() => 'nothing');
    }),
    /the client is closed/,
  );
});

test('a conflict to the end is a ConflictError that says which key, by deadline or by retries', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const [client, other] = [cluster.client(), cluster.client()];
  let runs = 0;
  const always = async (tx: Transaction<string>): Promise<void> => {
    runs++;
    tx.put('a', String((await balance(tx, 'a')) + 1));
    await other.put('a', 'theirs');
  };
  const byRetries = assert.rejects(stm(client, always, { retries: 2 }), (error) => {
    assert.ok(error instanceof ConflictError);
    assert.match(error.message, /"a" was written at revision \d+.*ran 3 times/);
    assert.ok(error.modRevision > 1);
    return true;
  });
  await cluster.advanceUntil(byRetries);
  assert.equal(runs, 3);
  const began = cluster.now;
  const byDeadline = assert.rejects(stm(client, always, { timeoutMs: 2_000 }), ConflictError);
  await cluster.advanceUntil(byDeadline);
  assert.ok(cluster.now - began <= 2_000, `${cluster.now - began} ms`);
  await assert.rejects(
    stm(
      client,
      async (tx) => {
        await tx.list({ prefix: 'seats/' });
        await other.put('seats/1', 'late');
        tx.put('b', '1');
      },
      { retries: 0 },
    ),
    /"seats\/1" was written at revision \d+, in a range that was read/,
  );
});

test('what the function throws ends it, and nothing is written', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  const failure = new Error('not enough');
  await assert.rejects(
    stm(client, async (tx) => {
      tx.put('a', '1');
      await tx.get('b');
      throw failure;
    }),
    failure,
  );
  assert.equal(await client.get('a'), undefined);
});

test('a function that hangs ends with the deadline or the signal, and can write nothing afterwards', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  let kept: Transaction<string> | undefined;
  const hanging = (tx: Transaction<string>): Promise<void> => {
    kept = tx;
    tx.put('a', '1');
    return new Promise(() => {});
  };
  const late = assert.rejects(stm(client, hanging, { timeoutMs: 500 }), DeadlineError);
  await cluster.advanceUntil(late);
  assert.throws(() => kept?.put('a', '2'), /has ended/);
  const reason = new Error('changed my mind');
  const giveUp = new AbortController();
  const aborted = assert.rejects(stm(client, hanging, { signal: giveUp.signal }), reason);
  await cluster.advance(10);
  giveUp.abort(reason);
  await aborted;
  await assert.rejects(stm(client, hanging, { signal: giveUp.signal }), reason);
  assert.equal(await client.get('a'), undefined);
});

test('a transaction that is used after its run, nested, or with nonsense is refused with what would be right', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  let kept: Transaction<string> | undefined;
  await stm(client, (tx) => {
    kept = tx;
  });
  const ended = /the function that this transaction was given to has ended: await everything/;
  await assert.rejects(kept?.get('a') ?? Promise.resolve(), ended);
  await assert.rejects(kept?.list() ?? Promise.resolve(), ended);
  assert.throws(() => kept?.put('a', '1'), ended);
  assert.throws(() => kept?.delete('a'), ended);
  await assert.rejects(
    // What the compiler refuses, a caller without types may do all the same.
    stm(client, (tx) => stm(tx as unknown as Client, () => {})),
    /cannot hold another one/,
  );
  const refused = (run: (tx: Transaction<string>) => unknown, fault: RegExp) =>
    assert.rejects(stm(client, run), (error) => {
      assert.ok(error instanceof InvalidError, String(error));
      assert.match(error.message, fault);
      return true;
    });
  await refused((tx) => tx.get(''), /empty/);
  await refused((tx) => tx.put('\ud800', ''), /half of a surrogate pair/);
  await refused((tx) => {
    for (let at = 0; at < 129; at++) tx.put(`k${at}`, '');
  }, /depends on 0 keys and ranges and writes 129 keys; a transaction takes at most 128/);
  const unknown = { isolation: 'none' as 'snapshot' };
  await assert.rejects(
    stm(client, () => {}, unknown),
    /serializable-snapshot or/,
  );
  await assert.rejects(
    stm(client, () => {}, { timeoutMs: 0 }),
    /above 0/,
  );
  await assert.rejects(
    stm(client, () => {}, { retries: -1 }),
    /0 or more/,
  );
  await client.close();
  await assert.rejects(
    stm(client, (tx) => tx.get('a')),
    /the client is closed/,
  );
});

test('a key of a transaction can be attached to a lease', async (t) => {
  const cluster = await startCluster(t, 1, 11);
  const client = cluster.client();
  const session = await Session.open(client);
  await stm(client, (tx) => tx.put('a', '1', { lease: session.leaseId }));
  assert.equal((await client.get('a'))?.lease, session.leaseId);
  await session.close();
  assert.equal(await client.get('a'), undefined);
});
