import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { commonNameOf } from '../../server/src/tls/certificate-names.ts';
import { TestAuthority } from '../harness/certificates.ts';

/** The server's end of a connection of a client that shows this certificate, or none. */
async function serverEnd(
  t: TestContext,
  authority: TestAuthority,
  shown: { readonly cert?: string; readonly key?: string },
): Promise<TLSSocket> {
  const { cert, key } = authority.issue('server');
  const ca = authority.ca;
  const asking = { requestCert: true, rejectUnauthorized: false };
  const server = createServer({ cert, key, ca, ...asking });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, ca, ...shown });
  t.after(() => {
    client.destroy();
    server.close();
  });
  const [socket] = await once(server, 'secureConnection');
  return socket;
}

test('the common name of a client is that of its certificate, if that was verified', async (t) => {
  const authority = new TestAuthority(t);
  const alice = authority.issue('alice', { usages: ['client'] });
  const verified = await serverEnd(t, authority, { cert: alice.cert, key: alice.key });
  assert.equal(commonNameOf(verified), 'alice');
  assert.equal(commonNameOf(verified), 'alice', 'also when it is asked again');
  const forged = new TestAuthority(t).issue('alice', { usages: ['client'] });
  const unverified = await serverEnd(t, authority, { cert: forged.cert, key: forged.key });
  assert.equal(commonNameOf(unverified), undefined);
  assert.equal(commonNameOf(await serverEnd(t, authority, {})), undefined);
});
