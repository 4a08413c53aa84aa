import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClosedError, op } from '@lockstep/client';
import { Election, type Term } from '@lockstep/election';
import { LockLostError } from '@lockstep/locks';
import { cuttableClient, startCluster } from '../harness/contenders.ts';
import { gate, Observer } from '../harness/elections.ts';

/** Leads until it is told to stop. */
async function untilStopped(stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()));
}

test('run leads, and campaigns again when the term is lost, until its signal aborts', async (t) => {
  const cluster = await startCluster(t);
  const client = cluster.client();
  const election = new Election(client, 'boss', { identity: 'a' });
  const end = new AbortController();
  const terms: Term[] = [];
  const running = election.run(
    async (term, stop) => {
      terms.push(term);
      await untilStopped(stop);
    },
    { signal: end.signal },
  );
  for (let round = 1; round <= 3; round++) {
    await cluster.advance(1_000);
    assert.equal(terms.length, round);
    await client.delete(terms.at(-1)?.key ?? '');
  }
  await cluster.advance(1_000);
  assert.deepEqual(
    terms.map(({ endedBy }) => endedBy),
    ['loss', 'loss', 'loss', undefined],
  );
  end.abort();
  await running;
  assert.equal(terms.at(-1)?.endedBy, 'resign');
  assert.equal(await election.leader(), undefined);
  assert.deepEqual(await client.leases.list(), []);
});

test('run goes on when the leading member is killed, and when the whole store is away for long', async (t) => {
  const cluster = await startCluster(t);
  const terms: Term[] = [];
  const errors: unknown[] = [];
  const end = new AbortController();
  t.after(() => end.abort());
  for (const identity of ['a', 'b']) {
    new Election(cluster.client(), 'boss', { identity, ttl: 5 })
      .run(
        async (term, stop) => {
          terms.push(term);
          await untilStopped(stop);
        },
        { signal: end.signal, onError: (error) => errors.push(error) },
      )
      .catch((error: unknown) => errors.push(error));
  }
  await cluster.advance(1_000);
  assert.equal(terms.length, 1);
  const killed = cluster.leader?.name ?? '';
  cluster.kill(killed);
  await cluster.advance(20_000);
  cluster.restart(killed);
  assert.equal(terms.filter(({ endedBy }) => endedBy === undefined).length, 1);
  for (const { name } of cluster.members) cluster.kill(name);
  await cluster.advance(120_000);
  assert.deepEqual(
    terms.filter(({ endedBy }) => endedBy === undefined),
    [],
  );
  assert.ok(errors.length > 4 && errors.length < 60, `${errors.length} failures were told`);
  for (const { name } of cluster.members) cluster.restart(name);
  await cluster.advance(30_000);
  const held = terms.filter(({ endedBy }) => endedBy === undefined);
  assert.equal(held.length, 1);
  await held[0]?.txn().do(op.put('x', 'y')).commit();
});

test('row 11: nobody else leads before the task of a lost term has ended, as far as this process goes', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss', { identity: 'a' });
  const end = new AbortController();
  const [first, second] = [gate(), gate()];
  const gates = [first, second];
  let active = 0;
  const terms: Term[] = [];
  const running = election.run(
    async (term) => {
      active++;
      assert.equal(active, 1, 'never two at once');
      terms.push(term);
      await gates.shift()?.opened;
      active--;
    },
    { signal: end.signal },
  );
  await cluster.advance(100);
  await client.delete(terms[0]?.key ?? '');
  await cluster.advance(30_000);
  assert.equal(terms[0]?.lost.aborted, true);
  assert.deepEqual(await election.candidates(), [], 'it does not even stand');
  first.open();
  await cluster.advance(1_000);
  assert.equal(terms.length, 2);
  end.abort();
  await cluster.advance(30_000);
  assert.equal(
    (await election.leader())?.token,
    terms[1]?.token,
    'the office is kept until the task ends',
  );
  second.open();
  await running;
  assert.equal(await election.leader(), undefined);
});

test('run ends with its task: what it gives up or throws is its own doing', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss', { identity: 'a' });
  await election.run(() => {});
  assert.equal(await election.leader(), undefined);
  const failure = new Error('no plan');
  await assert.rejects(
    election.run(() => {
      throw failure;
    }),
    failure,
  );
  assert.equal(await election.leader(), undefined, 'resigned all the same');
  await election.run(async (term) => {
    await term.resign();
  });
  const other = new Election(client, 'boss', { identity: 'b' }).campaign();
  await cluster.advance(10);
  const waits = await other;
  const handing = election.run((term) => term.transferTo('b'));
  await cluster.advance(100);
  const again = new Election(client, 'boss', { identity: 'b' }).campaign();
  await cluster.advance(100);
  await waits.resign();
  await handing;
  assert.equal((await election.leader())?.token, (await again).token);
});

test('row 12: what the task throws after a loss is told, and the loss itself is not', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss');
  const end = new AbortController();
  const told: unknown[] = [];
  const failure = new Error('could not tidy up');
  const endings: ((term: Term, stop: AbortSignal) => unknown)[] = [
    () => failure,
    (_, stop) => stop.reason,
    (_, stop) => new Error('aborted', { cause: stop.reason }),
    () => new LockLostError('of a guarded write'),
  ];
  const terms: Term[] = [];
  const running = election.run(
    async (term, stop) => {
      terms.push(term);
      await untilStopped(stop);
      const thrown = endings.shift()?.(term, stop);
      if (thrown !== undefined) throw thrown;
    },
    { signal: end.signal, onError: (error) => told.push(error) },
  );
  for (let round = 0; round < 4; round++) {
    await cluster.advance(1_000);
    await client.delete(terms.at(-1)?.key ?? '');
  }
  await cluster.advance(1_000);
  assert.equal(terms.length, 5);
  assert.deepEqual(told, [failure]);
  endings.push((_, stop) => stop.reason);
  end.abort(new Error('shutting down'));
  await running;
  assert.deepEqual(told, [failure]);
});

