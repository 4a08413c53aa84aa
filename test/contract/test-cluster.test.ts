import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  AmbiguousError,
  type Client,
  type LockstepError,
  type Watch,
  type WatchEvent,
} from '@lockstep/client';
import { ConfigError } from '@lockstep/server';
import {
  createTestCluster,
  type TestCluster,
  type TestClusterOptions,
  type TestMember,
} from '@lockstep/server/testing';

async function start(t: TestContext, options: TestClusterOptions = {}): Promise<TestCluster> {
  const cluster = await createTestCluster(options);
  t.after(() => cluster.close());
  return cluster;
}

function leaderOf(cluster: TestCluster): TestMember {
  const { leader } = cluster;
  assert.ok(leader !== undefined, 'there is a leader');
  return leader;
}

/** A client that stays with one member. */
function clientOf(cluster: TestCluster, member: TestMember): Client {
  return cluster.client({ endpoints: member.address, learnEndpoints: false });
}

function eventsOf(watch: Watch): AsyncIterator<WatchEvent> {
  return watch[Symbol.asyncIterator]();
}

async function next(events: AsyncIterator<WatchEvent>): Promise<string> {
  const { value, done } = await events.next();
  assert.ok(!done, 'the watch goes on');
  return `${value.type} ${value.kv.key}`;
}

test('what needs no time happens by itself, and time stands still', async (t) => {
  const cluster = await start(t);
  const { now } = cluster;
  const client = cluster.client();
  const events = eventsOf(client.watch({ prefix: '' }));
  assert.equal((await client.put('a', '1')).header.revision, 2);
  assert.equal((await client.get('a'))?.value, '1');
  assert.equal(await next(events), 'put a');
  const { kvs } = await client.range({ prefix: '' });
  assert.deepEqual(
    kvs.map(({ key }) => key),
    ['a'],
  );
  assert.equal(cluster.now, now);
});

test('it begins with a leader, and with members that all clients can find', async (t) => {
  for (const members of [1, 3, 5]) {
    const cluster = await start(t, { members });
    assert.equal(cluster.members.length, members);
    const known = await cluster.client().members();
    const addresses = known.map(({ clientAddress }) => clientAddress).sort();
    assert.deepEqual(addresses, [...cluster.endpoints]);
    for (const { leaderName } of cluster.members) assert.equal(leaderName, cluster.leader?.name);
  }
});

test('when the leader is killed another one leads after an election, and no write is lost', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  await client.put('a', '1');
  const first = leaderOf(cluster);
  first.kill();
  assert.equal(first.isUp, false);
  assert.equal(cluster.leader, undefined);
  await cluster.advance(5_000);
  assert.notEqual(leaderOf(cluster).name, first.name);
  assert.equal((await cluster.advanceUntil(client.get('a')))?.value, '1');
  await cluster.advanceUntil(client.put('a', '2'));
  first.restart();
  await cluster.advanceUntil(() => first.leaderName === cluster.leader?.name);
  const [here, there] = [clientOf(cluster, first), clientOf(cluster, leaderOf(cluster))];
  assert.equal((await here.get('a'))?.value, '2');
  assert.equal((await there.get('a'))?.value, '2');
});

test('without a majority nothing is acknowledged, and with the majority back everything goes on', async (t) => {
  const cluster = await start(t);
  const old = leaderOf(cluster);
  const minority = clientOf(cluster, old);
  await minority.put('a', '1');
  cluster.partition(old.name);
  const write = assert.rejects(minority.put('a', 'minority'), AmbiguousError);
  await cluster.advance(10_000);
  await write;
  const majority = clientOf(cluster, leaderOf(cluster));
  assert.notEqual(leaderOf(cluster).name, old.name);
  await majority.put('a', 'majority');
  assert.ok(old.revision < leaderOf(cluster).revision);
  cluster.heal();
  await cluster.advanceUntil(() => old.revision === leaderOf(cluster).revision);
  assert.equal((await minority.get('a'))?.value, 'majority');
});

test('a watch on the side without a majority moves to the other and misses nothing', async (t) => {
  const cluster = await start(t);
  const old = leaderOf(cluster);
  const endpoints = [old.address, ...cluster.endpoints.filter((one) => one !== old.address)];
  const watcher = cluster.client({ endpoints });
  const watch = watcher.watch({ prefix: '' });
  await watch.ready();
  assert.equal(watcher.endpoint, old.address);
  cluster.partition(old.name);
  await cluster.advance(5_000);
  const writer = clientOf(cluster, leaderOf(cluster));
  await writer.put('seen', 'by the majority');
  const event = next(eventsOf(watch));
  assert.equal(await cluster.advanceUntil(event), 'put seen');
  assert.notEqual(watcher.endpoint, old.address);
});

