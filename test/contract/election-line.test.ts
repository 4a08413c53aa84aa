import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs, DecodeError, InvalidError } from '@lockstep/client';
import { Election, inspectElection, type Term, TransferError } from '@lockstep/election';
import { LockLostError } from '@lockstep/locks';
import type { TestCluster } from '@lockstep/server/testing';
import { cuttableClient, startCluster } from '../harness/contenders.ts';
import { Observer, rawCandidate } from '../harness/elections.ts';

/** Candidates that wait in this order, and the terms they get. */
async function line(
  cluster: TestCluster,
  candidates: readonly (readonly [identity: string, priority: number])[],
): Promise<Map<string, Term>> {
  const terms = new Map<string, Term>();
  for (const [identity, priority] of candidates) {
    new Election(cluster.client(), 'boss', { identity, priority }).campaign().then(
      (term) => terms.set(identity, term),
      () => {},
    );
    await cluster.advance(50);
  }
  return terms;
}

async function inLine(cluster: TestCluster): Promise<string[]> {
  const all = await new Election(cluster.client(), 'boss').candidates();
  return all.map(
    ({ identity, value, inOffice }) => `${identity || value}${inOffice ? ' leads' : ''}`,
  );
}

test('a vacant office goes to the highest priority, and of equals to who has waited longest', async (t) => {
  const cluster = await startCluster(t, 1);
  const order = [
    ['a', 0],
    ['b', 1],
    ['c', 5],
    ['d', 5],
    ['e', -1],
  ] as const;
  const terms = await line(cluster, order);
  assert.deepEqual([...terms.keys()], ['a'], 'nobody is taken the office from');
  for (const next of ['c', 'd', 'b', 'e']) {
    await [...terms.values()].at(-1)?.resign();
    await cluster.advance(200);
    assert.equal([...terms.keys()].at(-1), next);
    const [first] = await inLine(cluster);
    assert.equal(
      first,
      `${next} leads`,
      'the lowest create revision leads, for whoever knows only that',
    );
  }
});

test('equal candidates never let each other pass for ever, and a better one that is gone is not waited for', async (t) => {
  const cluster = await startCluster(t, 1);
  const observer = new Observer(t, new Election(cluster.client(), 'boss'));
  const better = cuttableClient(cluster);
  const terms = await line(cluster, [
    ['a', 0],
    ['b', 3],
    ['c', 3],
  ]);
  new Election(better.client, 'boss', { identity: 'z', priority: 9, ttl: 5 })
    .campaign()
    .catch(() => {});
  await cluster.advance(100);
  better.cutOff(true);
  await terms.get('a')?.resign();
  await cluster.advance(1_000);
  assert.deepEqual(
    [...terms.keys()],
    ['a'],
    'for the one that may still come, until its lease ends',
  );
  const { header } = await cluster.client().put('revision', 'now');
  await cluster.advance(6_000);
  assert.deepEqual([...terms.keys()], ['a', 'b']);
  assert.deepEqual(await inLine(cluster), ['b leads', 'c']);
  assert.deepEqual(observer.seen.slice(-3), ['a', 'nobody', 'b']);
  assert.ok((terms.get('b')?.token ?? 0) < header.revision, 'who let pass did so once');
});

test('transferTo: the one that was chosen leads before all others, whatever their priorities', async (t) => {
  const cluster = await startCluster(t);
  const observer = new Observer(t, new Election(cluster.client(), 'boss'));
  const terms = await line(cluster, [
    ['a', 0],
    ['b', 9],
    ['c', 0],
    ['d', 9],
  ]);
  const first = terms.get('a');
  await first?.transferTo('c');
  await cluster.advance(500);
  assert.deepEqual([...terms.keys()], ['a', 'c']);
  assert.deepEqual([first?.endedBy, first?.lost.aborted], ['transfer', true]);
  assert.equal(await first?.resign(), false);
  assert.deepEqual(observer.seen.slice(-3), ['a', 'nobody', 'c']);
  assert.equal((await cluster.client().range({ prefix: 'boss.successor' })).count, 0);
  // The choice was for one time.
  await terms.get('c')?.resign();
  await cluster.advance(500);
  assert.deepEqual(
    [...terms.keys()],
    ['a', 'c', 'b'],
    'who let it pass has waited longest all the same',
  );
});

test('row 3: a term that is handed over is over before the other leads, also when its leader hears nothing', async (t) => {
  const cluster = await startCluster(t);
  const { client, cutOff } = cuttableClient(cluster);
  const term = await new Election(client, 'boss', { identity: 'a' }).campaign();
  const next = new Election(cluster.client(), 'boss', { identity: 'b' }).campaign();
  await cluster.advance(100);
  let txns = 0;
  cluster.dropReplies(({ method }) => {
    // The first is the look at the candidates, the second what was decided by it.
    if (method !== 'kv.txn' || ++txns !== 2) return false;
    cutOff(true);
    return true;
  });
  const handing = assert.rejects(term.transferTo('b'));
  let wasOver: boolean | undefined;
  await cluster.advanceUntil(
    next.then(() => {
      wasOver = term.lost.aborted;
    }),
  );
  assert.deepEqual([wasOver, term.endedBy], [true, 'transfer']);
  await cluster.advanceUntil(handing);
});

