import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import test, { type TestContext } from 'node:test';
import { connect, type OpenDoors, openDoors, type WireClient } from '../harness/doors.ts';

async function pair(t: TestContext): Promise<{ open: OpenDoors; client: WireClient }> {
  const open = await openDoors(t);
  return { open, client: await connect(t, open) };
}

test('[W-24] [W-25] a put answers with a header, and the pair before if asked', async (t) => {
  const { client } = await pair(t);
  assert.deepEqual(await client.call('kv.put', { key: 'hello', value: 'etcd' }), {
    header: { clusterId: '42', memberId: '7', revision: 2, term: 2 },
  });
  const { prevKv } = await client.call('kv.put', { key: 'hello', value: 'again', prevKv: true });
  assert.deepEqual(prevKv, {
    key: 'hello',
    value: 'etcd',
    createRevision: 2,
    modRevision: 2,
    version: 1,
  });
});

test('[W-20] text comes back as text, bytes as base64, whichever form was sent', async (t) => {
  const { client } = await pair(t);
  const cases: [unknown, unknown][] = [
    ['grün 😀', 'grün 😀'],
    [{ base64: 'Z3LDvG4=' }, 'grün'],
    [{ base64: '/wA=' }, { base64: '/wA=' }],
    ['', ''],
    ['\u0000\u0001"\\', '\u0000\u0001"\\'],
  ];
  for (const [sent, got] of cases) {
    const id = client.request('kv.put', { key: 'k', value: sent });
    assert.equal((await client.answer(id)).error, undefined);
    assert.deepEqual((await client.call('kv.range', { key: 'k' })).kvs[0]?.value, got);
  }
  for (const bad of ['\ud800', { base64: 'a' }, { base64: 'Zh==' + ' ' }]) {
    const { data, message } = await client.refusal('kv.put', { key: 'k', value: bad });
    assert.equal(data.code, 'invalid_params');
    assert.match(message, /surrogate|canonical base64/);
  }
});

test('[W-22] a selector is a key, a key with an end, or a prefix', async (t) => {
  const { client } = await pair(t);
  for (const key of ['a', 'a/1', 'a/2', 'b', { base64: '/w==' }]) {
    await client.call('kv.put', { key, value: 'v' });
  }
  const keys = async (selector: object) =>
    (await client.call('kv.range', selector)).kvs.map((kv) => kv.key);
  assert.deepEqual(await keys({ key: 'a' }), ['a']);
  assert.deepEqual(await keys({ key: 'a', rangeEnd: '' }), ['a']);
  assert.deepEqual(await keys({ key: 'a', rangeEnd: 'b' }), ['a', 'a/1', 'a/2']);
  assert.deepEqual(await keys({ key: 'a/2', rangeEnd: '\0' }), ['a/2', 'b', { base64: '/w==' }]);
  assert.deepEqual(await keys({ prefix: 'a/' }), ['a/1', 'a/2']);
  assert.deepEqual(await keys({ prefix: { base64: '/w==' } }), [{ base64: '/w==' }]);
  assert.equal((await keys({ prefix: '' })).length, 5);
  const refused = async (selector: object) => {
    const { data, message } = await client.refusal('kv.range', selector);
    return `${data.code}: ${message}`;
  };
  assert.match(await refused({}), /invalid_params: one of params\.key and params\.prefix/);
  assert.match(
    await refused({ key: 'a', prefix: 'a' }),
    /prefix and params\.key exclude each other/,
  );
  assert.match(await refused({ prefix: 'a', rangeEnd: 'b' }), /params\.rangeEnd exclude/);
  assert.match(await refused({ rangeEnd: 'b' }), /one of params\.key and params\.prefix/);
  assert.match(await refused({ key: '' }), /empty_key: .*"prefix": ""/);
});

