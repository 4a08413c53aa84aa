import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openIdentity, TestAuthority } from '../harness/certificates.ts';
import { lockstep } from '../harness/command.ts';
import { openDoors } from '../harness/doors.ts';

test('the command takes files for TLS from options, its own variables and those of etcdctl, in this order', async (t) => {
  const authority = new TestAuthority(t);
  const { identity } = await openIdentity(authority.issue('server'), { caFile: authority.caFile });
  const { doors } = await openDoors(t, { tls: { source: identity } });
  const client = authority.issue('client');
  const put = ['put', 'a', '1', '--timeout', '3s', '--endpoints', doors.address];
  const files = { cacert: authority.caFile, cert: client.certFile, key: client.keyFile };
  const flags = Object.entries(files).flatMap(([name, file]) => [`--${name}`, file]);
  const variables = (begin: string, of: Record<string, string> = files) =>
    Object.fromEntries(
      Object.entries(of).map(([name, file]) => [`${begin}_${name.toUpperCase()}`, file]),
    );
  const nowhere = { cacert: '/nowhere', cert: '/nowhere', key: '/nowhere' };
  for (const [args, env] of [
    [[...put, ...flags], variables('LOCKSTEP', nowhere)],
    [put, { ...variables('LOCKSTEP'), ...variables('ETCDCTL', nowhere) }],
    [put, variables('ETCDCTL')],
  ] as const) {
    const { exitCode, stderr } = await lockstep(args, { env });
    assert.equal(exitCode, 0, stderr);
  }
  const said = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stderr } = await lockstep([...put, ...args]);
    assert.notEqual(exitCode, 0);
    return stderr;
  };
  assert.match(await said('--cert', client.certFile), /--cert needs --key/);
  assert.match(await said('--key', client.keyFile), /--key needs --cert/);
  assert.match(await said('--cacert', '/nowhere'), /cannot read \/nowhere \(--cacert\): ENOENT/);
  const plain = `http://${doors.address}`;
  assert.match(await said(...flags, '--endpoints', plain), /is plaintext, and TLS is asked for/);
});
