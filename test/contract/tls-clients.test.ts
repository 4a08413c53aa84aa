import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client } from '@lockstep/client';
import { RangeRequestSchema, RangeResponseSchema } from '../../server/src/api/etcd/gen/rpc_pb.ts';
import type { TlsIdentityOptions } from '../../server/src/io/tls-identity.ts';
import { inDays, type Kept, openIdentity, TestAuthority } from '../harness/certificates.ts';
import { type OpenDoors, openDoors } from '../harness/doors.ts';
import { handshake, https, https2, plaintext } from '../harness/tls-calls.ts';

interface Scene extends OpenDoors {
  readonly authority: TestAuthority;
  readonly server: Kept;
  readonly refused: string[];
  readonly port: number;
  readonly reloaded: string[];
  readonly warned: string[];
}

/** Doors that speak TLS; with a certificate of a client only, unless told otherwise. */
async function secureDoors(
  t: TestContext,
  options: Partial<TlsIdentityOptions> | 'anyone' = {},
  limits: { firstRequestMs?: number; handshakesMax?: number } = {},
): Promise<Scene> {
  const authority = new TestAuthority(t);
  const server = authority.issue('server', { usages: ['server'] });
  const asking = options === 'anyone' ? {} : { caFile: authority.caFile, ...options };
  const { identity, reloaded, warned } = await openIdentity(server, asking);
  const refused: string[] = [];
  const tls = { source: identity, refused: (reason: string) => refused.push(reason) };
  const open = await openDoors(t, { tls, limits });
  return { ...open, authority, server, refused, reloaded, warned, port: open.doors.port };
}

function clientOf({ authority }: Scene, name = 'client', options = {}) {
  const { cert, key } = authority.issue(name, { usages: ['client'], hosts: [], ...options });
  return { ca: authority.ca, cert, key };
}

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    return `${code} ${message}`;
  }
  return assert.fail('it was let in');
}

const grpc = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test('one port serves HTTP/1.1, HTTP/2, WebSocket and gRPC over TLS', async (t) => {
  const scene = await secureDoors(t);
  const { port } = scene;
  const tls = clientOf(scene);
  await using client = new Client({ endpoints: `127.0.0.1:${port}`, tls });
  await client.put('a', '1');
  assert.deepEqual(await https(port, '/v1/kv/a', tls), { status: 200, text: '1' });
  const plain = await https2(port, { ':path': '/v1/kv/a' }, tls);
  assert.deepEqual([plain.status, plain.text], [200, '1']);
  const request = create(RangeRequestSchema, { key: Buffer.from('a') });
  const called = await https2(
    port,
    { ...grpc, ':path': '/etcdserverpb.KV/Range' },
    tls,
    framed(toBinary(RangeRequestSchema, request)),
  );
  assert.equal(called.trailers['grpc-status'], '0');
  const answer = fromBinary(RangeResponseSchema, called.bytes.subarray(5));
  assert.equal(Buffer.from(answer.kvs[0]?.value ?? '').toString(), '1');
});

test('without an authority of clients, no certificate is asked for', async (t) => {
  const { port, authority } = await secureDoors(t, 'anyone');
  assert.equal((await https(port, '/version', { ca: authority.ca })).status, 200);
});

test('the first bytes decide where TLS has agreed on no protocol', async (t) => {
  const { port, authority } = await secureDoors(t, 'anyone');
  const socket = await handshake(port, { ca: authority.ca });
  assert.equal(socket.alpnProtocol, false);
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const [first] = await once(socket, 'data');
  assert.equal(first[3], 4, 'a SETTINGS frame');
  socket.destroy();
});

test('a client without a certificate is refused, on every door', async (t) => {
  const scene = await secureDoors(t);
  const { port, authority, refused } = scene;
  const tls = { ca: authority.ca };
  assert.match(await failure(https(port, '/version', tls)), /CERTIFICATE_REQUIRED|ECONNRESET/);
  await failure(https2(port, { ':path': '/version' }, tls));
  const client = new Client({ endpoints: `127.0.0.1:${port}`, tls, callTimeoutMs: 500 });
  assert.match(await failure(client.get('a')), /it wants a certificate of this client/);
  await client.close();
  assert.ok(refused.length >= 3);
  for (const reason of refused) assert.match(reason, /127\.0\.0\.1: it showed no certificate/);
});