test('[W-26] a range has limit, more, count, past revisions and no future', async (t) => {
  const { client } = await pair(t);
  for (const key of ['a', 'b', 'c']) await client.call('kv.put', { key, value: key });
  const { kvs, more, count } = await client.call('kv.range', { prefix: '', limit: 2 });
  assert.deepEqual([kvs.length, more, count], [2, true, 3]);
  const old = await client.call('kv.range', { prefix: '', revision: 2, serializable: true });
  assert.deepEqual([old.kvs.length, old.more, old.count, old.header.revision], [1, false, 1, 4]);
  const bare = await client.call('kv.range', { prefix: '', keysOnly: true });
  assert.deepEqual(
    bare.kvs.map((kv) => kv.value),
    ['', '', ''],
  );
  const counted = await client.call('kv.range', { prefix: '', countOnly: true });
  assert.deepEqual([counted.kvs.length, counted.count], [0, 3]);
  assert.equal(
    (await client.refusal('kv.range', { key: 'a', revision: 99 })).data.code,
    'future_revision',
  );
});

test('[W-26] a read with minRevision waits until the member is there', async (t) => {
  const { client } = await pair(t);
  const read = client.request('kv.range', { key: 'a', minRevision: 3 });
  await client.call('kv.put', { key: 'a', value: '1' });
  assert.ok(!client.frames.some(({ id }) => id === read));
  await client.call('kv.put', { key: 'a', value: '2' });
  assert.equal((await client.answer(read)).result.kvs[0].value, '2');
});

test('[W-27] an answer of more than 4 MiB is refused with the way out', async (t) => {
  const { client } = await pair(t);
  const value = 'x'.repeat(1_500_000);
  for (const key of ['a', 'b', 'c']) await client.call('kv.put', { key, value });
  const { data, message } = await client.refusal('kv.range', { prefix: '' });
  assert.equal(data.code, 'answer_too_large');
  assert.match(message, /kv\.scan.*limit.*keysOnly/);
  assert.equal((await client.call('kv.range', { prefix: '', limit: 2 })).kvs.length, 2);
});

test('[W-28] a delete that cannot show what it deleted says so', async (t) => {
  const { client } = await pair(t);
  const value = 'x'.repeat(1_500_000);
  for (const key of ['a', 'b', 'c']) await client.call('kv.put', { key, value });
  const result = await client.call('kv.deleteRange', { prefix: '', prevKv: true });
  assert.deepEqual([result.deleted, result.prevKvs, result.prevKvsOmitted], [3, undefined, true]);
  const again = await client.call('kv.deleteRange', { prefix: '' });
  assert.deepEqual([again.deleted, again.header.revision], [0, result.header.revision]);
});

test('[W-28] a delete shows the pairs it deleted', async (t) => {
  const { client } = await pair(t);
  await client.call('kv.put', { key: 'a', value: '1' });
  const { deleted, prevKvs } = await client.call('kv.deleteRange', { key: 'a', prevKv: true });
  assert.deepEqual([deleted, prevKvs?.[0]?.value], [1, '1']);
});

test('members, status and a leader that cannot be', async (t) => {
  const { client } = await pair(t);
  assert.equal((await client.call('cluster.members', {})).members[0]?.name, 'a');
  const status = await client.call('maintenance.status', {});
  assert.deepEqual([status.isLeader, status.leaderId, status.version], [true, '7', '1.2.3']);
});

test('[W-29] leadership moves to a voter and to nobody else', async (t) => {
  const { client } = await pair(t);
  await client.call('maintenance.moveLeader', { targetId: '7' });
  const { data } = await client.refusal('maintenance.moveLeader', { targetId: '9' });
  assert.equal(data.code, 'bad_leader_transferee');
});

test('[W-5] calls start in their order', async (t) => {
  const { client } = await pair(t);
  const ids = Array.from({ length: 500 }, (_, n) =>
    client.request('kv.put', { key: 'k', value: String(n) }),
  );
  const answers = await Promise.all(ids.map((id) => client.answer(id)));
  assert.deepEqual(
    answers.map(({ result }) => result.header.revision),
    ids.map((_, n) => n + 2),
  );
});