test('without onError, what goes wrong while run goes on is a warning of the process', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const warned: string[] = [];
  t.mock.method(process, 'emitWarning', (warning: string | Error) => {
    warned.push(String(warning));
  });
  const end = new AbortController();
  const terms: Term[] = [];
  const running = new Election(client, 'boss').run(
    async (term, stop) => {
      terms.push(term);
      await untilStopped(stop);
      if (terms.length === 1) throw new Error('could not tidy up');
    },
    { signal: end.signal },
  );
  await cluster.advance(100);
  await client.delete(terms[0]?.key ?? '');
  await cluster.advance(1_000);
  end.abort();
  await running;
  assert.deepEqual(warned, ['Error: could not tidy up']);
});

test('restart never: a loss ends run, with what the task threw as its cause', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const failure = new Error('no plan');
  const running = new Election(client, 'boss').run(
    async ({ key }, stop) => {
      await client.delete(key);
      await untilStopped(stop);
      throw failure;
    },
    { restart: 'never' },
  );
  const rejected = assert.rejects(running, (error) => {
    return error instanceof LockLostError && error.cause === failure;
  });
  await cluster.advance(1_000);
  await rejected;
});

test('row 8: after a loss run does not wait for what it left behind', async (t) => {
  const cluster = await startCluster(t);
  const { client, cutOff } = cuttableClient(cluster);
  const terms: Term[] = [];
  const end = new AbortController();
  const running = new Election(client, 'boss', { ttl: 60, marginMs: 30_000 }).run(
    async (term, stop) => {
      terms.push(term);
      await untilStopped(stop);
    },
    { signal: end.signal, onError: () => {} },
  );
  await cluster.advance(100);
  cutOff(true);
  await cluster.advance(31_000);
  assert.equal(terms[0]?.endedBy, 'loss');
  cutOff(false);
  await cluster.advance(15_000);
  assert.equal(terms.length, 2, 'its lease would have lived for a quarter of a minute more');
  end.abort();
  await running;
});

test('row 16: candidates that all lose their leases at once do not come back at once', async (t) => {
  const cluster = await startCluster(t, 1);
  const starts: number[] = [];
  for (let at = 0; at < 20; at++) {
    const end = new AbortController();
    t.after(() => end.abort());
    new Election(cluster.client(), `boss-${at}`)
      .run(
        async (_, stop) => {
          starts.push(cluster.now);
          await untilStopped(stop);
        },
        { signal: end.signal },
      )
      .catch(() => {});
  }
  await cluster.advance(1_000);
  const client = cluster.client();
  starts.length = 0;
  for (const id of await client.leases.list()) await client.leases.revoke(id);
  await cluster.advance(5_000);
  assert.equal(starts.length, 20);
  const spread = Math.max(...starts) - Math.min(...starts);
  assert.ok(spread > 200, `all within ${spread} ms`);
});

test('run that is wrong, or runs already, is refused; one whose client is closed ends', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss');
  const restart = 'sometimes' as 'always';
  await assert.rejects(
    election.run(() => {}, { restart }),
    /it must be 'always' or 'never'/,
  );
  await assert.rejects(
    new Election(client, 'boss', { ttl: 0 }).run(() => {}),
    /ttl is 0/,
  );
  let called = false;
  const signal = AbortSignal.abort();
  await election.run(
    () => {
      called = true;
    },
    { signal },
  );
  assert.equal(called, false);
  const running = election.run((_, stop) => untilStopped(stop));
  const ended = assert.rejects(running, ClosedError);
  await assert.rejects(
    election.run(() => {}),
    /runs already/,
  );
  await cluster.advance(100);
  await client.close();
  await cluster.advance(1_000);
  await ended;
});

test('an aborted run that waits for the office withdraws, and resolves', async (t) => {
  const cluster = await startCluster(t, 1);
  const holder = await new Election(cluster.client(), 'boss').campaign();
  const observer = new Observer(t, new Election(cluster.client(), 'boss'));
  const end = new AbortController();
  const client = cluster.client();
  const running = new Election(client, 'boss').run(
    () => {
      throw new Error('never elected');
    },
    { signal: end.signal },
  );
  await cluster.advance(1_000);
  end.abort();
  await running;
  await cluster.advance(10);
  assert.equal((await new Election(client, 'boss').candidates()).length, 1);
  assert.equal(observer.leaders.at(-1)?.token, holder.token);
});

test('a campaign goes on through an outage that is longer than any call', async (t) => {
  const cluster = await startCluster(t, 1);
  const election = new Election(cluster.client(), 'boss', { ttl: 60 });
  const rival = new Election(cluster.client(), 'boss', { ttl: 60 });
  const term = await election.campaign();
  const campaigning = rival.campaign();
  await cluster.advance(100);
  cluster.kill('a');
  await cluster.advance(15_000);
  cluster.restart('a');
  await cluster.advance(5_000);
  await cluster.advanceUntil(term.resign());
  const next = await cluster.advanceUntil(campaigning);
  assert.ok(next.token > term.token);
  await cluster.advanceUntil(next.resign());
});

test('a term that was lost before it was handed over counts as lost', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss', { identity: 'one' });
  const rival = new Election(cluster.client(), 'boss', { identity: 'two' });
  const term = await election.campaign();
  const campaigning = rival.campaign();
  await cluster.advance(50);
  await client.delete(term.key);
  await assert.rejects(term.transferTo('two'), LockLostError);
  assert.equal(term.endedBy, 'loss');
  await (await campaigning).resign();
});
