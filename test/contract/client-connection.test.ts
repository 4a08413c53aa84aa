import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { test } from 'node:test';
import {
  AmbiguousError,
  Client,
  ClosedError,
  type ConnectionStatus,
  LiveCache,
  LockstepError,
  Session,
  type TracedCall,
  UnavailableError,
} from '@lockstep/client';
import { createTestCluster } from '@lockstep/server/testing';
import { connect, iterate, startMember, startPair, swift, take } from '../harness/clients.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { noUnhandledRejections } from '../harness/unhandled.ts';

test('an endpoint that accepts and never answers costs one attempt, not a call', async (t) => {
  const [silent, good] = await startPair(t);
  silent.greets = false;
  const client = connect(t, [silent, good], { connectTimeoutMs: 30 });
  const found = Array.from({ length: 12 }, () => client.get('a'));
  assert.deepEqual(await Promise.all(found), Array(12).fill(undefined));
  assert.equal(client.endpoint, good.address);
});

test('a frame that ends in the middle costs the connection, not the call', async (t) => {
  const [broken, good] = await startPair(t);
  const client = connect(t, [broken, good]);
  await client.put('warm', '');
  broken.hold();
  const asked = broken.next('kv.put');
  const put = client.put('a', '1');
  await asked;
  broken.sendRaw('{"jsonrpc":"2.0","id":2,"resu');
  await put;
  assert.equal(good.store.range({ key: 'a' })[0]?.version, 1);
});

test('an endpoint of another cluster is not used, and the reason is told', async (t) => {
  const good = await startMember(t);
  const foreign = await startMember(t);
  foreign.clusterId = '78';
  const client = connect(t, [good, foreign]);
  await client.put('a', '1');
  await good.refuse();
  const lost = client.get('a', { timeoutMs: 1_000 });
  await assert.rejects(lost, (error: Error) => {
    assert.ok(error instanceof UnavailableError);
    assert.match(error.message, /belongs to cluster 78, and this client to cluster 77/);
    return true;
  });
  assert.equal(foreign.seen.length, 0);
  await good.listenAgain();
  assert.equal((await client.get('a'))?.value, '1');
});

test('a minute without any endpoint ends calls by their deadline, and nothing else', async (t) => {
  noUnhandledRejections(t);
  const cluster = await createTestCluster();
  t.after(() => cluster.close());
  const client = cluster.client();
  const watch = client.watch({ prefix: '' });
  const cache = await LiveCache.open(client, { prefix: '' });
  await watch.ready();
  cluster.cutClients('all', 'refused');
  const refused = assert.rejects(client.put('a', '1'), UnavailableError);
  await cluster.advance(60_000);
  await refused;
  cluster.restoreClients();
  await cluster.advanceUntil(client.put('a', '2', { timeoutMs: 30_000 }));
  assert.deepEqual(await cluster.advanceUntil(take(iterate(watch), 1)), ['put a=2@2']);
  await cluster.advanceUntil(() => cache.get('a')?.value === '2');
});

test('an event loop that was blocked for ten seconds keeps its connection', async (t) => {
  const member = await startMember(t);
  const clock = new FakeClock();
  const client = connect(t, member, { clock });
  await client.get('a');
  clock.block(10_000);
  clock.advance(1_000);
  await client.get('a');
  assert.equal(member.connectionsMade, 1);
});

test('the status tells each change, and ends when the client is closed', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  assert.equal(client.connection.state, 'idle');
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { state, endpoint } of client.connections()) {
      const name = endpoint === one.address ? 'one' : endpoint === two.address ? 'two' : 'none';
      seen.push(`${state} ${name}`);
    }
  })();
  await client.ready();
  await one.refuse();
  await client.get('a');
  assert.match(client.connection.reason ?? 'none', /none/);
  await client.close();
  await reading;
  assert.equal(seen[0], 'idle none');
  assert.ok(seen.includes('connected one') && seen.includes('connected two'), seen.join());
  assert.equal(seen.at(-1), 'closed two');
  const abort = AbortSignal.abort(new Error('enough'));
  await assert.rejects(client.connections({ signal: abort }).next(), /enough/);
});

test('ready waits for a connection, and ends with the reasons, the signal, or the client', async (t) => {
  const member = await startMember(t);
  await member.refuse();
  const clock = new FakeClock();
  const client = connect(t, member, { clock });
  const abort = new AbortController();
  const aborted = assert.rejects(client.ready({ signal: abort.signal }), /enough/);
  abort.abort(new Error('enough'));
  await aborted;
  const failed = client.connections();
  for (;;) if ((await failed.next()).value?.reason !== undefined) break;
  const late = assert.rejects(client.ready({ timeoutMs: 10 }), /ECONNREFUSED|refused/);
  clock.advance(10);
  await late;
  const closed = assert.rejects(client.ready(), ClosedError);
  await client.close();
  await closed;
  await assert.rejects(client.ready(), ClosedError);
  assert.equal(clock.timers, 0);
});

