import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { lockstep, type Outcome, startLockstep } from '../harness/command.ts';
import { FakeMember } from '../harness/fake-member.ts';
import { assertEnds, assertPrints } from '../harness/outcomes.ts';

type Command = (...args: string[]) => Promise<Outcome>;

interface Started {
  readonly member: FakeMember;
  readonly env: Readonly<Record<string, string>>;
  readonly at: Command;
  /** `txn` with these lines as its input. */
  txn(rows: readonly string[], ...args: string[]): Promise<Outcome>;
}

async function start(t: TestContext): Promise<Started> {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  return {
    member,
    env,
    at: (...args) => lockstep(args, { env }),
    txn: (rows, ...args) => lockstep(['txn', ...args], { env, input: `${rows.join('\n')}\n` }),
  };
}

test('txn prints which branch was run, and each answer after an empty line, as etcdctl does', async (t) => {
  const { txn } = await start(t);
  const rows = [
    'mod("key1") > "0"',
    '',
    'put key1 "overwrote key1" --prev-kv',
    'get key1',
    'get nothing',
    'del key --prefix --prev-kv',
    '',
    'put key1 "created key1"',
    "put key2 'some extra key'",
    '',
  ];
  assertPrints(await txn(rows), 'FAILURE\n\nOK\n\nOK\n');
  assertPrints(
    await txn(rows),
    'SUCCESS\n\nOK\nkey1\ncreated key1\n\nkey1\noverwrote key1\n\n\n2\nkey1\noverwrote key1\nkey2\nsome extra key\n',
  );
  assertPrints(await txn(['', '', '']), 'SUCCESS\n');
});

test('txn -i says which section comes next', async (t) => {
  const { txn } = await start(t);
  assertPrints(
    await txn(['', 'put a 1', '', ''], '-i'),
    'compares:\nsuccess requests (get, put, del):\nfailure requests (get, put, del):\nSUCCESS\n\nOK\n',
  );
});

test('txn prints pairs as the options of its gets say, and JSON as the wire has it', async (t) => {
  const { txn } = await start(t);
  await txn(['', 'put a 1', 'put b 2', '', '']);
  const gets = ['get "" --prefix --keys-only', 'get a --print-value-only', 'get b --count-only'];
  assertPrints(await txn(['', ...gets, '', '']), 'SUCCESS\n\na\nb\n\n1\n\n1\n');
  const { stdout } = await txn(['', 'get a', 'del b', '', ''], '-w', 'json');
  const { succeeded, results } = JSON.parse(stdout.toString());
  assert.equal(succeeded, true);
  assert.equal(results[0].range.kvs[0].value, '1');
  assert.equal(results[1].deleteRange.deleted, 1);
});

test('a transaction that cannot be read says which line, and nothing is done', async (t) => {
  const { member, txn, env } = await start(t);
  assertEnds(await txn(['mod(k) = 0', '', '', '']), 1, /line 1: mod\(k\) = 0 is no comparison/);
  assertEnds(await txn(['', 'put a 1', 'pt a 2', '', '']), 1, /line 3: "pt" is none of put, get/);
  assertEnds(
    await lockstep(['txn'], { env, input: '\nput a 1' }),
    1,
    /the input ended within the success requests .*: end each of the three sections/,
  );
  assertEnds(
    await lockstep(['txn'], { env, input: Buffer.from([0x0a, 0xff, 0x0a]) }),
    1,
    /the input is not UTF-8 text/,
  );
  assertEnds(await txn(['', '', ''], '-w', 'table'), 1, /"txn" prints no table/);
  assert.equal(member.seenOf('kv.txn').length, 0);
});

test('a transaction of unknown outcome is exit code 3', async (t) => {
  const { member, txn } = await start(t);
  member.failNext('kv.txn', 'timeout');
  assertEnds(await txn(['', 'put a 1', '', '']), 3, /may or may not have taken effect/);
});

test('put keeps a value or a lease as told', async (t) => {
  const { member, at } = await start(t);
  assertPrints(
    await at('lease', 'grant', '60', '--id', '0x10'),
    'lease 16 granted with TTL(60s)\n',
  );
  assertPrints(await at('put', 'a', '1', '--lease', '16'), 'OK\n');
  assertPrints(await at('put', 'a', '2', '--ignore-lease'), 'OK\n');
  assertPrints(await at('put', 'a', '--ignore-value', '--lease', '0x10'), 'OK\n');
  assertPrints(await at('get', 'a'), 'a\n2\n');
  assert.equal(member.store.range({ key: 'a' })[0]?.lease, '16');
  assertEnds(await at('put', 'b', '--ignore-value'), 1, /key not found/);
  assertEnds(await at('put', 'b', '1', '--ignore-value'), 1, /exclude each other/);
  assertEnds(await at('put', 'b', '1', '--lease', '9'), 1, /requested lease not found/);
});

test('get sorts as told', async (t) => {
  const { member, at } = await start(t);
  for (const key of ['a', 'b', 'c']) member.store.put(key, '1');
  assertPrints(await at('get', '', '--prefix', '--order', 'descend', '--keys-only'), 'c\nb\na\n');
  await at('get', 'a', '--sort-by', 'MODIFY');
  assert.equal(member.seenOf('kv.range').at(-1)?.params.sortTarget, 'mod');
  assertEnds(
    await at('get', 'a', '--order', 'up'),
    1,
    /--order is "up"; it must be ASCEND or DESC/,
  );
});