test('transferTo somebody who is gone, or nobody, is refused, and the term goes on', async (t) => {
  const cluster = await startCluster(t, 1);
  const terms = await line(cluster, [
    ['a', 0],
    ['b', 0],
    ['', 0],
  ]);
  const term = terms.get('a');
  for (const identity of ['z', 'a', '']) {
    await assert.rejects(term?.transferTo(identity) ?? Promise.resolve(), (error) => {
      return error instanceof TransferError && /no candidate: b wait/.test(error.message);
    });
  }
  term?.assertHeld();
  assert.deepEqual((await inLine(cluster))[0], 'a leads');
});

test('a successor that dies before it leads leaves the others as they were', async (t) => {
  const cluster = await startCluster(t);
  const dying = cuttableClient(cluster);
  const terms = await line(cluster, [
    ['a', 0],
    ['b', 1],
  ]);
  new Election(dying.client, 'boss', { identity: 'c', ttl: 5 }).campaign().catch(() => {});
  await cluster.advance(100);
  dying.cutOff(true);
  const client = cluster.client();
  const chosen = (await inspectElection(client, 'boss')).waiting[1];
  await terms.get('a')?.transferTo('c');
  await cluster.advance(500);
  assert.deepEqual([...terms.keys()], ['a']);
  assert.equal((await client.get('boss.successor'))?.lease, chosen?.lease, 'it goes with it');
  await cluster.advance(7_000);
  assert.deepEqual([...terms.keys()], ['a', 'b']);
  assert.equal((await cluster.client().range({ prefix: 'boss.successor' })).count, 0);
});

test('a successor that withdraws in the very moment leaves the office vacant, and nobody in doubt', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const witness = cluster.client();
  const term = await new Election(client, 'boss', { identity: 'a' }).campaign();
  await line(cluster, [['b', 0]]);
  const rival = (await inspectElection(witness, 'boss')).waiting[0]?.key ?? '';
  const txn = client.txn.bind(client);
  // Between the look and what was decided by it.
  t.mock.method(client, 'txn', (...given: readonly unknown[]) => {
    const reply: unknown = Reflect.apply(txn, client, given);
    if (!(reply instanceof Promise)) return reply;
    return reply.then((seen) => witness.delete(rival).then(() => seen));
  });
  await assert.rejects(
    term.transferTo('b'),
    (error) => error instanceof TransferError && /the office is vacant/.test(error.message),
  );
  assert.equal(term.endedBy, 'transfer');
  assert.deepEqual(await inspectElection(witness, 'boss'), { leader: undefined, waiting: [] });
  assert.equal((await witness.range({ prefix: 'boss.successor' })).count, 0);
});

test('a term that is lost cannot be handed over', async (t) => {
  const cluster = await startCluster(t, 1);
  const terms = await line(cluster, [
    ['a', 0],
    ['b', 0],
  ]);
  const term = terms.get('a');
  assert.ok(term !== undefined);
  await cluster.client().delete(term.key);
  await assert.rejects(term.transferTo('b'), LockLostError);
  await cluster.advance(200);
  assert.deepEqual([term.endedBy, [...terms.keys()]], ['loss', ['a', 'b']]);
});

test('a candidate of etcdctl stands in the same line, and leads as soon as it is the first', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const observer = new Observer(t, new Election(client, 'boss'));
  const terms = await line(cluster, [['a', 0]]);
  const { lease } = await rawCandidate(client, 'boss', 'raw');
  await line(cluster, [['b', 9]]);
  await terms.get('a')?.resign();
  await cluster.advance(200);
  assert.deepEqual(await inLine(cluster), ['raw leads', 'b']);
  const leader = await new Election(client, 'boss').leader();
  assert.deepEqual([leader?.value, leader?.identity, leader?.since], ['raw', '', undefined]);
  await client.leases.revoke(lease);
  await cluster.advance(200);
  assert.deepEqual(await inLine(cluster), ['b leads']);
  assert.deepEqual(observer.seen.slice(-4), ['a', 'raw', 'nobody', 'b']);
});

test('nobody lets a better one pass whom a candidate of another program would overtake', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const terms = await line(cluster, [
    ['a', 0],
    ['b', 2],
  ]);
  await rawCandidate(client, 'boss', 'raw');
  const others = await line(cluster, [['c', 5]]);
  await assert.rejects(
    terms.get('a')?.transferTo('c') ?? Promise.resolve(),
    /a candidate of another program, is before it/,
  );
  await terms.get('a')?.resign();
  await cluster.advance(200);
  assert.deepEqual(await inLine(cluster), ['b leads', 'raw', 'c']);
  assert.equal(others.size, 0);
});