test('[W-3] a notification is run and not answered', async (t) => {
  const { client } = await pair(t);
  client.send({ jsonrpc: '2.0', method: 'kv.put', params: { key: 'a', value: '1' } });
  client.send({ jsonrpc: '2.0', method: 'kv.put', params: { key: '' } });
  assert.equal((await client.call('kv.range', { key: 'a' })).count, 1);
  assert.equal(client.frames.length, 1);
});

test('[W-30] [W-31] the answer to a create comes before the events it replays', async (t) => {
  const { client } = await pair(t);
  await client.call('kv.put', { key: 'a/1', value: '1' });
  await client.call('kv.put', { key: 'a/2', value: '2' });
  const id = client.request('watch.create', { prefix: 'a/', startRevision: 2 });
  await client.frame(({ params }) => params?.revision === 3);
  const order = client.frames.slice(2).map((frame) => frame.id ?? frame.params.revision);
  assert.deepEqual(order, [id, 2, 3]);
  assert.deepEqual(
    client.events().map(({ keys }) => keys),
    [['a/1'], ['a/2']],
  );
});

test("[W-30] ids are the client's choice or the smallest free one, and unique", async (t) => {
  const { client } = await pair(t);
  const create = async (watchId?: number) =>
    (
      await client.call(
        'watch.create',
        watchId === undefined ? { key: 'a' } : { key: 'a', watchId },
      )
    ).watchId;
  assert.deepEqual([await create(), await create(3), await create(), await create()], [1, 3, 2, 4]);
  const { data, message } = await client.refusal('watch.create', { key: 'a', watchId: 3 });
  assert.equal(data.code, 'watch_id_taken');
  assert.match(message, /watchId 3/);
});

test('[W-32] one notification serves all watches that see the same events', async (t) => {
  const { client } = await pair(t);
  for (const prefix of ['a', 'a', 'b']) await client.call('watch.create', { prefix });
  await client.call('watch.create', { prefix: 'a', prevKv: true });
  await client.call('kv.put', { key: 'a', value: '1' });
  await client.call('kv.put', { key: 'a', value: '2' });
  await client.call('kv.deleteRange', { key: 'a' });
  await client.roundTrip();
  assert.deepEqual(
    client.events().map(({ revision, watchIds }) => [revision, watchIds]),
    [
      [2, [1, 2]],
      [2, [4]],
      [3, [1, 2]],
      [3, [4]],
      [4, [1, 2]],
      [4, [4]],
    ],
  );
  const last = client.frames.findLast(({ method }) => method === 'watch.events')?.params.events[0];
  assert.equal(last.type, 'delete');
  assert.deepEqual([last.kv.key, last.kv.modRevision, last.prevKv.value], ['a', 4, '2']);
});

test('[W-31] [W-33] after the answer to a cancel no event comes', async (t) => {
  const { client } = await pair(t);
  const { watchId } = await client.call('watch.create', { key: 'a' });
  assert.equal((await client.call('watch.cancel', { watchId })).canceled, true);
  await client.call('kv.put', { key: 'a', value: '1' });
  await client.roundTrip();
  assert.deepEqual(client.events(), []);
  assert.equal((await client.call('watch.cancel', { watchId })).canceled, false);
});

test('[W-31] [W-34] a watch that the member ends says why and where to resume, and is silent then', async (t) => {
  const { open, client } = await pair(t);
  await client.call('watch.create', { key: 'a' });
  await client.call('kv.put', { key: 'a', value: '1' });
  open.store.endWatches('no_leader');
  await client.call('kv.put', { key: 'a', value: '2' });
  await client.roundTrip();
  const end = await client.frame(({ method }) => method === 'watch.end');
  assert.deepEqual(end.params, { watchId: 1, reason: 'no_leader', resumeRevision: 3 });
  assert.deepEqual(
    client.events().map(({ revision }) => revision),
    [2],
  );
});

