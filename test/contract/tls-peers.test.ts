import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client } from '@lockstep/client';
import { type RunningMember, startMember } from '@lockstep/server';
import {
  MemberListRequestSchema,
  MemberListResponseSchema,
} from '../../server/src/api/etcd/gen/rpc_pb.ts';
import {
  TcpPeerNetwork,
  type TcpPeerNetworkOptions,
} from '../../server/src/io/tcp-peer-network.ts';
import type { TlsIdentityOptions } from '../../server/src/io/tls-identity.ts';
import type { PeerLinkHandler } from '../../server/src/ports.ts';
import { inDays, type Kept, openIdentity, TestAuthority } from '../harness/certificates.ts';
import { https2 } from '../harness/tls-calls.ts';

interface Ends {
  readonly port: number;
  readonly refused: string[];
  /** What the accepting side has got. */
  readonly frames: Uint8Array[];
  /** Resolves with the first frame that arrives, or with why the dialed link ended. */
  dial(options: TcpPeerNetworkOptions): Promise<Uint8Array | string>;
}

/** A member that listens, and echoes whatever arrives. */
async function listening(t: TestContext, options: TcpPeerNetworkOptions): Promise<Ends> {
  const refused: string[] = [];
  const frames: Uint8Array[] = [];
  const server = new TcpPeerNetwork({ ...options, refused: (sentence) => refused.push(sentence) });
  t.after(() => server.close());
  server.accept((link) => ({
    ...quiet,
    frame: (frame) => {
      frames.push(frame);
      link.send(frame);
    },
  }));
  const { port } = await server.listen('127.0.0.1', 0);
  const dial = (dialing: TcpPeerNetworkOptions): Promise<Uint8Array | string> => {
    const network = new TcpPeerNetwork(dialing);
    t.after(() => network.close());
    return new Promise((resolve) => {
      const link = network.dial(`127.0.0.1:${port}`, {
        ...quiet,
        opened: () => link.send(Uint8Array.of(1, 2, 3)),
        frame: resolve,
        closed: resolve,
      });
    });
  };
  return { port, refused, frames, dial };
}

const quiet: PeerLinkHandler = {
  opened: () => {},
  frame: () => {},
  drained: () => {},
  closed: () => {},
};

async function tlsOf(
  authority: TestAuthority,
  kept: Kept,
  options: Partial<TlsIdentityOptions> = {},
): Promise<TcpPeerNetworkOptions> {
  const opened = await openIdentity(kept, { caFile: authority.caFile, ...options });
  return { tls: opened.identity };
}

test('members speak TLS with each other, and both are verified', async (t) => {
  const authority = new TestAuthority(t);
  const a = await listening(t, await tlsOf(authority, authority.issue('a')));
  const answer = await a.dial(await tlsOf(authority, authority.issue('b')));
  assert.deepEqual(answer, Uint8Array.of(1, 2, 3));
  assert.deepEqual(a.refused, []);
});

test('who dials is refused without a certificate of the same authority, and so is who speaks plaintext', async (t) => {
  const authority = new TestAuthority(t);
  const stranger = new TestAuthority(t);
  const a = await listening(t, await tlsOf(authority, authority.issue('a')));
  const dialed = async (kept: Kept): Promise<void> => {
    const answer = await a.dial(await tlsOf(authority, kept));
    assert.equal(typeof answer, 'string');
  };
  await dialed(stranger.issue('b'));
  assert.match(a.refused.join(), /refused a member.*: no authority that is trusted here/);
  await dialed(authority.issue('late', { validFrom: inDays(-9), validTo: inDays(-1) }));
  assert.match(a.refused.join(), /its certificate has expired/);
  // A certificate of a server alone, as that of the port for clients, makes no member.
  await dialed(authority.issue('server', { usages: ['server'] }));
  assert.match(a.refused.join(), /not meant for this side/);
  assert.equal(typeof (await a.dial({})), 'string');
  assert.match(a.refused.join(), /it does not speak TLS/);
  assert.deepEqual(a.frames, []);
});

test('who listens is refused with a certificate of another authority or for another address', async (t) => {
  const authority = new TestAuthority(t);
  const stranger = new TestAuthority(t);
  const own = await tlsOf(authority, authority.issue('b'));
  const foreign = await listening(t, await tlsOf(authority, stranger.issue('a')));
  assert.match(String(await foreign.dial(own)), /no authority that is trusted here/);
  const elsewhere = authority.issue('a', { hosts: ['10.0.0.9'] });
  const misplaced = await listening(t, await tlsOf(authority, elsewhere));
  assert.match(String(await misplaced.dial(own)), /is for another name.*10\.0\.0\.9/);
  assert.deepEqual([...foreign.frames, ...misplaced.frames], []);
});

