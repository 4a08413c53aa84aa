/** etcd's methods as JSON over WebSockets, as the gateway of etcd wraps them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { http, type OpenDoors, openDoors } from '../harness/doors.ts';

const createWatch = '{"create_request":{"key":"YQ=="}}';

interface Setting {
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
  readonly autoPong?: boolean;
}

/** The barest client: frames as they come, and how it ended. */
class Talk {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #frames: string[] = [];
  #waiting: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data, isBinary) => {
      assert.equal(isBinary, false);
      this.#frames.push(data.toString());
      for (const look of this.#waiting.splice(0)) look();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests reach into whatever came.
  async next(): Promise<any> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return JSON.parse(this.#frames.shift() ?? '');
  }
}

async function talk(
  t: TestContext,
  { doors }: OpenDoors,
  path: string,
  { protocols = [], headers = {}, autoPong = true }: Setting = {},
): Promise<Talk> {
  const options = { perMessageDeflate: false, headers, autoPong };
  const socket = new WebSocket(`ws://${doors.address}${path}`, protocols, options);
  t.after(() => socket.terminate());
  const client = new Talk(socket);
  const refused = new Promise<never>((_, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      reject(new Error(`HTTP ${response.statusCode}`));
    });
  });
  await Promise.race([once(socket, 'open'), refused]);
  return client;
}

const put = (doors: OpenDoors, value: string) =>
  http(doors, '/v3/kv/put', { method: 'POST', body: `{"key":"YQ==","value":"${value}"}` });

test('a watch: each frame is a request, each answer a frame, at both prefixes', async (t) => {
  const doors = await openDoors(t);
  for (const path of ['/v3/watch', '/v3beta/watch?method=POST']) {
    const client = await talk(t, doors, path);
    client.socket.send(createWatch);
    assert.deepEqual(Object.keys((await client.next()).result), ['header', 'created']);
    await put(doors, 'MQ==');
    assert.equal((await client.next()).result.events[0].kv.value, 'MQ==');
    client.socket.send('{"progress_request":{}}');
    assert.equal((await client.next()).result.watch_id, '-1');
    client.socket.close();
    await client.closed;
  }
  while (doors.store.watchers > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('a request may come in pieces, several in one frame, and in binary frames', async (t) => {
  const doors = await openDoors(t);
  const client = await talk(t, doors, '/v3/watch');
  client.socket.send('{"create_request":');
  client.socket.send('{"key":"YQ=="}}{"create_request":{"key":"Yg=="}}');
  client.socket.send(Buffer.from('{"cancel_request":{"watch_id":1}}'));
  assert.equal((await client.next()).result.created, true);
  assert.equal((await client.next()).result.watch_id, '1');
  assert.equal((await client.next()).result.canceled, true);
});

test('a call with one answer is answered and closed', async (t) => {
  const doors = await openDoors(t);
  const client = await talk(t, doors, '/v3/kv/range');
  client.socket.send('{"key":"YQ=="}');
  assert.equal((await client.next()).header.revision, '1');
  assert.equal((await client.closed).code, 1000);
  const refused = await talk(t, doors, '/v3/kv/range');
  refused.socket.send('{}');
  const text = 'etcdserver: key is not provided';
  assert.deepEqual(await refused.next(), { error: text, message: text, code: 3 });
  assert.deepEqual(await refused.closed, { code: 1011, reason: text });
});

test('what is wrong is told in a frame, and ends the call', async (t) => {
  const doors = await openDoors(t);
  const first = await talk(t, doors, '/v3/watch');
  first.socket.send('{"create_request":{"key":"a!"}}');
  assert.match((await first.next()).error, /invalid base64/);
  assert.equal((await first.closed).code, 1011);
  const later = await talk(t, doors, '/v3/watch');
  later.socket.send(createWatch);
  await later.next();
  later.socket.send('nonsense');
  assert.equal((await later.next()).error.http_code, 400);
  assert.equal((await later.closed).code, 1011);
  while (doors.store.watchers > 0) await new Promise((resolve) => setImmediate(resolve));
  const large = await talk(t, doors, '/v3/watch');
  large.socket.send('x'.repeat(4 * 1024 * 1024 + 1));
  assert.equal((await large.closed).code, 1009);
  assert.deepEqual(doors.internalErrors, []);
});

test('a path that there is not, and a page of another site, get no WebSocket', async (t) => {
  const doors = await openDoors(t);
  await assert.rejects(talk(t, doors, '/v3/wat'), /HTTP 404/);
  const headers = { origin: 'http://evil.example' };
  await assert.rejects(talk(t, doors, '/v3/watch', { headers }), /HTTP 403/);
});

test('a token as a subprotocol is taken, and only the word before it is told back', async (t) => {
  const doors = await openDoors(t);
  const client = await talk(t, doors, '/v3/watch', { protocols: ['Bearer', 'abc.1'] });
  assert.equal(client.socket.protocol, 'Bearer');
});

test('a client that takes nothing makes the watch wait, and is cut when it stalls', async (t) => {
  const doors = await openDoors(t, { limits: { heartbeatMs: 40, stallMs: 200 } });
  const client = await talk(t, doors, '/v3/watch');
  client.socket.send(createWatch);
  await client.next();
  client.socket.pause();
  for (let turn = 0; turn < 20; turn++) await put(doors, btoa('v'.repeat(600_000)));
  while (doors.store.watchers > 0) await new Promise((resolve) => setImmediate(resolve));
  client.socket.terminate();
  await client.closed;
});

test('a silent client is asked for a sign of life, and cut when it gives none', async (t) => {
  const doors = await openDoors(t, { limits: { heartbeatMs: 40, quietMs: 50 } });
  const alive = await talk(t, doors, '/v3/watch');
  const dead = await talk(t, doors, '/v3/watch', { autoPong: false });
  alive.socket.send(createWatch);
  dead.socket.send(createWatch);
  assert.equal((await dead.closed).code, 1006);
  await once(alive.socket, 'ping');
  assert.equal(alive.socket.readyState, alive.socket.OPEN);
  assert.equal(doors.store.watchers, 1);
});

test('stop tells each, and closes', async (t) => {
  const doors = await openDoors(t, { limits: { stopMs: 10_000 } });
  const client = await talk(t, doors, '/v3/watch');
  client.socket.send(createWatch);
  await client.next();
  await doors.doors.stop();
  const { error } = await client.next();
  assert.deepEqual([error.grpc_code, error.message], [14, 'etcdserver: server stopped']);
  assert.equal((await client.closed).code, 1011);
});
