import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { promisify } from 'node:util';
import { connect, http, type OpenDoors, open, openDoors } from '../harness/doors.ts';

const put = (doors: OpenDoors, path: string, body: string | Uint8Array) =>
  http(doors, path, { method: 'PUT', body });

test('[W-50] every unary method is a POST with its params as the body', async (t) => {
  const doors = await openDoors(t);
  const post = (method: string, body?: string) =>
    http(
      doors,
      `/v1/${method}`,
      body === undefined ? { method: 'POST' } : { method: 'POST', body },
    );
  assert.equal((await post('kv.put', '{"key":"a","value":"1"}')).json.header.revision, 2);
  assert.equal((await post('kv.range', '{"key":"a"}')).json.kvs[0].value, '1');
  assert.equal((await post('kv.deleteRange', '{"prefix":""}')).json.deleted, 1);
  assert.equal((await post('cluster.members')).json.members[0].name, 'a');
  assert.equal((await post('maintenance.status', '')).json.version, '1.2.3');
});

test('[W-50] methods of a connection, unknown ones and other verbs are refused', async (t) => {
  const doors = await openDoors(t);
  const watch = await http(doors, '/v1/watch.create', { method: 'POST', body: '{"key":"a"}' });
  assert.equal(watch.status, 404);
  assert.match(watch.json.error.message, /GET \/v1\/watch/);
  const unknown = await http(doors, '/v1/kv.gett', { method: 'POST' });
  assert.equal(unknown.json.error.data.code, 'unknown_method');
  const get = await http(doors, '/v1/kv.range');
  assert.deepEqual([get.status, get.headers.allow], [405, 'POST']);
  const nothing = await http(doors, '/v2/keys');
  assert.equal(nothing.status, 404);
  assert.match(nothing.json.error.message, /\/v1\/kv\/<key>/);
  assert.match((await http(doors, '/v1/ws')).json.error.message, /connect with ws:\/\//);
});

test('[W-51] a value is put and got raw, with its revisions as headers', async (t) => {
  const doors = await openDoors(t);
  assert.equal((await put(doors, '/v1/kv/a', '1')).json.header.revision, 2);
  await put(doors, '/v1/kv/a', '2');
  const { status, text, headers } = await http(doors, '/v1/kv/a');
  assert.deepEqual(
    [status, text, headers['content-type']],
    [200, '2', 'text/plain; charset=utf-8'],
  );
  assert.deepEqual(
    ['revision', 'create-revision', 'mod-revision', 'version'].map(
      (name) => headers[`lockstep-${name}`],
    ),
    ['3', '2', '3', '2'],
  );
  const head = await http(doors, '/v1/kv/a', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '1']);
});

test('[W-51] bytes that are not UTF-8 come back as they were', async (t) => {
  const doors = await openDoors(t);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  await put(doors, '/v1/kv/b', bytes);
  const { text, headers } = await http(doors, '/v1/kv/b');
  assert.equal(headers['content-type'], 'application/octet-stream');
  assert.deepEqual(Buffer.from(text, 'latin1'), bytes);
});

test('[W-51] the raw path is decoded once and not normalised', async (t) => {
  const doors = await openDoors(t);
  const cases: [string, unknown][] = [
    ['a/../b', 'a/../b'],
    ['a%2Fb', 'a/b'],
    ['a%252Fb', 'a%2Fb'],
    ['//x//', '//x//'],
    ['a+b', 'a+b'],
    ['gr%C3%BCn', 'grün'],
    ['%FF', { base64: '/w==' }],
    ['.', '.'],
    ['..', '..'],
    ['q%3Fx', 'q?x'],
  ];
  const client = await connect(t, doors);
  for (const [path, key] of cases) {
    await put(doors, `/v1/kv/${path}`, 'v');
    const { kvs } = await client.call('kv.range', { prefix: '' });
    assert.deepEqual(
      kvs.map((kv) => kv.key),
      [key],
    );
    assert.equal((await http(doors, `/v1/kv/${path}`)).text, 'v');
    await http(doors, `/v1/kv/${path}`, { method: 'DELETE' });
  }
  const { status, json } = await http(doors, '/v1/kv/100%');
  assert.equal(status, 400);
  assert.match(json.error.message, /a plain % is %25/);
});