for (const [what, made, reason] of [
  ['an expired certificate', { validFrom: inDays(-9), validTo: inDays(-1) }, /has expired/],
  ['a certificate of the future', { validFrom: inDays(1) }, /not valid yet/],
  ['a certificate that is for servers only', { usages: ['server'] as const }, /not meant for/],
] as const) {
  test(`${what} does not let a client in`, async (t) => {
    const scene = await secureDoors(t);
    await failure(https(scene.port, '/version', clientOf(scene, 'bad', made)));
    assert.match(scene.refused.join(), reason);
  });
}

test('a certificate of another authority does not let a client in', async (t) => {
  const scene = await secureDoors(t);
  const stranger = new TestAuthority(t).issue('stranger', { usages: ['client'] });
  const tls = { ca: scene.authority.ca, cert: stranger.cert, key: stranger.key };
  await failure(https(scene.port, '/version', tls));
  assert.match(scene.refused.join(), /no authority that is trusted here/);
});

test('a certificate that was taken back does not let a client in, from the next handshake on', async (t) => {
  const authority = new TestAuthority(t);
  const server = authority.issue('server', { usages: ['server'] });
  const [kept, lost] = ['kept', 'lost'].map((name) => authority.issue(name));
  assert.ok(kept && lost);
  const crlFile = authority.revoke();
  const asking = { caFile: authority.caFile, crlFile };
  const { identity } = await openIdentity(server, asking);
  const refused: string[] = [];
  const tls = { source: identity, refused: (reason: string) => refused.push(reason) };
  const { doors } = await openDoors(t, { tls });
  const ask = ({ cert, key }: Kept) =>
    https(doors.port, '/version', { ca: authority.ca, cert, key });
  assert.equal((await ask(lost)).status, 200);
  authority.revoke(lost);
  await failure(ask(lost));
  assert.match(refused.join(), /its certificate was revoked/);
  assert.equal((await ask(kept)).status, 200);
});

test('of verified clients only those are let in whose name is allowed', async (t) => {
  const cn = await secureDoors(t, { allowedNames: { kind: 'cn', names: ['alice', 'bob'] } });
  assert.equal((await https(cn.port, '/version', clientOf(cn, 'bob'))).status, 200);
  await failure(https(cn.port, '/version', clientOf(cn, 'mallory')));
  assert.match(cn.refused.join(), /its certificate is of "mallory", allowed is alice, bob/);
  const names = ['10.1.2.3', 'a.b.example'];
  const host = await secureDoors(t, { allowedNames: { kind: 'hostname', names } });
  for (const hosts of [['10.1.2.3'], ['*.b.example']]) {
    assert.equal((await https(host.port, '/version', clientOf(host, 'x', { hosts }))).status, 200);
  }
  // The common name is no name of a host.
  await failure(https(host.port, '/version', clientOf(host, 'a.b.example', { hosts: ['b.test'] })));
  assert.match(host.refused.join(), /is for DNS:b\.test, allowed is 10\.1\.2\.3, a\.b\.example/);
});

test('the client refuses a member with an unknown authority, an expired certificate, another name', async (t) => {
  const scene = await secureDoors(t, 'anyone');
  const said = async (endpoints: string, tls = {}): Promise<string> => {
    const client = new Client({ endpoints, tls, callTimeoutMs: 300 });
    const reason = await failure(client.get('a'));
    await client.close();
    return reason;
  };
  const at = `127.0.0.1:${scene.port}`;
  assert.match(await said(at), /no authority that is trusted here/);
  const { ca } = scene.authority;
  assert.match(await said(at, { ca, serverName: 'other' }), /is for another name.*localhost/);
  scene.authority.issue('server', { validFrom: inDays(-9), validTo: inDays(-1) });
  assert.match(await said(at, { ca }), /its certificate has expired/);
});