test('keys of other recipes and elections below the name are none of its candidates', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  await new Election(client, 'boss/deputy', { identity: 'deputy' }).campaign();
  await client.put('boss/a/b', 'stranger');
  const election = new Election(client, 'boss', { identity: 'a' });
  assert.equal(await election.leader(), undefined);
  const observer = new Observer(t, election);
  const term = await election.campaign();
  await cluster.advance(100);
  assert.deepEqual(await inLine(cluster), ['a leads']);
  assert.equal((await election.leader())?.token, term.token);
  assert.deepEqual(observer.seen, ['nobody', 'a']);
});

test('a record that somebody removed makes a candidate like one of another program', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const terms = await line(cluster, [
    ['a', 0],
    ['b', 1],
  ]);
  await client.delete({ prefix: 'boss.candidates/' });
  assert.equal((await new Election(client, 'boss').leader())?.value, 'a');
  await terms.get('a')?.resign();
  await cluster.advance(200);
  assert.deepEqual(await inLine(cluster), ['b leads']);
  assert.equal(
    (await new Election(client, 'boss').leader())?.identity,
    'b',
    'written anew in office',
  );
});

test('values go through the codec, and one that it cannot read fails only when it is asked for', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const codec = codecs.json<{ port: number }>();
  const election = new Election(client, 'boss', { codec, value: { port: 1 } });
  const term = await election.campaign();
  assert.deepEqual((await election.leader())?.value, { port: 1 });
  await term.proclaim({ port: 2 });
  const [seen] = [await election.observe().next()];
  assert.deepEqual(seen.value?.value, { port: 2 });
  await term.resign();
  await rawCandidate(client, 'boss', 'not { JSON');
  const leader = await election.leader();
  assert.throws(() => leader?.value, DecodeError);
  const raw = new Election(client, 'raw', { codec: codecs.bytes, value: Uint8Array.of(0xff) });
  await raw.campaign();
  assert.deepEqual((await raw.leader())?.value, Uint8Array.of(0xff));
  assert.equal((await raw.candidates())[0]?.value, undefined);
});

const badOptions: readonly (readonly [string, object, RegExp])[] = [
  ['', {}, /is empty/],
  ['a/', {}, /ends with a slash/],
  ['\ud800', {}, /is no text/],
  ['a.candidates', {}, /ends with "\.candidates"/],
  ['a', { priority: 1.5 }, /priority is 1.5; it must be a whole number/],
  ['a', { priority: '3' }, /priority is 3; it must be a whole number/],
  ['a', { identity: 7 }, /identity is 7; it must be text/],
  ['a', { metadata: { pid: 7 } }, /metadata must be an object of texts/],
  ['a', { metadata: null }, /metadata must be an object of texts/],
  ['a', { replaceOwn: true }, /replaceOwn needs an identity/],
];

test('names and options that are wrong are refused with what would be right', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  for (const [name, options, fault] of badOptions) {
    const make = (): unknown => new Election(client, name, options);
    assert.throws(make, (error) => error instanceof InvalidError && fault.test(error.message));
  }
});

test('campaigns that are wrong are refused, and leave nothing behind', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const bad: readonly (readonly [object, RegExp])[] = [
    [{ ttl: 0 }, /ttl is 0/],
    [
      { ttl: 5, marginMs: 5_000 },
      /marginMs is 5000; it must be 0 or more and less than the 5000 ms/,
    ],
    [{ handoverDelayMs: -1 }, /handoverDelayMs is -1/],
    [{ codec: codecs.json() }, /with a codec has to propose something/],
    [{ value: 5 }, /it is of type number and not text; give a codec/],
    [{ codec: codecs.json(), value: 5n }, /cannot be written/],
  ];
  for (const [options, fault] of bad) {
    await assert.rejects(new Election(client, 'boss', options).campaign(), fault);
  }
  const election = new Election(client, 'boss');
  await assert.rejects(election.campaign({ timeoutMs: 0 }), /must be above 0/);
  const term = await election.campaign();
  await assert.rejects(election.campaign(), /leads already: resign first/);
  await term.resign();
  assert.deepEqual(await client.leases.list(), []);
  const holder = await new Election(client, 'boss').campaign();
  const waiting = election.campaign();
  await assert.rejects(election.campaign(), /campaigns already/);
  await holder.resign();
  await waiting;
  await client.close();
  await assert.rejects(new Election(client, 'boss').campaign(), /closed/);
  await assert.rejects(election.leader(), /closed/);
  await assert.rejects(election.observe().next(), /closed/);
});