test('a client that is closed in the turn in which it begins leaves no connection', async (t) => {
  noUnhandledRejections(t);
  const member = await startMember(t);
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    const client = new Client({ endpoints: member.address, ...swift });
    const call = assert.rejects(client.get('a'), LockstepError);
    for (let turn = 0; turn < microtasks; turn++) await Promise.resolve();
    await client.close({ drainMs: 0 });
    await call;
  }
  // Another one's round trip, so that whatever they began has arrived.
  await connect(t, member).get('a');
  assert.equal(member.connections, 1);
});

test('closing settles everything, whenever it comes', async (t) => {
  noUnhandledRejections(t);
  for (let events = 0; events < 30; events++) {
    const cluster = await createTestCluster({ members: 1, networkDelayMs: 3 });
    const client = cluster.client();
    const settled = Promise.allSettled([
      client.put('a', '1'),
      client.modify('b', () => 'x'),
      Session.open(client).then((session) => session.close()),
      LiveCache.open(client, { prefix: '' }).then((cache) => cache.waitFor(999)),
      take(iterate(client.watch({ prefix: '', initial: true })), 99),
      client.ready(),
    ]);
    await cluster.advance(events);
    const closed = client.close({ drainMs: events % 2 === 0 ? 0 : 1_000 });
    await cluster.advanceUntil(Promise.all([settled, closed]), 10_000);
    for (const result of await settled) {
      if (result.status === 'fulfilled') continue;
      assert.ok(result.reason instanceof LockstepError, String(result.reason));
    }
    await cluster.close();
  }
});

test('closing waits for calls under way, and no longer than it was told', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('warm', '');
  const release = member.hold();
  const asked = member.next('kv.put');
  const put = client.put('a', '1');
  await asked;
  const closed = client.close();
  await assert.rejects(client.get('a'), ClosedError);
  release();
  assert.ok((await put).header.revision > 0);
  await closed;
  const clock = new FakeClock();
  const other = connect(t, member, { clock });
  await other.put('warm', '');
  member.hold();
  const ignored = member.next('kv.put');
  const lost = assert.rejects(other.put('a', '2'), AmbiguousError);
  await ignored;
  const givenUp = other.close({ drainMs: 50 });
  clock.advance(50);
  await Promise.all([lost, givenUp]);
});

test('diagnostics channels tell of calls, connections, watches and sessions, without keys or values', async (t) => {
  const member = await startMember(t);
  const told: string[] = [];
  const listen = (name: string, line: (message: never) => string): void => {
    const note = (message: unknown): void => {
      assert.doesNotMatch(JSON.stringify(message), /secret/);
      told.push(`${name} ${line(message as never)}`);
    };
    diagnostics.subscribe(name, note);
    t.after(() => diagnostics.unsubscribe(name, note));
  };
  const call = ({ method, retries }: TracedCall): string => `${method} ${retries}`;
  for (const end of ['start', 'asyncEnd', 'error']) listen(`tracing:lockstep.call:${end}`, call);
  listen('lockstep.connection', ({ state }: ConnectionStatus) => state);
  listen('lockstep.watch', ({ change }: { change: string }) => change);
  listen('lockstep.session', ({ change }: { change: string }) => change);
  const client = connect(t, member, { exactlyOnce: false });
  await client.get('secret');
  member.failNext('kv.put', 'no_space');
  await assert.rejects(client.put('secret', 'secret'));
  const watch = client.watch({ prefix: 'secret' });
  await watch.ready();
  watch.close();
  await (await Session.open(client)).close();
  await client.close();
  const expected = [
    'lockstep.connection connecting',
    'lockstep.connection connected',
    'tracing:lockstep.call:start kv.range 0',
    'tracing:lockstep.call:asyncEnd kv.range 0',
    'tracing:lockstep.call:error kv.put 0',
    'lockstep.watch running',
    'lockstep.watch ended',
    'lockstep.session granted',
    'lockstep.session closed',
    'lockstep.connection closed',
  ];
  for (const line of expected)
    assert.ok(told.includes(line), `${line} is not in ${told.join('; ')}`);
});

// What other clients of such stores were measured to do wrong.

test('a put whose reply is lost does not overwrite what another client wrote meanwhile', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  const other = connect(t, two);
  await client.put('warm', '');
  one.swallowNext('kv.put');
  const asked = one.next('kv.put');
  const put = client.put('a', 'old');
  await asked;
  await other.put('a', 'newer');
  one.cut();
  const { header } = await put;
  assert.equal((await other.get('a'))?.value, 'newer');
  assert.ok(header.revision > 0);
});

test('a call has a deadline that nobody asked for', async (t) => {
  const silent = await startMember(t);
  const clock = new FakeClock();
  const client = connect(t, silent, { clock });
  await client.get('a');
  silent.hold();
  const asked = silent.next('kv.range');
  const late = assert.rejects(client.get('a'), { code: 'deadline_exceeded', retryable: true });
  await asked;
  clock.advance(5_000);
  await late;
});
