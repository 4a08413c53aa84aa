import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Health } from '../../server/src/api/etcd/gen/health_pb.ts';
import { KV, Watch } from '../../server/src/api/etcd/gen/rpc_pb.ts';
import { openPort } from '../../server/src/api/listen.ts';
import { openDoors } from '../harness/doors.ts';
import { GrpcClient } from '../harness/grpc-client.ts';

/** A connection of Node's own HTTP/2, for what a well-behaved client of gRPC does not send. */
function plainSession(t: TestContext, address: string): ClientHttp2Session {
  const session = connect(`http://${address}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  return session;
}

function grpcClient(t: TestContext, address: string): GrpcClient {
  const client = new GrpcClient(address);
  t.after(() => client.close());
  return client;
}

interface RawCall {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** A call made of whatever bytes. */
async function rawCall(session: ClientHttp2Session, { path, headers, body }: RawCall) {
  const stream = session.request({
    ':method': 'POST',
    ':path': path ?? '/etcdserverpb.KV/Put',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  let status: Record<string, unknown> = {};
  for (const event of ['response', 'trailers'] as const) {
    stream.on(event, (told: Record<string, unknown>) => {
      status = { ...status, ...told };
    });
  }
  stream.on('error', () => {});
  stream.resume();
  stream.end(body ?? Buffer.alloc(0));
  await once(stream, 'close');
  return { code: Number(status['grpc-status']), message: String(status['grpc-message'] ?? '') };
}

/** A prefix of gRPC before some bytes. */
function message(bytes: Buffer, { flag = 0, length = bytes.length } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, bytes]);
}

const putOfA = Buffer.from([0x0a, 1, 0x61]);

test('what nobody offers is unimplemented, in the words that clients know', async (t) => {
  const { doors } = await openDoors(t);
  const session = plainSession(t, doors.address);
  const path = (name: string) => rawCall(session, { path: name });
  assert.deepEqual(await path('/etcdserverpb.KV/Nothing'), {
    code: 12,
    message: 'unknown method Nothing for service etcdserverpb.KV',
  });
  assert.deepEqual(await path('/some.Service/Call'), {
    code: 12,
    message: 'unknown service some.Service',
  });
});

test('a message is read whole, however it is cut, and what is no message has its status', async (t) => {
  const { doors, store } = await openDoors(t);
  const session = plainSession(t, doors.address);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/etcdserverpb.KV/Put',
    'content-type': 'application/grpc+proto',
  });
  for (const byte of message(putOfA)) stream.write(Buffer.from([byte]));
  stream.end();
  stream.resume();
  const [trailers] = await once(stream, 'trailers');
  assert.equal(trailers['grpc-status'], '0');
  assert.equal(store.revision, 2);

  const cases: readonly [string, Buffer, number, RegExp][] = [
    ['no message', Buffer.alloc(0), 13, /none came whole/],
    ['half a prefix', Buffer.from([0, 0, 0]), 13, /none came whole/],
    ['half a message', message(putOfA, { length: 9 }), 13, /none came whole/],
    ['two messages', Buffer.concat([message(putOfA), message(putOfA)]), 13, /more came/],
    ['compressed', message(putOfA, { flag: 1 }), 12, /compressed messages are not taken/],
    ['no protobuf', message(Buffer.from([0x0a, 0x7f, 0x61])), 13, /error unmarshalling request/],
    ['field 0', message(Buffer.from([0x00, 0x01])), 13, /error unmarshalling request/],
    [
      'too large',
      message(Buffer.alloc(10), { length: 2 ** 31 }),
      8,
      /^grpc: received message larger than max \(2147483648 vs. 2097152\)$/,
    ],
  ];
  for (const [name, body, code, sentence] of cases) {
    const end = await rawCall(session, { body });
    assert.equal(end.code, code, name);
    assert.match(decodeURIComponent(end.message), sentence, name);
  }
  assert.equal(store.revision, 2, 'nothing of it was run');
});

test('a deadline ends the call, and one that is malformed is refused', async (t) => {
  const { doors, store } = await openDoors(t);
  const client = grpcClient(t, doors.address);
  store.hold();
  const late = await client.call(
    KV.method.put,
    { key: Buffer.from('a') },
    { 'grpc-timeout': '5m' },
  );
  assert.deepEqual([late.code, late.message], [4, 'context deadline exceeded']);
  for (const timeout of ['5', 'm', '123456789m', '5x', '-1S']) {
    const { code, message } = await client.call(KV.method.put, {}, { 'grpc-timeout': timeout });
    assert.equal(code, 13, timeout);
    assert.match(message, /^malformed grpc-timeout/);
  }
  store.release();
  const whole = await client.call(
    KV.method.put,
    { key: Buffer.from('a') },
    { 'grpc-timeout': '99999999H' },
  );
  assert.equal(whole.code, 0);
});

test('errors of the store are those of etcd, code and sentence', async (t) => {
  const { doors, store } = await openDoors(t);
  const client = grpcClient(t, doors.address);
  const empty = await client.call(KV.method.put, {});
  assert.deepEqual([empty.code, empty.message], [3, 'etcdserver: key is not provided']);
  store.failure = new Error('a fault with a secret');
  const fault = await client.call(KV.method.put, { key: Buffer.from('a') });
  assert.deepEqual([fault.code, fault.message], [13, 'internal error']);
});

test('a client that asks for a leader is told at once that there is none', async (t) => {
  const { doors, store } = await openDoors(t);
  const client = grpcClient(t, doors.address);
  store.hasLeader = false;
  const range = { key: Buffer.from('a'), serializable: true };
  const told = await client.call(KV.method.range, range, { hasleader: 'true' });
  assert.deepEqual([told.code, told.message], [14, 'etcdserver: no leader']);
});

test('HTTP/2 without gRPC is served as HTTP/1.1 is', async (t) => {
  const { doors } = await openDoors(t);
  const session = plainSession(t, doors.address);
  const put = session.request({ ':method': 'PUT', ':path': '/v1/kv/a' });
  put.end('1');
  assert.equal((await once(put, 'response'))[0][':status'], 200);
  put.resume();
  const get = session.request({ ':path': '/v1/kv/a' });
  let text = '';
  get.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(get, 'end');
  assert.equal(text, '1');
  const foreign = session.request({ ':path': '/v1/kv/a', origin: 'http://evil.example' });
  assert.equal((await once(foreign, 'response'))[0][':status'], 403);
  foreign.resume();
});

test('the first bytes decide, one at a time if need be', async (t) => {
  const { doors } = await openDoors(t);
  const open = async (): Promise<Socket> => {
    const socket = connectSocket(doors.port, '127.0.0.1');
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    socket.setNoDelay(true);
    return socket;
  };
  const two = await open();
  for (const byte of Buffer.from(
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
    'latin1',
  )) {
    await new Promise<void>((resolve) => two.write(Buffer.from([byte]), () => resolve()));
  }
  const [settings] = (await once(two, 'data')) as [Buffer];
  assert.equal(settings[3], 4, 'a frame of settings');

  const almost = await open();
  almost.write('PRI * HTTP/1.1\r\n\r\n');
  const [answer] = (await once(almost, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 400 /);

  const cut = await open();
  cut.end('PRI * HT');
  await once(cut.resume(), 'close');
});

test('a connection that says nothing, or half a preface, is closed without a word', async (t) => {
  const { doors } = await openDoors(t, { limits: { firstRequestMs: 30 } });
  for (const first of ['', 'PRI * HTTP/2.0\r\n']) {
    const socket = connectSocket(doors.port, '127.0.0.1');
    t.after(() => socket.destroy());
    let said = '';
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    // A connection that was closed before its first bytes came is reset, which is as good.
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(first);
    await closed;
    assert.equal(said, '');
  }
});

test('whoever comes before the doors are open is answered when they are, by gRPC too', async (t) => {
  const port = await openPort('127.0.0.1:0');
  const client = grpcClient(t, port.address);
  const put = client.call(KV.method.put, { key: Buffer.from('a') });
  await once(port.server, 'connection');
  await openDoors(t, { listen: port });
  assert.equal((await put).code, 0);
});

test('pings that come too often end the connection, as at etcd', async (t) => {
  const { doors } = await openDoors(t);
  const session = plainSession(t, doors.address);
  await once(session, 'connect');
  const away = once(session, 'goaway');
  for (let ping = 0; ping < 5; ping++) session.ping(() => {});
  const [code, , data] = await away;
  assert.equal(code, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  assert.equal(Buffer.from(data).toString(), 'too_many_pings');
});

test('pings between answers are those of a client that measures its line, and are welcome', async (t) => {
  const { doors } = await openDoors(t);
  const session = plainSession(t, doors.address);
  for (let round = 0; round < 6; round++) {
    const key = message(putOfA);
    assert.equal((await rawCall(session, { body: key })).code, 0);
    await new Promise((resolve) => session.ping(resolve));
  }
  assert.equal(session.destroyed, false);
});

test('a connection that gives no sign of life is cut', async (t) => {
  const { doors } = await openDoors(t, { limits: { quietMs: 20, heartbeatMs: 20 } });
  const socket = connectSocket(doors.port, '127.0.0.1');
  t.after(() => socket.destroy());
  // The preface and empty settings, and then nothing: no answer to a ping either.
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
  await once(socket.resume(), 'close');

  const alive = plainSession(t, doors.address);
  const watch = grpcClient(t, doors.address).open(Watch.method.watch, () => {});
  const pinged = once(alive, 'ping');
  await pinged;
  await once(alive, 'ping');
  assert.equal(alive.destroyed, false, 'it answers pings');
  watch.cancel();
});

test('answers that a client does not take are bounded, and go on when it does', async (t) => {
  const { doors, store } = await openDoors(t);
  const client = grpcClient(t, doors.address);
  const large = Buffer.alloc(1024 * 1024, 'x');
  assert.equal((await client.call(KV.method.put, { key: Buffer.from('a'), value: large })).code, 0);
  const session = connect(`http://${doors.address}`, { settings: { initialWindowSize: 0 } });
  session.on('error', () => {});
  t.after(() => session.destroy());
  await once(session, 'remoteSettings');
  const before = store.calls;
  const streams = Array.from({ length: 8 }, () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/etcdserverpb.KV/Range',
      'content-type': 'application/grpc',
    });
    stream.on('error', () => {});
    stream.end(message(putOfA));
    return stream;
  });
  await Promise.all(streams.map((stream) => once(stream, 'response').catch(() => {})).slice(0, 1));
  assert.equal(store.calls, before + 8);
  assert.ok(doors.counts().unsentBytes < 3 * 1024 * 1024, `${doors.counts().unsentBytes}`);
  // Others are served meanwhile.
  const range = { key: Buffer.from('a'), countOnly: true };
  assert.equal((await client.call(KV.method.range, range)).code, 0);
  session.settings({ initialWindowSize: 1024 * 1024 });
  session.setLocalWindowSize(16 * 1024 * 1024);
  const sizes = await Promise.all(
    streams.map(async (stream) => {
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      await once(stream, 'close');
      return bytes;
    }),
  );
  assert.ok(sizes.every((bytes) => bytes > large.length));
  assert.equal(doors.counts().unsentBytes, 0);
});

test('a client that takes nothing of what waits for it is cut', async (t) => {
  const { doors } = await openDoors(t, { limits: { stallMs: 30, heartbeatMs: 20 } });
  const session = connect(`http://${doors.address}`, { settings: { initialWindowSize: 0 } });
  session.on('error', () => {});
  t.after(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/etcdserverpb.KV/Range',
    'content-type': 'application/grpc',
  });
  stream.on('error', () => {});
  stream.end(message(putOfA));
  await once(session, 'close');
  assert.equal(doors.counts().unsentBytes, 0);
});

test('a member that stops ends every call with a status', async (t) => {
  const { doors, store } = await openDoors(t);
  const client = grpcClient(t, doors.address);
  const watch = client.open(Watch.method.watch, () => {});
  assert.equal((await client.call(KV.method.put, { key: Buffer.from('a') })).code, 0);
  store.hold();
  const put = client.call(KV.method.put, { key: Buffer.from('b') });
  // Answered after the put has reached the store: one connection keeps its order.
  await client.call(Health.method.check, {});
  assert.equal(store.heldCalls, 1);
  await doors.stop();
  for (const call of [await put, await watch.done]) {
    assert.deepEqual([call.code, call.message], [14, 'etcdserver: server stopped']);
  }
});
