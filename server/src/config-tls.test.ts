import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, type RawConfig, rawFromEnvironment, resolveConfig } from './config.ts';

function problemsOf(raw: RawConfig): readonly string[] {
  try {
    resolveConfig(raw);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return assert.fail('it was accepted');
}

const pair = { certFile: 's.pem', keyFile: 's-key.pem' };
const peer = { peerCertFile: 'p.pem', peerKeyFile: 'p-key.pem', peerTrustedCaFile: 'ca.pem' };

test('without a certificate both doors speak plaintext', () => {
  const config = resolveConfig({});
  assert.deepEqual([config.clientTls, config.peerTls], [undefined, undefined]);
});

test('each door has files and names of its own, and both the same versions', () => {
  const config = resolveConfig({
    ...{ ...pair, ...peer, trustedCaFile: 'clients.pem', clientCertAuth: 'true' },
    ...{ clientCertAllowedHostname: 'a.example, 10.0.0.1', peerCertAllowedCn: ['member'] },
    ...{ peerCrlFile: 'crl.pem', tlsMinVersion: 'TLS1.3' },
  });
  const versions = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' };
  assert.deepEqual(config.clientTls, {
    ...{ ...pair, caFile: 'clients.pem', crlFile: undefined, ...versions },
    allowedNames: { kind: 'hostname', names: ['a.example', '10.0.0.1'] },
  });
  assert.deepEqual(config.peerTls, {
    ...{ certFile: 'p.pem', keyFile: 'p-key.pem', caFile: 'ca.pem', crlFile: 'crl.pem' },
    ...{ ...versions, allowedNames: { kind: 'cn', names: ['member'] } },
  });
});

test('variables have the names of the flags', () => {
  const raw = rawFromEnvironment({ LOCKSTEP_CERT_FILE: 'c', LOCKSTEP_PEER_TRUSTED_CA_FILE: 'p' });
  assert.deepEqual(raw, { certFile: 'c', peerTrustedCaFile: 'p' });
});

for (const [raw, problem] of [
  [{ certFile: 'c' }, /^--cert-file needs --key-file beside it$/],
  [{ keyFile: 'k' }, /^--key-file needs --cert-file beside it$/],
  [
    { trustedCaFile: 'ca' },
    /^--trusted-ca-file means TLS, which needs --cert-file and --key-file$/,
  ],
  [{ clientCertAuth: true }, /^--client-cert-auth means TLS/],
  [{ ...pair, clientCertAuth: true }, /^--client-cert-auth needs --trusted-ca-file/],
  [{ ...pair, trustedCaFile: 'ca', clientCertAuth: false }, /^--trusted-ca-file is what/],
  [{ ...pair, clientCertAllowedCn: 'a' }, /^--client-cert-allowed-cn needs --trusted-ca-file/],
  [{ ...pair, clientCrlFile: 'a' }, /^--client-crl-file needs --trusted-ca-file/],
  [
    { ...peer, peerCertAllowedCn: 'a', peerCertAllowedHostname: 'b' },
    /^--peer-cert-allowed-cn and --peer-cert-allowed-hostname exclude each other/,
  ],
  [{ peerCertFile: 'c', peerKeyFile: 'k' }, /^--peer-cert-file needs --peer-trusted-ca-file/],
  [{ ...peer, peerClientCertAuth: 'false' }, /^--peer-client-cert-auth is false: members always/],
  [{ ...pair, tlsMinVersion: 'TLS1.1' }, /^--tls-min-version must be TLS1\.2 or TLS1\.3/],
  [{ ...pair, tlsMinVersion: 'TLS1.3', tlsMaxVersion: 'TLS1.2' }, /no version is left$/],
  [{ ...pair, clientCertAuth: 'yes' }, /^--client-cert-auth must be true or false/],
] as const) {
  test(`${JSON.stringify(raw)} cannot work, and is told so`, () => {
    const [first = '', ...more] = problemsOf(raw);
    assert.match(first, problem);
    assert.deepEqual(more, []);
  });
}
