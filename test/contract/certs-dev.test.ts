import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lockstep } from '../harness/command.ts';

function place(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'lockstep-certs-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return join(made, "it's here");
}

test('certs dev makes an authority and three certificates it has signed, each for its purpose', async (t) => {
  const dir = place(t);
  const hosts = 'localhost,127.0.0.1,::1,fe80::1:2,*.fleet.example';
  const { exitCode, stdout, stderr } = await lockstep([
    'certs',
    'dev',
    '--dir',
    dir,
    '--hosts',
    hosts,
  ]);
  assert.equal(exitCode, 0, stderr);
  const read = (name: string): X509Certificate =>
    new X509Certificate(readFileSync(join(dir, `${name}.pem`)));
  const ca = read('ca');
  assert.ok(ca.ca);
  const [server, client] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];
  for (const [name, usages] of [
    ['server', [server]],
    ['peer', [server, client]],
    ['client', [client]],
  ] as const) {
    const made = read(name);
    assert.ok(made.checkIssued(ca) && made.verify(ca.publicKey), name);
    assert.ok(!made.ca, name);
    assert.deepEqual(made.keyUsage, usages);
    const key = createPrivateKey(readFileSync(join(dir, `${name}-key.pem`)));
    assert.ok(made.checkPrivateKey(key), name);
    assert.equal(key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.ok(Date.parse(made.validFrom) < Date.now() && Date.parse(made.validTo) > Date.now());
  }
  for (const name of ['server', 'peer']) {
    const made = read(name);
    for (const address of ['127.0.0.1', '::1', 'fe80::1:2']) assert.ok(made.checkIP(address));
    for (const host of ['localhost', 'a.fleet.example']) assert.ok(made.checkHost(host));
    assert.equal(made.checkHost('other.example'), undefined);
  }
  assert.equal(read('client').subject, 'CN=client');
  // The quotes are those of a shell, for the quote in the directory's name.
  assert.ok(stdout.toString().includes(`'${dir.replaceAll("'", "'\\''")}/server.pem'`));
});

test('only the owner can read the private keys, and no two certificates have one number', async (t) => {
  const dir = place(t);
  await lockstep(['certs', 'dev', '--dir', dir]);
  const files = readdirSync(dir);
  assert.equal(files.length, 8);
  for (const file of files) {
    const mode = statSync(join(dir, file)).mode & 0o777;
    assert.equal(mode & 0o077, file.endsWith('-key.pem') ? 0 : mode & 0o077, file);
  }
  const numbers = files
    .filter((file) => !file.endsWith('-key.pem'))
    .map((file) => new X509Certificate(readFileSync(join(dir, file))).serialNumber);
  assert.equal(new Set(numbers).size, 4);
});

test('certs dev overwrites nothing, and then writes nothing', async (t) => {
  const dir = place(t);
  await lockstep(['certs', 'dev', '--dir', dir]);
  for (const file of readdirSync(dir)) if (file !== 'peer-key.pem') rmSync(join(dir, file));
  writeFileSync(join(dir, 'peer-key.pem'), 'precious');
  const { exitCode, stderr } = await lockstep(['certs', 'dev', '--dir', dir]);
  assert.equal(exitCode, 1);
  assert.match(
    stderr,
    /has peer-key\.pem already, and nothing is overwritten: choose another --dir/,
  );
  assert.deepEqual(readdirSync(dir), ['peer-key.pem']);
  assert.equal(readFileSync(join(dir, 'peer-key.pem'), 'utf8'), 'precious');
});

for (const [flags, said] of [
  [['--hosts', 'a.example:2379'], /--hosts has "a\.example:2379".*ports and schemes do not belong/],
  [['--hosts', ' ,'], /--hosts names no host/],
  [['--client', ''], /--client must have 1 to 64 characters/],
] as const) {
  test(`certs dev ${flags.join(' ')} is refused with what would be right`, async (t) => {
    const { exitCode, stderr } = await lockstep(['certs', 'dev', '--dir', place(t), ...flags]);
    assert.equal(exitCode, 1);
    assert.match(stderr, said);
  });
}
