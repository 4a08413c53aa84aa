/** etcd's methods as JSON: over HTTP by POST. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { gatewayPaths } from '../../server/src/api/etcd/gateway/paths.ts';
import { type Answer, http, type OpenDoors, open, openDoors } from '../harness/doors.ts';

const b64 = (text: string): string => btoa(text);

function post(doors: OpenDoors, path: string, body: unknown, headers = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return http(doors, path, { method: 'POST', body: text, headers });
}

/** The lines of an answer that streams, as they come. */
class Lines {
  readonly response: IncomingMessage;
  readonly #lines: AsyncIterator<string>;

  constructor(response: IncomingMessage) {
    this.response = response;
    this.#lines = createInterface({ input: response })[Symbol.asyncIterator]();
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests reach into whatever came.
  async next(): Promise<any> {
    const { done, value } = await this.#lines.next();
    return done ? undefined : JSON.parse(value);
  }
}

/** A request whose body goes on, and the answer to it as soon as it begins. */
function talk(t: TestContext, doors: OpenDoors, path: string) {
  const request = httpRequest({
    ...{ host: '127.0.0.1', port: doors.doors.port, path, method: 'POST', agent: false },
  });
  request.on('error', () => undefined);
  t.after(() => request.destroy());
  const answer = once(request, 'response').then(([response]) => new Lines(response));
  return { request, answer };
}

async function watch(t: TestContext, doors: OpenDoors, create: object): Promise<Lines> {
  const body = JSON.stringify({ create_request: create });
  const lines = new Lines(await open(doors, '/v3/watch', { method: 'POST', body }));
  t.after(() => lines.response.destroy());
  return lines;
}

test('a put and a range by either prefix, as etcd writes them', async (t) => {
  const doors = await openDoors(t);
  const put = await post(doors, '/v3/kv/put', { key: b64('a'), value: b64('1') });
  const header = { cluster_id: '42', member_id: '7', revision: '2', raft_term: '2' };
  assert.deepEqual([put.status, put.json], [200, { header }]);
  for (const path of ['/v3/kv/range', '/v3beta/kv/range', '/v3/kv/range?x=1']) {
    const { text, headers } = await post(doors, path, { key: b64('a') });
    const kv = {
      key: 'YQ==',
      create_revision: '2',
      mod_revision: '2',
      version: '1',
      value: 'MQ==',
    };
    assert.equal(text, JSON.stringify({ header, kvs: [kv], count: '1' }), path);
    assert.equal(headers['content-type'], 'application/json');
  }
});

test('every path of the table reaches its method, and none hangs or breaks', async (t) => {
  const doors = await openDoors(t);
  const endless = new Set(['watch', 'election/observe', 'election/campaign', 'lock/lock']);
  for (const path of gatewayPaths.keys()) {
    if (endless.has(path)) continue;
    const { status, text, json } = await post(doors, `/v3/${path}`, {});
    if (status === 200) continue;
    assert.deepEqual(Object.keys(json ?? {}), ['error', 'message', 'code'], `${path}: ${text}`);
    assert.equal(json.error, json.message);
    assert.doesNotMatch(json.error, /^Not Found/, path);
  }
  assert.deepEqual(doors.internalErrors, []);
});

test('an error has the status that etcd gives its code', async (t) => {
  const doors = await openDoors(t);
  const refusal = async (path: string, body: unknown, headers = {}) => {
    const { status, json } = await post(doors, path, body, headers);
    return [status, json.code, json.error];
  };
  const empty = [400, 3, 'etcdserver: key is not provided'];
  assert.deepEqual(await refusal('/v3/kv/range', {}), empty);
  assert.deepEqual(await refusal('/v3/kv/range', ''), empty);
  const missing = [404, 5, 'etcdserver: requested lease not found'];
  assert.deepEqual(await refusal('/v3/lease/revoke', { ID: 9 }), missing);
  const future = [400, 11, 'etcdserver: mvcc: required revision is a future revision'];
  assert.deepEqual(await refusal('/v3/kv/compaction', { revision: '99' }), future);
  const target = [412, 9, 'etcdserver: bad leader transferee'];
  assert.deepEqual(await refusal('/v3/maintenance/transfer-leadership', { targetID: 5 }), target);
  doors.store.raise({ memberId: '7', alarm: 'nospace' });
  const full = [429, 8, 'etcdserver: mvcc: database space exceeded'];
  assert.deepEqual(await refusal('/v3/kv/put', { key: 'YQ==' }), full);
  doors.store.hasLeader = false;
  assert.deepEqual(await refusal('/v3/kv/range', { key: 'YQ==' }), [
    ...[503, 14, 'etcdserver: no leader'],
  ]);
  doors.store.failure = new RangeError('a secret of the inside');
  const inside = await refusal('/v3/kv/range', { key: 'YQ==' });
  assert.deepEqual(inside, [500, 13, 'internal error']);
});

test('a deadline is a header, and a malformed one is refused', async (t) => {
  const doors = await openDoors(t);
  doors.store.hold();
  const late = await post(doors, '/v3/kv/range', { key: 'YQ==' }, { 'grpc-timeout': '1m' });
  assert.deepEqual([late.status, late.json.code], [504, 4]);
  doors.store.release();
  const odd = await post(doors, '/v3/kv/range', { key: 'YQ==' }, { 'grpc-timeout': 'soon' });
  assert.equal(odd.status, 400);
  assert.match(odd.json.error, /malformed grpc-timeout "soon"/);
});

test('what is wrong with a request is said, with 400, 404 or 405', async (t) => {
  const doors = await openDoors(t);
  const rows: readonly [path: string, body: string, status: number, says: RegExp][] = [
    ['/v3/kv/range', '{"key":', 400, /unexpected EOF/],
    ['/v3/kv/range', '{"key":}', 400, /the body is not JSON/],
    ['/v3/kv/range', 'key=YQ', 400, /a request is an object.*got "key=YQ"/],
    ['/v3/kv/range', '[]', 400, /must be a JSON object/],
    ['/v3/kv/range', '{"key":"a!"}', 400, /invalid base64/],
    ['/v3/kv/range', '{"sort_order":"SIDEWAYS"}', 400, /SIDEWAYS/],
    ['/v3/watch', '{"create_request":{"key":"a!"}}', 400, /invalid base64/],
    ['/v3/watch', '{"create_request"', 400, /unexpected EOF/],
    ['/v3/lease/keepalive', 'x', 400, /not JSON/],
    ['/v3/kv/rang', '{}', 404, /Not Found.*kv\/range/],
    ['/v3/', '{}', 404, /Not Found/],
    ['/v3/kv/range/', '{}', 404, /Not Found/],
  ];
  for (const [path, body, status, says] of rows) {
    const answer = await post(doors, path, body);
    assert.equal(answer.status, status, `${path} ${body}`);
    assert.match(answer.json.error, says);
  }
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const { status, headers, json } = await http(doors, '/v3/kv/range', { method });
    assert.deepEqual([status, headers.allow], [405, 'POST']);
    assert.match(json.error, /POST JSON to \/v3\/kv\/range/);
  }
  assert.deepEqual(doors.internalErrors, []);
});