test('TLS 1.1 is refused, and 1.2 where 1.3 is the least', async (t) => {
  const { port, authority, refused } = await secureDoors(t, 'anyone');
  const old = { ca: authority.ca, ciphers: 'DEFAULT@SECLEVEL=0' };
  const tls11 = { ...old, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' } as const;
  assert.match(await failure(handshake(port, tls11)), /PROTOCOL_VERSION|protocol version/i);
  assert.match(refused.join(), /a version of TLS that is not allowed/);
  (await handshake(port, { ...old, maxVersion: 'TLSv1.2' })).destroy();
  const strict = await secureDoors(t, { minVersion: 'TLSv1.3', caFile: undefined });
  const tls12 = { ca: strict.authority.ca, maxVersion: 'TLSv1.2' } as const;
  assert.match(await failure(handshake(strict.port, tls12)), /PROTOCOL_VERSION|protocol version/i);
});

test('plaintext on a port of TLS is told so, as far as it could understand', async (t) => {
  const { port, refused, url } = await secureDoors(t);
  for (const hello of ['GET / HTTP/1.1\r\nhost: a\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']) {
    const answer = await plaintext(port, hello);
    assert.match(answer, /^HTTP\/1\.1 400 .*this port speaks TLS: write https:\/\//s);
  }
  assert.equal(await plaintext(port, Buffer.from([0, 1, 2, 3])), '');
  assert.deepEqual(
    new Set(refused),
    new Set(['refused a client from 127.0.0.1: it does not speak TLS']),
  );
  const client = new Client({ endpoints: url, callTimeoutMs: 300 });
  assert.match(await failure(client.get('a')), /if it speaks TLS, write https/);
  await client.close();
});

test('TLS on a port of plaintext is told so by the client', async (t) => {
  const { doors } = await openDoors(t);
  const client = new Client({ endpoints: `https://${doors.address}`, callTimeoutMs: 300 });
  assert.match(await failure(client.get('a')), /it does not speak TLS: write http/);
  await client.close();
});

test('handshakes that do not begin, stand still or come by bytes are cut in time', async (t) => {
  const { port } = await secureDoors(t, {}, { firstRequestMs: 150 });
  const silent = connectTcp(port, '127.0.0.1');
  const half = connectTcp(port, '127.0.0.1');
  half.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1]));
  await Promise.all([silent, half].map((socket) => once(socket.resume(), 'close')));
});

test('handshakes beyond the bound are turned away, and those that are through do not count', async (t) => {
  const scene = await secureDoors(t, {}, { handshakesMax: 1 });
  const tls = clientOf(scene);
  const first = await handshake(scene.port, tls);
  first.write('GET /version HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  // Answered, so it is through on the other side as well.
  await once(first, 'data');
  const waiting = connectTcp(scene.port, '127.0.0.1');
  await once(waiting, 'connect');
  // Connections are accepted in their order: this one is the second in its handshake.
  const beyond = connectTcp(scene.port, '127.0.0.1');
  beyond.on('error', () => {});
  waiting.resume();
  await once(beyond.resume(), 'close');
  assert.ok(!waiting.destroyed, 'who came before is not cut for it');
  waiting.destroy();
  first.destroy();
});

test('the doors stop while handshakes are under way', async (t) => {
  const { port, doors } = await secureDoors(t, {}, { firstRequestMs: 60_000 });
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const closed = once(socket.resume(), 'close');
  await doors.stop();
  await closed;
});

test('new files are in use at the next handshake, and connections that are there go on', async (t) => {
  const scene = await secureDoors(t);
  const { port, authority, reloaded } = scene;
  const tls = clientOf(scene);
  const subject = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;
  const before = await handshake(port, tls);
  assert.equal(subject(before), 'server');
  const renewed = authority.issue('renewed');
  authority.file('server.pem', renewed.cert);
  authority.file('server-key.pem', renewed.key);
  const after = await handshake(port, tls);
  assert.equal(subject(after), 'renewed');
  assert.match(reloaded.join(), /new connections use the certificate/);
  before.write('GET /version HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  assert.match(String((await once(before, 'data'))[0]), /^HTTP\/1\.1 200/);
  for (const socket of [before, after]) socket.destroy();
});

test('files of no use leave the certificate in place and are told of once', async (t) => {
  const scene = await secureDoors(t);
  const { port, authority, warned } = scene;
  const tls = clientOf(scene);
  // The state between two files that are replaced one after the other.
  const renewed = authority.issue('renewed');
  authority.file('server.pem', renewed.cert);
  for (let count = 0; count < 3; count++) (await handshake(port, tls)).destroy();
  assert.equal(warned.length, 1);
  assert.match(warned[0] ?? '', /the certificate in use stays.*is not that of the certificate/);
  authority.file('server-key.pem', renewed.key);
  const socket = await handshake(port, tls);
  assert.equal(socket.getPeerCertificate().subject.CN, 'renewed');
  socket.destroy();
});