test('of verified members only those with an allowed name are taken, on both ends', async (t) => {
  const authority = new TestAuthority(t);
  const allowed = { allowedNames: { kind: 'cn', names: ['member'] } } as const;
  const strict = await tlsOf(authority, authority.issue('member'), allowed);
  const client = await tlsOf(authority, authority.issue('client'));
  const a = await listening(t, strict);
  assert.deepEqual(await a.dial(strict), Uint8Array.of(1, 2, 3));
  assert.equal(typeof (await a.dial(client)), 'string');
  assert.match(a.refused.join(), /its certificate is of "client", allowed is member/);
  const other = await listening(t, client);
  assert.match(String(await other.dial(strict)), /is of "client", allowed is member/);
  assert.deepEqual(other.frames, []);
});

test('TLS on a port of plaintext is told so on both ends', async (t) => {
  const authority = new TestAuthority(t);
  const reasons: string[] = [];
  const server = new TcpPeerNetwork();
  t.after(() => server.close());
  const ended = new Promise<void>((resolve) => {
    server.accept(() => ({
      ...quiet,
      closed: (reason) => {
        reasons.push(reason);
        resolve();
      },
    }));
  });
  const { port } = await server.listen('127.0.0.1', 0);
  const network = new TcpPeerNetwork(await tlsOf(authority, authority.issue('b')));
  t.after(() => network.close());
  network.dial(`127.0.0.1:${port}`, quiet);
  await ended;
  assert.match(reasons.join(), /the other side speaks TLS to members, and this one does not/);
});

test('new files are in use without a restart, also for links that are dialed', async (t) => {
  const authority = new TestAuthority(t);
  const listener = authority.issue('a');
  const a = await listening(t, await tlsOf(authority, listener));
  const dialer = authority.issue('b');
  const b = await tlsOf(authority, dialer);
  assert.deepEqual(await a.dial(b), Uint8Array.of(1, 2, 3));
  authority.issue('b', { validFrom: inDays(-9), validTo: inDays(-1) });
  await b.tls?.refresh();
  assert.equal(typeof (await a.dial(b)), 'string');
  assert.match(a.refused.join(), /its certificate has expired/);
});

/** Three ports that are free at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.once('listening', () => {
            const bound = server.address();
            assert.ok(bound !== null && typeof bound === 'object');
            server.close(() => resolve(bound.port));
          });
        }),
    ),
  );
  return ports;
}

test('three members form a cluster over TLS, and their client learns them and stays with TLS', async (t) => {
  const authority = new TestAuthority(t);
  const kept = authority.issue('member');
  const { cert, key } = authority.issue('client', { usages: ['client'] });
  const names = ['a', 'b', 'c'];
  const ports = await freePorts(names.length);
  const initialCluster = names.map((name, at) => `${name}=127.0.0.1:${ports[at]}`);
  const root = mkdtempSync(join(tmpdir(), 'lockstep-tls-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const members: RunningMember[] = await Promise.all(
    names.map((name, at) =>
      startMember({
        ...{ name, initialCluster, dataDir: join(root, name), walSegmentBytes: 1024 * 1024 },
        ...{ listen: '127.0.0.1:0', peerListen: `127.0.0.1:${ports[at]}` },
        ...{ certFile: kept.certFile, keyFile: kept.keyFile, trustedCaFile: authority.caFile },
        ...{ peerCertFile: kept.certFile, peerKeyFile: kept.keyFile },
        ...{ peerTrustedCaFile: authority.caFile, peerCertAllowedCn: ['member'] },
      }),
    ),
  );
  t.after(() => Promise.all(members.map((member) => member.stop())));
  const [first] = members;
  assert.ok(first);
  const tls = { ca: authority.ca, cert, key };
  const options = { endpoints: first.clientAddress, tls, callTimeoutMs: 20_000 };
  await using early = new Client(options);
  await early.put('over', 'tls');
  // Each member registers its address by a log entry of its own.
  while ((await early.members()).some(({ clientAddress }) => clientAddress === ''));
  await using client = new Client(options);
  // It asks for the members as soon as it is connected; what is asked afterwards is answered afterwards.
  for (let count = 0; count < 2; count++) await client.get('over');
  const { port } = new URL(`https://${first.clientAddress}`);
  const empty = toBinary(MemberListRequestSchema, create(MemberListRequestSchema, {}));
  const headers = {
    ...{ ':method': 'POST', ':path': '/etcdserverpb.Cluster/MemberList' },
    ...{ 'content-type': 'application/grpc', te: 'trailers' },
  };
  const body = Buffer.concat([Buffer.from([0, 0, 0, 0, empty.length]), empty]);
  const { bytes } = await https2(Number(port), headers, tls, body);
  const listed = fromBinary(MemberListResponseSchema, bytes.subarray(5)).members;
  assert.deepEqual(
    new Set(listed.flatMap(({ clientURLs }) => clientURLs)),
    new Set(members.map(({ clientAddress }) => `https://${clientAddress}`)),
  );
  for (const { peerURLs } of listed) assert.match(peerURLs.join(), /^https:\/\//);
  // The one it was given is gone: only those it has learned can answer.
  await first.stop();
  assert.equal((await client.get('over'))?.value, 'tls');
});
