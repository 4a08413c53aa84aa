import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { limits } from '@lockstep/client/protocol';
import { startDoors } from '../../server/src/api/listen.ts';
import { createService } from '../../server/src/service/service.ts';
import { connect, http, type OpenDoors, openDoors } from '../harness/doors.ts';
import { MemoryStore } from '../harness/memory-store.ts';

async function tcp(t: TestContext, { doors }: OpenDoors): Promise<Socket> {
  const socket = connectTcp(doors.port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function textUntilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

test('[W-3] malformed JSON is answered with the position, and the connection lives', async (t) => {
  const client = await connect(t, await openDoors(t));
  client.send('{"jsonrpc":"2.0","id":1,');
  const { error } = await client.answer(null);
  assert.equal(error?.code, -32700);
  assert.match(error?.message ?? '', /position 24/);
  await client.roundTrip();
});

test('[W-6] unknown methods and params and wrong types are answered by name', async (t) => {
  const client = await connect(t, await openDoors(t));
  const cases: [string, unknown, string, RegExp][] = [
    ['kv.putt', {}, 'unknown_method', /did you mean kv\.put\?/],
    ['watch.create', { prefx: 'a' }, 'invalid_params', /did you mean prefix\?/],
    ['kv.put', { key: 1, value: '' }, 'invalid_params', /params\.key must be a string.*got 1/],
    ['kv.put', { key: 'a' }, 'invalid_params', /params\.value is missing/],
    ['kv.put', 'a', 'invalid_params', /must be an object/],
    ['watch.cancel', { watchId: 'one' }, 'invalid_params', /whole number/],
  ];
  for (const [method, params, code, pattern] of cases) {
    const { data, message } = await client.refusal(method, params);
    assert.equal(data.code, code);
    assert.match(message, pattern);
  }
});

test('[W-4] a batch of 65 is refused as a whole', async (t) => {
  const open = await openDoors(t);
  const client = await connect(t, open);
  const put = { jsonrpc: '2.0', id: 1, method: 'kv.put', params: { key: 'a', value: '1' } };
  client.send(Array(65).fill(put));
  const { error } = await client.answer(null);
  assert.equal(error?.data.code, 'invalid_request');
  assert.match(error?.message ?? '', /at most 64.*65/);
  await client.roundTrip();
  assert.equal(open.store.revision, 1);
});

test('[W-23] an empty key, an oversize key, value and put are refused; the largest are taken', async (t) => {
  const client = await connect(t, await openDoors(t));
  const { keyBytesMax, requestBytesMax } = limits;
  const refused = async (method: string, params: object) => {
    const { data, message } = await client.refusal(method, params);
    return `${data.code}: ${message}`;
  };
  const longKey = 'k'.repeat(keyBytesMax + 1);
  assert.match(
    await refused('kv.put', { key: '', value: '' }),
    /^empty_key: etcdserver: key is not/,
  );
  assert.match(
    await refused('kv.put', { key: longKey, value: '' }),
    /^request_too_large: params\.key has 65537 bytes; a key may have 65536/,
  );
  assert.match(await refused('kv.range', { prefix: longKey }), /request_too_large: params\.prefix/);
  assert.match(await refused('watch.create', { key: 'a', rangeEnd: longKey }), /params\.rangeEnd/);
  const value = 'v'.repeat(requestBytesMax);
  assert.match(await refused('kv.put', { key: 'k', value }), /have 1572865 bytes; .* 1572864/);
  await client.call('kv.put', { key: 'k'.repeat(keyBytesMax), value: '' });
  await client.call('kv.put', { key: 'k', value: value.slice(1) });
  await client.call('kv.put', { key: 'k', value: 'ü'.repeat(requestBytesMax / 2 - 1) });
});

test('[W-9] a text frame of 100 MB closes the connection with 1009, and is not kept', async (t) => {
  const open = await openDoors(t);
  const client = await connect(t, open);
  client.socket.send('x'.repeat(100_000_000));
  assert.equal((await client.closed).code, 1009);
  await (await connect(t, open)).roundTrip();
});

test('[W-1] a binary frame closes the connection with 1003 and the reason', async (t) => {
  const client = await connect(t, await openDoors(t));
  client.socket.send(Buffer.from('{}'));
  assert.deepEqual(await client.closed, {
    code: 1003,
    reason: 'frames are JSON text, not binary',
  });
});

test('[W-1] a client may offer no subprotocol, but not only others', async (t) => {
  const open = await openDoors(t);
  await (await connect(t, open, { protocols: [] })).roundTrip();
  const both = await connect(t, open, { protocols: ['lockstep.v2', 'lockstep.v1'] });
  assert.equal(both.socket.protocol, 'lockstep.v1');
  await assert.rejects(
    connect(t, open, { protocols: ['lockstep.v2'] }),
    /HTTP 400: .*speaks the subprotocol lockstep\.v1.*lockstep\.v2/,
  );
});

test('[W-2] a param of the future is refused by name, so a client knows what it deals with', async (t) => {
  const client = await connect(t, await openDoors(t));
  const { data, message } = await client.refusal('kv.put', { key: 'a', value: '', ttl: 5 });
  assert.equal(data.code, 'invalid_params');
  assert.match(message, /params\.ttl is not a parameter of kv\.put/);
});

test('[W-8] a client that never reads is bounded in memory and cut after a while', async (t) => {
  const open = await openDoors(t, { limits: { heartbeatMs: 40, stallMs: 400 } });
  const client = await connect(t, open);
  const value = 'x'.repeat(1_000_000);
  await client.call('kv.put', { key: 'a', value });
  client.socket.pause();
  for (let n = 0; n < 200; n++) client.request('kv.range', { key: 'a' });
  let most = 0;
  while (open.doors.counts().webSockets > 0) {
    most = Math.max(most, open.doors.counts().unsentBytes);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(most > 0 && most < 4_000_000, `${most} bytes waited`);
  assert.equal(open.doors.counts().unsentBytes, 0);
});

test('[W-8] a client that reads late gets every answer', async (t) => {
  const open = await openDoors(t);
  const client = await connect(t, open);
  await client.call('kv.put', { key: 'a', value: 'x'.repeat(1_000_000) });
  client.socket.pause();
  const ids = Array.from({ length: 40 }, () => client.request('kv.range', { key: 'a' }));
  while (open.doors.counts().unsentBytes === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.socket.resume();
  for (const id of ids) assert.equal((await client.answer(id)).result.count, 1);
});

test('[W-11] a client that does not even answer pings is let go', async (t) => {
  const open = await openDoors(t, { limits: { heartbeatMs: 20, silenceMs: 100 } });
  const socket = await tcp(t, open);
  socket.write(
    [
      'GET /v1/ws HTTP/1.1',
      'host: localhost',
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
      '\r\n',
    ].join('\r\n'),
  );
  const answering = await connect(t, open);
  const text = await textUntilClosed(socket);
  assert.match(text, /^HTTP\/1\.1 101/);
  assert.match(text, /nothing was heard from this client, not even a pong/);
  await answering.roundTrip();
});

test('[W-12] a connection that says nothing is closed without a word, one that stops half way is told so', async (t) => {
  const open = await openDoors(t, { limits: { firstRequestMs: 50, heartbeatMs: 40 } });
  const silent = textUntilClosed(await tcp(t, open));
  const half = await tcp(t, open);
  half.write('GET /version HT');
  assert.match(await textUntilClosed(half), /no complete request came in time/);
  assert.equal(await silent, '');
});

test('what is no HTTP is told so', async (t) => {
  const socket = await tcp(t, await openDoors(t));
  socket.write('\x16\x03\x01 hello\r\n\r\n');
  assert.match(
    await textUntilClosed(socket),
    /HTTP\/1\.1 400 .*this is not an HTTP\/1\.1 request/s,
  );
});

test('connections beyond the bound are closed at once', async (t) => {
  const open = await openDoors(t, { limits: { connectionsMax: 1 } });
  await connect(t, open);
  assert.equal(await textUntilClosed(await tcp(t, open)), '');
});

test('[W-55] malformed JSON over HTTP is a parse_error with the position', async (t) => {
  const { status, json } = await http(await openDoors(t), '/v1/kv.put', {
    method: 'POST',
    body: '{"key":"a"',
  });
  assert.equal(status, 400);
  assert.equal(json.error.data.code, 'parse_error');
  assert.match(json.error.message, /position 10/);
});

test('[W-55] a body beyond its bound is refused with 413', async (t) => {
  const open = await openDoors(t);
  const cases: [string, string, number][] = [
    ['PUT', '/v1/kv/a', limits.requestBytesMax + 1],
    ['PUT', '/v1/kv/a', limits.requestBytesMax],
    ['POST', '/v1/kv.put', limits.frameBytesMax + 1],
  ];
  for (const [method, path, bytes] of cases) {
    const { status, json } = await http(open, path, { method, body: 'x'.repeat(bytes) });
    assert.deepEqual([status, json.error.data.code], [413, 'request_too_large']);
  }
  assert.equal(open.store.revision, 1);
});

test('[W-55] a body of 100 MB is refused before it is sent, if the client asks first', async (t) => {
  const socket = await tcp(t, await openDoors(t));
  socket.write(
    'PUT /v1/kv/a HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 100000000\r\n\r\n',
  );
  assert.match(await textUntilClosed(socket), /^HTTP\/1\.1 413 /);
});

test('a port in use is an error that says what to do', async (t) => {
  const { doors } = await openDoors(t);
  const service = createService({ store: new MemoryStore(), version: '0' });
  await assert.rejects(startDoors({ service, listen: doors.address }), {
    message: `${doors.address} is in use: another process listens there, perhaps another member; stop it or choose another with --listen`,
  });
});

test('an address that is none is refused with one that would be', async () => {
  const service = createService({ store: new MemoryStore(), version: '0' });
  for (const listen of ['2379', ':2379', '127.0.0.1', '::1:2379', '127.0.0.1:99999']) {
    await assert.rejects(startDoors({ service, listen }), /is no address; .*127\.0\.0\.1:2379/);
  }
  await assert.rejects(
    startDoors({ service, listen: '192.0.2.1:0' }),
    /not an address of this machine/,
  );
});