test('what follows the request in a body is passed over, and the content type is not asked for', async (t) => {
  const doors = await openDoors(t);
  const headers = { 'content-type': 'text/plain' };
  assert.equal((await post(doors, '/v3/kv/range', '{"key":"YQ=="} and more', headers)).status, 200);
});

test('a body that is too large is refused, and the connection answers the next one', async (t) => {
  const doors = await openDoors(t);
  const large = { key: 'YQ==', value: 'A'.repeat(5 * 1024 * 1024) };
  const { status, json } = await post(doors, '/v3/kv/put', large);
  assert.deepEqual([status, json.code], [429, 8]);
  assert.match(json.error, /may have 4194304 bytes of JSON/);
  // Taken as JSON, refused as a request of the store.
  const value = { key: 'YQ==', value: 'A'.repeat(2_200_000) };
  const tooLarge = await post(doors, '/v3/kv/put', value);
  assert.deepEqual(
    [tooLarge.status, tooLarge.json.error],
    [...[400, 'etcdserver: request is too large']],
  );
  assert.equal((await post(doors, '/v3/kv/range', { key: 'YQ==' })).status, 200);
});

test('a body that is cut leaves nothing behind', async (t) => {
  const doors = await openDoors(t);
  const socket = connectSocket(doors.doors.port, '127.0.0.1');
  const head = 'POST /v3/kv/put HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n';
  socket.write(`${head}{"key":"YQ==`);
  await once(socket, 'connect');
  socket.end();
  await once(socket.resume(), 'close');
  assert.equal(doors.store.revision, 1);
  assert.deepEqual(doors.internalErrors, []);
});