test('a paused leader is replaced, and when it goes on it follows', async (t) => {
  const cluster = await start(t);
  const old = leaderOf(cluster);
  old.pause();
  await cluster.advance(5_000);
  const { name } = leaderOf(cluster);
  assert.notEqual(name, old.name);
  old.resume();
  await cluster.advance(1_000);
  assert.equal(old.isLeader, false);
  assert.equal(old.leaderName, name);
});

test('a change whose reply is lost after the commit runs once when it is sent again', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  await client.put('a', '1');
  const dropped = cluster.dropReplies(1);
  const { header, prevKv } = await cluster.advanceUntil(client.put('a', '2', { prevKv: true }));
  assert.equal(dropped.count, 1);
  assert.deepEqual([header.revision, prevKv?.value], [3, '1']);
  assert.equal((await client.get('a'))?.version, 2);
});

test('the lost reply was of a change that took effect', async (t) => {
  const cluster = await start(t);
  const client = cluster.client({ exactlyOnce: false });
  await client.put('warm', '1');
  const dropped = cluster.dropReplies(
    ({ method, params }) => method === 'kv.put' && JSON.stringify(params).includes('"a"'),
  );
  await assert.rejects(client.put('a', '1'), AmbiguousError);
  assert.equal(dropped.count, 1);
  dropped.stop();
  await cluster.advanceUntil(client.put('b', '1'));
  assert.equal((await client.get('a'))?.value, '1');
});

test('a lease ends when its time has passed, and not before', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  const { id } = await client.leases.grant({ ttl: 10 });
  await client.put('mine', '1', { lease: id });
  const events = eventsOf(client.watch({ key: 'mine' }));
  await cluster.advance(9_000);
  assert.equal(await client.leases.keepAlive(id), 10);
  await cluster.advance(9_900);
  assert.equal((await client.get('mine'))?.value, '1');
  await cluster.advance(1_500);
  assert.equal(await client.get('mine'), undefined);
  assert.equal(await next(events), 'delete mine');
});

test('timers of clients and ticks of members run in the order of their time', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  const { id } = await client.leases.grant({ ttl: 3 });
  const begin = cluster.now;
  const renewals: number[] = [];
  // Written as code under test would be: a loop of awaits and timers.
  const keep = async (): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      await new Promise<void>((resolve) => cluster.clock.after(1_000, resolve));
      await client.leases.keepAlive(id);
      renewals.push(cluster.now - begin);
    }
  };
  const kept = keep();
  await cluster.advance(20_000);
  await kept;
  assert.deepEqual(
    renewals,
    Array.from({ length: 20 }, (_, round) => 1_000 * (round + 1)),
  );
  assert.ok((await client.leases.timeToLive(id)) !== undefined);
  await cluster.advance(4_000);
  assert.equal(await client.leases.timeToLive(id), undefined);
});

test('a client that hears nothing from its member moves to another, in virtual time', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  await client.get('a');
  const first = client.endpoint;
  const member = cluster.members.find(({ address }) => address === first);
  cluster.cutClients(member?.name);
  await cluster.advance(4_000);
  assert.equal(client.endpoint, first);
  await cluster.advance(10_000);
  assert.notEqual(client.endpoint, first);
  assert.equal(client.isConnected, true);
});

test('clients that are refused everywhere connect again when they are let through', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  await client.put('a', '1');
  cluster.cutClients('all', 'refused');
  const refused = assert.rejects(
    client.get('a'),
    (error: LockstepError) =>
      error.code === 'unavailable' && /connection refused/.test(error.message),
  );
  await cluster.advance(60_000);
  await refused;
  cluster.restoreClients();
  const found = await cluster.advanceUntil(client.get('a', { timeoutMs: 30_000 }));
  assert.equal(found?.value, '1');
});

test('what was sent into silence arrives when the silence was short', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  await client.get('a');
  cluster.cutClients();
  const put = client.put('a', '1');
  await cluster.advance(1_000);
  assert.equal(Math.max(...cluster.members.map(({ revision }) => revision)), 1);
  cluster.restoreClients();
  assert.equal((await put).header.revision, 2);
});

test('a member greets at once and sends a heartbeat every two virtual seconds', async (t) => {
  const cluster = await start(t, { members: 1 });
  const { dial } = cluster.clientOptions();
  const beats: number[] = [];
  const begin = cluster.now;
  const connection = dial(`ws://${cluster.endpoints[0]}/v1/ws`, {
    opened: () => {},
    alive: () => {},
    closed: () => {},
    frame: (text) => {
      if (text.includes('"heartbeat"')) beats.push(cluster.now - begin);
    },
  });
  await cluster.advance(20_000);
  connection.close();
  const [greeting, ...others] = beats;
  assert.equal(greeting, 0);
  assert.ok(others.length >= 9, others.join());
  for (const [at, beat] of others.slice(1).entries()) assert.equal(beat - (others[at] ?? 0), 2_000);
});