test('get reads a range that is too large for one answer in chunks', async (t) => {
  const { member, at } = await start(t);
  for (let count = 0; count < 8; count++) member.store.put(`k${count}`, 'v');
  const all = Array.from({ length: 8 }, (_, count) => `k${count}\n`).join('');
  member.failNext('kv.range', 'answer_too_large');
  assertPrints(await at('get', 'k', '--prefix', '--keys-only'), all);
  assert.ok(member.seenOf('kv.scan').length > 1);
  member.failNext('kv.range', 'answer_too_large');
  assertPrints(await at('get', 'k', '--prefix', '--limit', '4', '--keys-only'), all.slice(0, 12));
  for (const how of [
    ['-w', 'json'],
    ['--sort-by', 'MODIFY'],
    ['--order', 'DESCEND'],
  ]) {
    member.failNext('kv.range', 'answer_too_large');
    assertEnds(await at('get', 'k', '--prefix', ...how), 1, /narrow the range/);
  }
});

test('leases are granted, kept, looked at, listed and revoked in the words of etcdctl', async (t) => {
  const { at } = await start(t);
  assertPrints(await at('lease', 'list'), 'found 0 leases\n');
  assertPrints(await at('lease', 'grant', '60'), 'lease 1000 granted with TTL(60s)\n');
  await at('put', 'a/1', 'v', '--lease', '1000');
  await at('put', 'a/2', 'v', '--lease', '1000');
  assertPrints(await at('lease', 'list'), 'found 1 leases\n1000\n');
  assertPrints(
    await at('lease', 'timetolive', '1000'),
    'lease 1000 granted with TTL(60s), remaining(59s)\n',
  );
  assertPrints(
    await at('lease', 'timetolive', '0x3e8', '--keys'),
    'lease 1000 granted with TTL(60s), remaining(59s), attached keys([a/1 a/2])\n',
  );
  assertPrints(
    await at('lease', 'keep-alive', '1000', '--once'),
    'lease 1000 keepalived with TTL(60)\n',
  );
  assertPrints(await at('lease', 'revoke', '1000'), 'lease 1000 revoked\n');
  assertPrints(await at('get', 'a', '--prefix'), '');
  assertPrints(await at('lease', 'timetolive', '1000'), 'lease 1000 already expired\n');
  assertEnds(
    await at('lease', 'revoke', '1000'),
    1,
    /requested lease not found\n {2}"lockstep lease list"/,
  );
  assertEnds(await at('lease', 'keep-alive', '1000', '--once'), 1, /there is no lease 1000/);
  assertEnds(await at('lease', 'grant', '0'), 1, /the time to live is 0; it is in seconds/);
  assertEnds(await at('lease', 'grant', 'x'), 1, /the time to live is "x"; it must be a whole/);
  assertEnds(await at('lease', 'revoke', 'beef'), 1, /for hexadecimal write 0xbeef/);
});

test('keep-alive goes on until Ctrl-C, and fails when the lease has ended', async (t) => {
  const { at, env } = await start(t);
  await at('lease', 'grant', '60');
  const running = startLockstep(['lease', 'keep-alive', '1000'], { env });
  await running.seen('lease 1000 keepalived with TTL(60)\n');
  running.stop('SIGINT');
  assertPrints(await running.done, 'lease 1000 keepalived with TTL(60)\n');
  await at('lease', 'revoke', '1000');
  const { exitCode, stdout } = await at('lease', 'keep-alive', '1000');
  assert.deepEqual([exitCode, stdout.toString()], [1, 'lease 1000 expired or revoked.\n']);
});

test('compact and alarm say what was done', async (t) => {
  const { member, at } = await start(t);
  await at('put', 'a', '1');
  assertPrints(await at('compact', '2', '--physical'), 'compacted revision 2\n');
  assert.equal(member.seenOf('kv.compact')[0]?.params.physical, true);
  assertEnds(await at('compaction', '1'), 1, /has been compacted/);
  assertEnds(
    await at('compact', '0'),
    1,
    /the revision is "0"; it must be a whole number, 1 or more/,
  );
  assertPrints(await at('alarm', 'list'), '');
  member.alarms = [{ memberId: '1', alarm: 'nospace' }];
  assertPrints(await at('alarm', 'list'), 'memberID:1 alarm:NOSPACE\n');
  assertPrints(await at('alarm', 'disarm'), 'memberID:1 alarm:NOSPACE\n');
  assertPrints(await at('alarm', 'list'), '');
});

test('watch takes several keys, leaves out what is told, and says how far it is', async (t) => {
  const { member, env } = await start(t);
  const args = ['watch', 'a', '--also', 'b', '--also', 'c', '--filter', 'nodelete'];
  const watch = startLockstep([...args, '--keys-only', '--progress-notify'], { env });
  await member.next('watch.create');
  member.store.put('c', 'x');
  member.store.deleteRange({ key: 'c' });
  member.store.put('z', 'x');
  member.store.put('b', 'x');
  member.progress();
  await watch.seen('progress');
  watch.stop('SIGINT');
  assertPrints(await watch.done, 'PUT\nc\nPUT\nb\nprogress notify: 5\n');
  const [created] = member.seenOf('watch.create');
  assert.deepEqual(created?.params.ranges, [{ key: 'a' }, { key: 'b' }, { key: 'c' }]);
  assertEnds(await lockstep(['watch', 'a', '--filter', 'x'], { env }), 1, /choices are noput/);
});