test('a watch streams a line per answer after its request has ended', async (t) => {
  const doors = await openDoors(t);
  const lines = await watch(t, doors, { key: b64('a'), prev_kv: true });
  assert.equal(lines.response.headers['transfer-encoding'], 'chunked');
  assert.deepEqual(Object.keys((await lines.next()).result), ['header', 'created']);
  await post(doors, '/v3/kv/put', { key: b64('a'), value: b64('1') });
  await post(doors, '/v3/kv/deleterange', { key: b64('a') });
  const { result: put } = await lines.next();
  assert.deepEqual(put.events, [
    {
      kv: { key: 'YQ==', create_revision: '2', mod_revision: '2', version: '1', value: 'MQ==' },
    },
  ]);
  const { result: deleted } = await lines.next();
  assert.deepEqual(
    [deleted.header.revision, deleted.events[0].type, deleted.events[0].kv.mod_revision],
    ['3', 'DELETE', '3'],
  );
  assert.equal(deleted.events[0].prev_kv.value, 'MQ==');
});

test('requests of a stream come one after the other, with or without space, while answers go', async (t) => {
  const doors = await openDoors(t);
  const { request, answer } = talk(t, doors, '/v3/watch');
  request.write('{"create_request":{"key":"YQ=="}}{"create_request":{"key":');
  const lines = await answer;
  assert.equal((await lines.next()).result.created, true);
  request.write('"Yg=="}}\n{"cancel_request":{"watch_id":"0"}} ');
  assert.equal((await lines.next()).result.watch_id, '1');
  assert.deepEqual(Object.keys((await lines.next()).result), ['header', 'canceled']);
  assert.equal(doors.store.watchers, 1);
  request.write('{"progress_request":{}}');
  assert.equal((await lines.next()).result.watch_id, '-1');
  request.write('{bad}');
  const { error } = await lines.next();
  assert.deepEqual([error.grpc_code, error.http_code, error.http_status], [3, 400, 'Bad Request']);
  assert.equal(await lines.next(), undefined);
  assert.equal(doors.store.watchers, 0);
});

test('a keep-alive answers each request, and ends when they end', async (t) => {
  const doors = await openDoors(t);
  await post(doors, '/v3/lease/grant', { ID: 5, TTL: 60 });
  const ask = async (body: string) =>
    new Lines(await open(doors, '/v3/lease/keepalive', { method: 'POST', body }));
  const lines = await ask('{"ID":5}{"ID":"6"}');
  const [first, second] = [(await lines.next()).result, (await lines.next()).result];
  assert.deepEqual([first.ID, first.TTL, second.ID, second.TTL], ['5', '60', '6', undefined]);
  assert.equal(await lines.next(), undefined);
  assert.equal(await (await ask('')).next(), undefined);
});