test('a member that is stopped in order hands over first, so the next write needs no election', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  await client.put('a', '1');
  const old = leaderOf(cluster);
  const before = cluster.now;
  await cluster.stop(old.name);
  assert.equal(old.isUp, false);
  assert.notEqual(leaderOf(cluster).name, old.name);
  await cluster.advanceUntil(client.put('a', '2'));
  assert.ok(cluster.now - before < 1_000, `${cluster.now - before} ms`);
});

test('a stop has an end when a client takes nothing, and is refused for a paused member', async (t) => {
  const cluster = await start(t);
  const [first, second] = cluster.members;
  assert.ok(first !== undefined && second !== undefined);
  await clientOf(cluster, first).get('a');
  cluster.cutClients(first.name);
  const before = cluster.now;
  await cluster.stop(first.name);
  assert.equal(cluster.now - before, 5_000);
  second.pause();
  await assert.rejects(cluster.stop(second.name), /"b" is paused and cannot stop/);
});

test('the wall clock may jump, virtual time does not', async (t) => {
  const cluster = await start(t, { wallMs: 1_000_000 });
  const { now } = cluster;
  assert.equal(cluster.clock.wall(), 1_000_000 + now);
  cluster.jumpWallClock(-3_600_000);
  assert.equal(cluster.clock.wall(), 1_000_000 + now - 3_600_000);
  assert.equal(cluster.clock.now(), now);
});

test('delays of network and disk take virtual time', async (t) => {
  const cluster = await start(t, { networkDelayMs: 20, diskDelayMs: 5 });
  const client = cluster.client();
  await cluster.advanceUntil(client.put('warm', '1'));
  const before = cluster.now;
  await cluster.advanceUntil(client.put('a', '1'));
  // To the member and back, and between members at least once there and back.
  assert.ok(cluster.now - before >= 40, `${cluster.now - before} ms`);
});

test('one seed gives one trace, another gives another', async () => {
  const run = async (seed: number): Promise<string> => {
    const lines: string[] = [];
    const cluster = await createTestCluster({ seed, trace: (line) => lines.push(line) });
    const [writer, other] = [cluster.client(), cluster.client()];
    const watch = other.watch({ prefix: '' });
    await watch.ready();
    for (let round = 0; round < 5; round++) {
      await cluster.advanceUntil(
        Promise.all([writer.put(`k${round}`, 'v'), other.put('shared', `${round}`)]),
      );
      cluster.leader?.kill();
      await cluster.advance(3_000);
      for (const { name, isUp } of cluster.members) if (!isUp) cluster.restart(name);
      await cluster.advance(2_000);
    }
    await cluster.close();
    return lines.join('\n');
  };
  const [one, again, different] = [await run(7), await run(7), await run(8)];
  assert.ok(one.length > 10_000, `${one.length} characters`);
  assert.equal(again, one);
  assert.notEqual(different, one);
});

test('ten virtual minutes of an idle cluster take no real minute', async (t) => {
  const cluster = await start(t);
  const begin = performance.now();
  await cluster.advance(600_000);
  const tookMs = performance.now() - begin;
  assert.ok(tookMs < 10_000, `${Math.round(tookMs)} ms`);
});

test('bad options and names are refused in words', async (t) => {
  const refused = async (options: object, expected: RegExp): Promise<void> => {
    await assert.rejects(createTestCluster(options), (error: Error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, expected);
      return true;
    });
  };
  await refused({ members: 6 }, /members must be a whole number from 1 to 5 \(given: 6\)/);
  await refused({ seed: 0.5 }, /seed must be a whole number/);
  await refused({ member: 3 }, /there is no option "member"; known are members, seed/);
  await refused({ settings: { electionMs: 10 } }, /electionMs must be a whole number from 50/);
  await refused({ settings: { electonMs: 10 } }, /did you mean "electionMs"/);
  const cluster = await start(t, { members: 2 });
  assert.throws(() => cluster.kill('z'), /there is no member "z"; there are a, b/);
  assert.throws(() => cluster.partition('a', ['b', 'a']), /"a" is in two groups/);
  await assert.rejects(cluster.advance(-1), /advance\(-1\): give milliseconds, 0 or more/);
  await assert.rejects(
    cluster.advanceUntil(() => false, 500),
    /within 500 virtual milliseconds/,
  );
  await cluster.close();
  assert.throws(() => cluster.client(), /the cluster is closed/);
  await assert.rejects(cluster.advance(1), /the cluster is closed/);
});

test('a loop that works without ever waiting is named, where it would hold time for ever', async (t) => {
  const cluster = await createTestCluster({ members: 1, seed: 3 });
  t.after(() => cluster.close());
  const client = cluster.client();
  const working = (async () => {
    for (;;) await client.put('a', '1');
  })();
  working.catch(() => {});
  await assert.rejects(cluster.advance(1), /works on and on without waiting/);
});