test('[W-51] a key that is not there is 404, an empty one 400', async (t) => {
  const doors = await openDoors(t);
  const missing = await http(doors, '/v1/kv/nothing');
  assert.deepEqual([missing.status, missing.json.error.data.code], [404, 'not_found']);
  assert.equal(missing.headers['lockstep-revision'], '1');
  const empty = await http(doors, '/v1/kv/');
  assert.deepEqual([empty.status, empty.json.error.data.code], [400, 'empty_key']);
});

test('[W-51] ?prefix answers the pairs, and takes the params of a range', async (t) => {
  const doors = await openDoors(t);
  for (const key of ['c/1', 'c/2', 'd']) await put(doors, `/v1/kv/${key}`, key);
  const keys = async (path: string) =>
    (await http(doors, path)).json.kvs.map((kv: { key: string }) => kv.key);
  assert.deepEqual(await keys('/v1/kv/c/?prefix'), ['c/1', 'c/2']);
  assert.deepEqual(await keys('/v1/kv/c/?prefix=true&limit=1'), ['c/1']);
  assert.deepEqual(await keys('/v1/kv/?prefix'), ['c/1', 'c/2', 'd']);
  assert.deepEqual(await keys('/v1/kv/c?rangeEnd=c%2F2'), ['c/1']);
  assert.equal((await http(doors, '/v1/kv/?prefix&countOnly')).json.count, 3);
  assert.equal((await http(doors, '/v1/kv/c/1?revision=2&serializable')).text, 'c/1');
});

test('[W-51] query parameters are as strict as params', async (t) => {
  const doors = await openDoors(t);
  const message = async (path: string) => (await http(doors, path)).json.error.message;
  assert.match(await message('/v1/kv/a?limt=1'), /params\.limt is not .*did you mean limit\?/);
  assert.match(await message('/v1/kv/a?limit=ten'), /limit must be a whole number.*"ten"/);
  assert.match(await message('/v1/kv/a?limit=1&limit=2'), /limit is there twice/);
  assert.match(await message('/v1/kv/a?serializable=maybe'), /true or false/);
  assert.match(await message('/v1/kv/a?prefix=b'), /the path itself is the prefix/);
  assert.match(await message('/v1/watch?prefx=a'), /did you mean prefix\?/);
});

test('[W-51] DELETE answers how many keys went, PUT and DELETE the pairs before', async (t) => {
  const doors = await openDoors(t);
  await put(doors, '/v1/kv/a', '1');
  assert.equal((await put(doors, '/v1/kv/a?prevKv', '2')).json.prevKv.value, '1');
  await put(doors, '/v1/kv/ab', '1');
  const remove = (path: string) => http(doors, path, { method: 'DELETE' });
  assert.equal((await remove('/v1/kv/a?prefix&prevKv')).json.prevKvs[0].value, '2');
  assert.equal((await remove('/v1/kv/a')).json.deleted, 0);
  const other = await http(doors, '/v1/kv/a', { method: 'PATCH' });
  assert.deepEqual([other.status, other.headers.allow], [405, 'GET, HEAD, PUT, DELETE']);
});

test('[W-51] what curl -d sends is taken raw', async (t) => {
  const doors = await openDoors(t);
  const curl = promisify(execFile);
  const url = `${doors.url}/v1/kv/a`;
  await curl('curl', ['-s', '-X', 'PUT', url, '-d', '1']);
  assert.equal((await curl('curl', ['-s', url])).stdout, '1');
});

async function* eventsOf(response: IncomingMessage): AsyncGenerator<Record<string, string>> {
  let fields: Record<string, string> = {};
  for await (const line of createInterface({ input: response })) {
    if (line === '') {
      yield fields;
      fields = {};
      continue;
    }
    const colon = line.indexOf(': ');
    fields[line.slice(0, colon) || 'comment'] = line.slice(colon + 2);
  }
}