test('whoever goes takes his watch and his place in a line with him', async (t) => {
  const doors = await openDoors(t);
  const lines = await watch(t, doors, { key: b64('a') });
  await lines.next();
  assert.equal(doors.store.watchers, 1);
  lines.response.destroy();
  await post(doors, '/v3/lock/lock', { name: b64('l') });
  const second = talk(t, doors, '/v3/lock/lock');
  second.request.end(JSON.stringify({ name: b64('l') }));
  const count = async (): Promise<string> => {
    const all = { key: b64('l/'), range_end: b64('l0'), count_only: true };
    return (await post(doors, '/v3/kv/range', all)).json.count;
  };
  while ((await count()) !== '2') await new Promise((resolve) => setImmediate(resolve));
  second.answer.catch(() => undefined);
  second.request.destroy();
  while ((await count()) !== '1') await new Promise((resolve) => setImmediate(resolve));
  while (doors.store.watchers > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('a client that takes nothing makes the watch wait, and is cut when it stalls', async (t) => {
  const doors = await openDoors(t, { limits: { heartbeatMs: 40, stallMs: 200 } });
  const socket = connectSocket(doors.doors.port, '127.0.0.1');
  t.after(() => socket.destroy());
  const body = '{"create_request":{"key":"YQ=="}}';
  const head = `POST /v3/watch HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(head + body);
  await once(socket, 'data');
  socket.pause();
  const value = b64('v'.repeat(600_000));
  for (let turn = 0; turn < 20; turn++) await post(doors, '/v3/kv/put', { key: b64('a'), value });
  while (doors.store.watchers > 0) await new Promise((resolve) => setImmediate(resolve));
  // Far less than all of it was put on the way.
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'close');
  assert.ok(bytes < 20 * value.length, `${bytes}`);
});

test('the same over HTTP/2, without gRPC', async (t) => {
  const doors = await openDoors(t);
  const session = connectHttp2(doors.url);
  t.after(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/v3/kv/range' });
  stream.setEncoding('utf8').end('{"key":"YQ=="}');
  const [head] = await once(stream, 'response');
  let text = '';
  for await (const chunk of stream) text += chunk;
  assert.equal(head[':status'], 200);
  assert.equal(JSON.parse(text).header.revision, '1');
  const watching = session.request({ ':method': 'POST', ':path': '/v3/watch' });
  watching.setEncoding('utf8').write('{"create_request":{"key":"YQ=="}}');
  const [first] = await once(watching, 'data');
  assert.equal(JSON.parse(first).result.created, true);
});

test('[W-53] pages of other sites are kept away here too', async (t) => {
  const doors = await openDoors(t, { allowOrigins: ['https://app.example'] });
  const evil = { origin: 'http://evil.example' };
  const refused = await post(doors, '/v3/kv/put', { key: 'YQ==' }, evil);
  assert.deepEqual([refused.status, refused.json.code], [403, 7]);
  assert.equal(doors.store.revision, 1);
  const good = { origin: 'https://app.example' };
  const { headers } = await post(doors, '/v3/kv/put', { key: 'YQ==' }, good);
  assert.equal(headers['access-control-allow-origin'], good.origin);
  const asked = await http(doors, '/v3/kv/put', { method: 'OPTIONS', headers: good });
  assert.equal(asked.status, 204);
  assert.match(`${asked.headers['access-control-allow-headers']}`, /authorization/);
});

test('calls are counted by method and code, and their bytes', async (t) => {
  const doors = await openDoors(t);
  await post(doors, '/v3/kv/put', { key: 'YQ==' });
  await post(doors, '/v3/kv/put', {});
  const { text } = await http(doors, '/metrics');
  const put = 'grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put"';
  assert.ok(text.includes(`grpc_server_started_total{${put}} 2\n`));
  assert.ok(text.includes(`grpc_server_handled_total{${put},grpc_code="OK"} 1\n`));
  assert.ok(text.includes(`grpc_server_handled_total{${put},grpc_code="InvalidArgument"} 1\n`));
  assert.ok(text.includes(`grpc_server_handling_seconds_count{${put}} 2\n`));
  assert.match(text, /^etcd_network_client_grpc_received_bytes_total 16$/m);
  assert.match(text, /^etcd_network_client_grpc_sent_bytes_total [1-9]/m);
});

test('stop ends streams with a line that says so, and lets answers come that are due', async (t) => {
  const doors = await openDoors(t, { limits: { stopMs: 10_000 } });
  const lines = await watch(t, doors, { key: b64('a') });
  await lines.next();
  const half = talk(t, doors, '/v3/watch');
  half.request.write('{"create_request":{"key":"YQ=="}}');
  await (await half.answer).next();
  doors.store.hold();
  const due = post(doors, '/v3/kv/range', { key: 'YQ==' }, { connection: 'keep-alive' });
  while (doors.store.heldCalls < 1) await new Promise((resolve) => setImmediate(resolve));
  const stopped = doors.doors.stop();
  const { error } = await lines.next();
  assert.deepEqual([error.grpc_code, error.message], [14, 'etcdserver: server stopped']);
  assert.equal(await lines.next(), undefined);
  doors.store.release();
  assert.equal((await due).status, 200);
  await stopped;
});