test('[W-35] a watch resumed at its resumeRevision misses nothing and repeats nothing', async (t) => {
  const { open, client } = await pair(t);
  await client.call('watch.create', { key: 'a' });
  await client.call('kv.put', { key: 'a', value: '1' });
  open.store.endWatches('no_leader');
  await client.call('kv.put', { key: 'a', value: '2' });
  const end = await client.frame(({ method }) => method === 'watch.end');
  const other = await connect(t, open);
  await other.call('watch.create', { key: 'a', startRevision: end.params.resumeRevision });
  await other.roundTrip();
  const seen = [...client.events(), ...other.events()].map(({ revision }) => revision);
  assert.deepEqual(seen, [2, 3]);
});

test('[W-35] [W-42] a watch cannot start in what is compacted, and learns where it could', async (t) => {
  const { open, client } = await pair(t);
  for (let n = 0; n < 5; n++) await client.call('kv.put', { key: 'a', value: String(n) });
  await open.store.compact({ revision: 4 });
  const { data } = await client.refusal('watch.create', { key: 'a', startRevision: 2 });
  assert.deepEqual([data.code, data.compactRevision], ['compacted', 4]);
  await client.call('watch.create', { key: 'a', startRevision: 4 });
});

test('[W-30] a watch from a future revision waits for it', async (t) => {
  const { client } = await pair(t);
  await client.call('watch.create', { key: 'a', startRevision: 4 });
  for (let n = 0; n < 3; n++) await client.call('kv.put', { key: 'a', value: String(n) });
  await client.roundTrip();
  assert.deepEqual(
    client.events().map(({ revision }) => revision),
    [4],
  );
});

test('[W-30] a watch with minRevision is answered when the member is there', async (t) => {
  const { client } = await pair(t);
  const id = client.request('watch.create', { key: 'a', minRevision: 2 });
  await client.roundTrip();
  assert.ok(!client.frames.some((frame) => frame.id === id));
  await client.call('kv.put', { key: 'a', value: '1' });
  assert.equal((await client.answer(id)).result.startRevision, 3);
});

test('[W-30] the watches of a connection end with it', async (t) => {
  const { open, client } = await pair(t);
  await client.call('watch.create', { key: 'a' });
  assert.equal(open.store.watchers, 1);
  client.socket.close();
  await client.closed;
  const other = await connect(t, open);
  await other.roundTrip();
  assert.equal(open.store.watchers, 0);
});

test('[W-10] the member says who it is before it is asked', async (t) => {
  const { client } = await pair(t);
  await client.roundTrip();
  const ids = { clusterId: '42', memberId: '7' };
  assert.equal(client.greeting?.method, 'heartbeat');
  assert.deepEqual(client.greeting.params, { ...ids, revision: 1, hasLeader: true });
});

test('[W-10] the member pings and says its revision and whether it has a leader', async (t) => {
  const open = await openDoors(t, { limits: { heartbeatMs: 20 } });
  const client = await connect(t, open);
  const pinged = once(client.socket, 'ping');
  const beat = await client.frame(({ method }) => method === 'heartbeat');
  assert.deepEqual([beat.params.revision, beat.params.hasLeader], [1, true]);
  await pinged;
  open.store.hasLeader = false;
  await client.frame(({ params }) => params?.hasLeader === false);
});

test('[W-1] [W-35] the ten-line script of the document watches a prefix', async (t) => {
  const open = await openDoors(t);
  const document = readFileSync(
    new URL('../../client/protocol/PROTOCOL.md', import.meta.url),
    'utf8',
  );
  const script = /```js\n([\s\S]*?)```/.exec(document)?.[1] ?? '';
  const code = script.replace('127.0.0.1:2379', open.doors.address);
  assert.notEqual(code, script);
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const client = await connect(t, open);
  while (open.store.watchers === 0) await client.roundTrip();
  await client.call('kv.put', { key: 'config/a', value: 'one' });
  await client.call('kv.put', { key: 'other', value: 'no' });
  await client.call('kv.deleteRange', { key: 'config/a' });
  assert.equal((await lines.next()).value, '2 put config/a one');
  assert.equal((await lines.next()).value, '4 delete config/a ');
});