test('[W-52] a watch streams events whose ids are revisions, after an id to resume from', async (t) => {
  const doors = await openDoors(t);
  const response = await open(doors, '/v1/watch?prefix=config/');
  assert.equal(response.headers['content-type'], 'text/event-stream');
  const events = eventsOf(response);
  assert.deepEqual((await events.next()).value, { comment: 'watching from 2', id: '1' });
  await put(doors, '/v1/kv/config/a', '1');
  await put(doors, '/v1/kv/other', '1');
  await http(doors, '/v1/kv/config/a', { method: 'DELETE' });
  const first = (await events.next()).value;
  assert.equal(first.id, '2');
  assert.equal(JSON.parse(first.data).events[0].kv.key, 'config/a');
  const second = (await events.next()).value;
  assert.deepEqual([second.id, JSON.parse(second.data).events[0].type], ['4', 'delete']);
  response.destroy();
});

test('[W-52] Last-Event-ID resumes at the next revision', async (t) => {
  const doors = await openDoors(t);
  for (const value of ['1', '2', '3']) await put(doors, '/v1/kv/a', value);
  const headers = { 'last-event-id': '2' };
  const response = await open(doors, '/v1/watch?key=a&startRevision=2', { headers });
  const events = eventsOf(response);
  const ids = [];
  for (let n = 0; n < 3; n++) ids.push((await events.next()).value.id);
  assert.deepEqual(ids, ['2', '3', '4']);
  response.destroy();
  const bad = await http(doors, '/v1/watch?key=a', { headers: { 'last-event-id': 'x' } });
  assert.match(bad.json.error.message, /Last-Event-ID must be the id of an event.*"x"/);
});

test('[W-52] a watch that ends says so and where to resume; the stream is over then', async (t) => {
  const doors = await openDoors(t);
  const events = eventsOf(await open(doors, '/v1/watch?key=a'));
  await events.next();
  doors.store.endWatches('no_leader');
  const end = (await events.next()).value;
  assert.deepEqual([end.event, end.id], ['end', '1']);
  assert.deepEqual(JSON.parse(end.data), { reason: 'no_leader', resumeRevision: 2 });
  assert.equal((await events.next()).done, true);
});

test('[W-52] a watch that cannot start is an error with its status', async (t) => {
  const doors = await openDoors(t);
  for (const value of ['1', '2', '3']) await put(doors, '/v1/kv/a', value);
  await doors.store.compact({ revision: 3 });
  const { status, json } = await http(doors, '/v1/watch?key=a&startRevision=2');
  assert.deepEqual([status, json.error.data.compactRevision], [400, 3]);
  assert.equal((await http(doors, '/v1/watch')).status, 400);
  assert.equal(doors.store.watchers, 0);
});

test('[W-52] the stream has a heartbeat, and its watch ends with it', async (t) => {
  const doors = await openDoors(t, { limits: { heartbeatMs: 20 } });
  const response = await open(doors, '/v1/watch?key=a');
  const events = eventsOf(response);
  await events.next();
  assert.deepEqual((await events.next()).value, { comment: 'heartbeat' });
  assert.equal(doors.store.watchers, 1);
  response.destroy();
  while (doors.store.watchers > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('[W-52] [W-36] a stream that is not read keeps its place, and gets everything when it is', async (t) => {
  const doors = await openDoors(t);
  const response = await open(doors, '/v1/watch?key=a');
  const value = 'x'.repeat(1_000_000);
  // More than the sockets' buffers hold on any system.
  const revisions = 30;
  for (let n = 0; n < revisions; n++) await put(doors, '/v1/kv/a', `${n}${value}`);
  const ids = [];
  for await (const event of eventsOf(response)) {
    ids.push(Number(event.id));
    if (ids.length === revisions + 1) break;
  }
  assert.deepEqual(
    ids,
    Array.from({ length: revisions + 1 }, (_, n) => n + 1),
  );
});

test('[W-53] a foreign Host or Origin is refused on every verb and on the WebSocket', async (t) => {
  const doors = await openDoors(t, { advertise: 'db1.example:2379' });
  const { address, port } = doors.doors;
  const refused = { status: 403, code: 'forbidden_origin' };
  const ask = async (headers: Record<string, string>, method = 'GET') => {
    const { status, json } = await http(doors, '/v1/kv.range', { method, headers });
    return status === 403 ? { status, code: json.error.data.code } : status;
  };
  for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS']) {
    assert.deepEqual(await ask({ host: 'evil.example' }, method), refused);
    assert.deepEqual(await ask({ origin: 'http://evil.example' }, method), refused);
  }
  for (const headers of [
    { host: `evil.example:${port}` },
    { host: 'db1.example:9' },
    { host: 'localhost.evil.example' },
    { origin: 'null' },
    { origin: `http://localhost:${port + 1}` },
    { origin: 'https://localhost' },
    { host: 'db1.example:2379', origin: 'http://evil.example:2379' },
  ]) {
    assert.deepEqual(await ask(headers), refused, JSON.stringify(headers));
    await assert.rejects(connect(t, doors, { headers }), /HTTP 403: .*forbidden_origin/);
  }
  for (const headers of [
    {},
    { host: address },
    { host: 'localhost' },
    { host: 'LOCALHOST:8080' },
    { host: '[::1]:2379' },
    { host: 'db1.example:2379' },
    { host: 'db1.example:2379', origin: 'http://db1.example:2379' },
    { origin: `http://localhost:${port}` },
    { origin: `http://${address}` },
    { host: 'localhost:12379', origin: 'http://localhost:12379' },
  ]) {
    assert.equal(await ask(headers), 405, JSON.stringify(headers));
    await connect(t, doors, { headers });
  }
});

test('[W-53] allowed origins are let in and told so', async (t) => {
  const doors = await openDoors(t, { allowOrigins: ['https://app.example/', 'db.example:8443'] });
  const origin = 'https://app.example';
  const { status, headers } = await http(doors, '/version', { headers: { origin } });
  assert.deepEqual([status, headers['access-control-allow-origin']], [200, origin]);
  const preflight = await http(doors, '/v1/kv/a', { method: 'OPTIONS', headers: { origin } });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers['access-control-allow-methods'] ?? '', /PUT/);
  assert.equal(
    (await http(doors, '/version', { headers: { host: 'db.example:8443' } })).status,
    200,
  );
  assert.equal(
    (await http(doors, '/version', { headers: { origin: 'http://app.example' } })).status,
    403,
  );
  await connect(t, doors, { headers: { origin } });
});

test('[W-53] * lets everybody in', async (t) => {
  const doors = await openDoors(t, { allowOrigins: ['*'] });
  const headers = { host: 'evil.example', origin: 'http://evil.example' };
  assert.equal((await http(doors, '/version', { headers })).status, 200);
});

test('[W-54] health asks a quorum unless told not to; the others say what they say', async (t) => {
  const doors = await openDoors(t);
  assert.deepEqual((await http(doors, '/health')).json, { health: 'true', reason: '' });
  assert.equal((await http(doors, '/readyz')).text, 'ok\n');
  doors.store.hasLeader = false;
  const sick = await http(doors, '/health');
  assert.deepEqual([sick.status, sick.json], [503, { health: 'false', reason: 'RAFT NO LEADER' }]);
  assert.equal((await http(doors, '/health?serializable=true')).status, 200);
  assert.equal((await http(doors, '/health?linear=1')).status, 400);
  assert.equal((await http(doors, '/readyz')).status, 503);
  assert.equal((await http(doors, '/livez')).status, 200);
  assert.deepEqual((await http(doors, '/version')).json, {
    etcdserver: '3.6.0',
    etcdcluster: '3.6.0',
    lockstep: '1.2.3',
    protocol: 'lockstep.v1',
  });
  assert.equal((await http(doors, '/health', { method: 'POST' })).status, 405);
});

test('[W-54] an alarm is no health, unless it is excluded by its name', async (t) => {
  const doors = await openDoors(t);
  doors.store.raise({ memberId: '7', alarm: 'nospace' });
  const health = async (query: string) => {
    const { status, json } = await http(doors, `/health${query}`);
    return [status, json.reason];
  };
  assert.deepEqual(await health(''), [503, 'ALARM NOSPACE']);
  assert.deepEqual(await health('?serializable=true'), [503, 'ALARM NOSPACE']);
  assert.deepEqual(await health('?exclude=NOSPACE'), [200, '']);
  doors.store.raise({ memberId: '7', alarm: 'corrupt' });
  assert.deepEqual(await health('?exclude=NOSPACE'), [503, 'ALARM CORRUPT']);
  assert.deepEqual(await health('?exclude=NOSPACE&exclude=CORRUPT'), [200, '']);
  doors.store.hasLeader = false;
  assert.deepEqual(await health('?exclude=NOSPACE&exclude=CORRUPT'), [503, 'RAFT NO LEADER']);
});

test('[W-54] livez and readyz tell their parts, alone, without some, or all of them', async (t) => {
  const doors = await openDoors(t);
  const page = async (path: string) => {
    const { status, text } = await http(doors, path);
    return [status, text];
  };
  assert.deepEqual(await page('/livez?verbose'), [200, '[+]serializable_read ok\nok\n']);
  assert.deepEqual(await page('/readyz?verbose'), [
    200,
    '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n',
  ]);
  doors.store.hasLeader = false;
  const [status, text] = await page('/readyz');
  assert.equal(status, 503);
  assert.match(`${text}`, /^\[-\]linearizable_read failed: etcdserver: no leader$/m);
  assert.deepEqual(await page('/readyz?exclude=linearizable_read'), [200, 'ok\n']);
  assert.equal((await page('/readyz/linearizable_read'))[0], 503);
  assert.deepEqual(await page('/readyz/serializable_read'), [200, 'ok\n']);
  doors.store.hasLeader = true;
  doors.store.raise({ memberId: '7', alarm: 'corrupt' });
  assert.match(`${(await page('/readyz/data_corruption'))[1]}`, /^\[-\]data_corruption failed/);
  assert.deepEqual(await page('/livez'), [200, 'ok\n']);
  assert.equal((await page('/readyz/toString'))[0], 404);
  assert.equal((await page('/livez/serializable_read/x'))[0], 404);
  assert.equal((await page('/livez?loud'))[0], 400);
});

test('[W-40] an error has the status of its row and says when to come back', async (t) => {
  const doors = await openDoors(t);
  doors.store.hasLeader = false;
  const { status, headers, json } = await http(doors, '/v1/kv/a');
  assert.deepEqual([status, headers['retry-after'], json.error.data.code], [503, '1', 'no_leader']);
  doors.store.hasLeader = true;
  doors.store.failure = new RangeError('a secret of the inside');
  const internal = await http(doors, '/v1/kv/a');
  assert.equal(internal.status, 500);
  assert.ok(!internal.text.includes('secret'));
  assert.equal(doors.internalErrors.length, 1);
});

test('[W-13] stop ends watches, answers what is under way, closes, and takes nothing new', async (t) => {
  const doors = await openDoors(t, { limits: { stopMs: 10_000 } });
  const client = await connect(t, doors);
  await client.call('watch.create', { key: 'a' });
  const stream = eventsOf(await open(doors, '/v1/watch?key=a'));
  await stream.next();
  doors.store.hold();
  const call = client.request('kv.put', { key: 'a', value: '1' });
  const slow = http(doors, '/v1/kv.put', {
    method: 'POST',
    body: '{"key":"b","value":""}',
    headers: { connection: 'keep-alive' },
  });
  while (doors.store.heldCalls < 2) await new Promise((resolve) => setImmediate(resolve));
  const stopped = doors.doors.stop();
  const end = await client.frame(({ method }) => method === 'watch.end');
  assert.deepEqual(end.params, { watchId: 1, reason: 'server_stopped', resumeRevision: 2 });
  assert.equal((await stream.next()).value.event, 'end');
  await assert.rejects(http(doors, '/version'), { code: 'ECONNREFUSED' });
  doors.store.release();
  assert.equal((await client.answer(call)).result.header.revision, 2);
  assert.deepEqual(await client.closed, { code: 1001, reason: 'the member is stopping' });
  const { status, headers } = await slow;
  assert.deepEqual([status, headers.connection], [200, 'close']);
  await stopped;
});

test('[W-13] stop cuts what does not end in time, and what never said anything', async (t) => {
  const doors = await openDoors(t, { limits: { stopMs: 50 } });
  const client = await connect(t, doors);
  doors.store.hold();
  client.request('kv.put', { key: 'a', value: '1' });
  while (doors.store.heldCalls < 1) await new Promise((resolve) => setImmediate(resolve));
  const stopped = doors.doors.stop();
  assert.equal((await client.closed).code, 1006);
  await stopped;
});
