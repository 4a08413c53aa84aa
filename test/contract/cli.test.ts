import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { ended, lockstep, type Outcome, spawnLockstep, startLockstep } from '../harness/command.ts';
import { FakeMember } from '../harness/fake-member.ts';
import { FakeStore } from '../harness/fake-store.ts';
import { assertEnds, assertPrints } from '../harness/outcomes.ts';

type Command = (...args: string[]) => Promise<Outcome>;

async function start(t: TestContext): Promise<{ member: FakeMember; at: Command }> {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  return { member, at: (...args) => lockstep(args, { env }) };
}

test('put prints OK, get prints key and value on two lines', async (t) => {
  const { at } = await start(t);
  assertPrints(await at('put', 'hello', 'etcd'), 'OK\n');
  assertPrints(await at('get', 'hello'), 'hello\netcd\n');
  assertPrints(await at('get', 'nowhere'), '');
});

test('put --prev-kv prints the pair before', async (t) => {
  const { at } = await start(t);
  assertPrints(await at('put', 'a', '1', '--prev-kv'), 'OK\n');
  assertPrints(await at('put', 'a', '2', '--prev-kv'), 'OK\na\n1\n');
});

test('a value from standard input is stored and printed byte for byte', async (t) => {
  const { member } = await start(t);
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  const input = Buffer.from([0x00, 0xff, 0x0a, 0x80]);
  assert.equal((await lockstep(['put', 'bin'], { env, input })).exitCode, 0);
  const { stdout } = await lockstep(['get', 'bin', '--print-value-only'], { env });
  assert.deepEqual(stdout, Buffer.concat([input, Buffer.from('\n')]));
});

test('get takes a prefix, a range, a start, a limit, and prints keys, values or a count', async (t) => {
  const { at } = await start(t);
  for (const key of ['a', 'b', 'b/1', 'c']) await at('put', key, `v${key}`);
  assertPrints(await at('get', '', '--prefix', '--keys-only'), 'a\nb\nb/1\nc\n');
  assertPrints(await at('get', 'b', '--prefix', '--print-value-only'), 'vb\nvb/1\n');
  assertPrints(await at('get', 'a', 'b/1', '--keys-only'), 'a\nb\n');
  assertPrints(await at('get', 'b/1', '--from-key', '--keys-only'), 'b/1\nc\n');
  assertPrints(await at('get', '', '--prefix', '--limit', '1'), 'a\nva\n');
  assertPrints(await at('get', '', '--prefix', '--count-only'), '4\n');
});

test('--rev and --consistency reach the member', async (t) => {
  const { member, at } = await start(t);
  await at('get', 'a', '--rev', '1', '--consistency', 's');
  assert.deepEqual(member.seenOf('kv.range')[0]?.params, {
    key: 'a',
    revision: 1,
    serializable: true,
  });
});

test('del prints how many keys are gone, and the pairs if asked', async (t) => {
  const { at } = await start(t);
  for (const key of ['a', 'a/1', 'b']) await at('put', key, '1');
  assertPrints(await at('del', 'b', '--prev-kv'), '1\nb\n1\n');
  assertPrints(await at('del', 'a', '--prefix'), '2\n');
  assertPrints(await at('del', 'a'), '0\n');
});

test('--output json prints the wire form', async (t) => {
  const { at } = await start(t);
  await at('put', 'a', '1');
  const { stdout } = await at('get', 'a', '--output', 'json');
  assert.deepEqual(JSON.parse(stdout.toString()), {
    header: { clusterId: '77', memberId: '1', revision: 2, term: 2 },
    kvs: [{ key: 'a', value: '1', createRevision: 2, modRevision: 2, version: 1 }],
    more: false,
    count: 1,
  });
});

test('watch prints type, key and value of each event until it is stopped', async (t) => {
  const { member } = await start(t);
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  member.store.put('a/1', 'x');
  const args = ['watch', 'a/', '--prefix', '--rev', '2', '--prev-kv'];
  const watch = startLockstep(args, { env });
  await watch.seen('x\n');
  member.store.put('b', 'elsewhere');
  member.store.put('a/1', 'y');
  member.store.deleteRange({ key: 'a/1' });
  await watch.seen('DELETE\na/1\ny\na/1\n\n');
  watch.stop('SIGINT');
  assertPrints(await watch.done, 'PUT\na/1\nx\nPUT\na/1\nx\na/1\ny\nDELETE\na/1\ny\na/1\n\n');
});

test('watch survives a lost connection', async (t) => {
  const { member } = await start(t);
  const watch = startLockstep(['watch', 'a', '-w', 'json'], {
    env: { LOCKSTEP_ENDPOINTS: member.address },
  });
  await member.next('watch.create');
  const again = member.next('watch.create');
  member.cut();
  await again;
  member.store.put('a', '1');
  await watch.seen('\n');
  watch.stop('SIGTERM');
  const { stdout, exitCode } = await watch.done;
  assert.deepEqual([JSON.parse(stdout.toString()).revision, exitCode], [2, 0]);
});

test('status and member list tell of the members, in every format', async (t) => {
  const { member, at } = await start(t);
  const { address } = member;
  assert.match((await at('status')).stdout.toString(), /m1 \(id 1\), leader, version 0\.1\.0/);
  const table = (await at('status', '--cluster', '--output', 'table')).stdout.toString();
  assert.ok(table.includes(`│ ${address} │ m1 `), table);
  const [row] = JSON.parse((await at('status', '-w', 'json')).stdout.toString());
  assert.deepEqual([row.endpoint, row.status.name], [address, 'm1']);
  assertPrints(await at('member', 'list'), `1, started, m1, 127.0.0.1:1, ${address}, voter\n`);
});

test('status tells of the members that answer, and of those that do not', async (t) => {
  const { member } = await start(t);
  const gone = await FakeMember.start();
  await gone.stop();
  const endpoints = `${member.address},${gone.address}`;
  const outcome = await lockstep(['status', '--endpoints', endpoints, '--timeout', '1s']);
  assert.equal(outcome.exitCode, 2);
  assert.match(outcome.stdout.toString(), /m1/);
  assert.match(outcome.stderr, new RegExp(`no member answers at ${gone.address}:`));
});

test('health says of each endpoint whether it can serve, and fails if one cannot', async (t) => {
  const { member, at } = await start(t);
  assert.match((await at('health')).stdout.toString(), /is healthy: a linearizable read took/);
  for (let times = 0; times < 50; times++) member.failNext('kv.range', 'no_leader');
  const { exitCode, stdout } = await at('health', '--timeout', '500ms');
  assert.equal(exitCode, 1);
  assert.match(stdout.toString(), /is unhealthy: .*no leader/);
});

test('move-leader takes a name or an id, and the leader hands over', async (t) => {
  const store = new FakeStore();
  const one = await FakeMember.start({ store, memberId: '1' });
  const two = await FakeMember.start({ store, memberId: '2' });
  t.after(() => Promise.all([one.stop(), two.stop()]));
  one.memberAddresses = [one.address, two.address];
  const endpoints = ['--endpoints', one.address];
  assertPrints(await lockstep(['move-leader', 'm2', ...endpoints]), 'leadership moved to m2 (2)\n');
  assert.equal(one.leaderId, '2');
  assertEnds(
    await lockstep(['move-leader', 'm9', ...endpoints]),
    1,
    /no member "m9"; the members are m1 \(1\), m2/,
  );
});

test('no member: what to do next, exit code 2', async (t) => {
  const { member } = await start(t);
  await member.refuse();
  const outcome = await lockstep([
    'put',
    'a',
    '1',
    '--endpoints',
    member.address,
    '--timeout',
    '50ms',
  ]);
  assertEnds(
    outcome,
    2,
    /no member answers at .*: start one with "lockstep serve", or name yours with --endpoints/,
  );
});

test('a write of unknown outcome is exit code 3', async (t) => {
  const { member, at } = await start(t);
  member.swallowNext('kv.put');
  assertEnds(
    await at('put', 'a', '1', '--timeout', '500ms'),
    3,
    /may or may not have taken effect/,
  );
});

test('a refusal of the store is exit code 1', async (t) => {
  const { at } = await start(t);
  assertEnds(await at('put', '', 'v'), 1, /key is not provided/);
});

test('a command line that makes no sense says what would, with exit code 1', async () => {
  for (const [args, expected] of [
    [['pt', 'a'], /unknown command 'pt'\n\(Did you mean put\?\)/],
    [['get', 'a', '--prefx'], /unknown option '--prefx'\n\(Did you mean --prefix\?\)/],
    [
      ['put', 'a', '-x'],
      /unknown option '-x'\n {2}A key or value that begins with "-" goes after "--"/,
    ],
    [['get'], /missing required argument 'key'/],
    [['get', 'a', '--rev', 'new'], /--rev is "new"; it must be a whole number/],
    [['get', 'a', '--consistency', 'x'], /Allowed choices are l, s/],
    [['get', 'a', '--timeout', 'never'], /--timeout is "never"; write for example 5s/],
    [['get', 'a', '--endpoints', ','], /--endpoints names no member/],
    [['get', 'a', '--endpoints', 'a b'], /the endpoint "a b" is no address/],
    [['put', 'a', 'b', '-w', 'table'], /"put" prints no table/],
    [['get', 'a', 'b', '--prefix'], /exclude each other/],
    [['serve', '--electoin-ms', '3'], /Did you mean --election-ms\?/],
    [
      ['serve', '--listen', 'x', '--name', 'a b'],
      /--name must be [\s\S]*--listen is not host:port/,
    ],
    [['serve', '--config', '/nowhere.yaml'], /cannot read the configuration \/nowhere\.yaml/],
    [['dev', '--members', '9'], /--members is 9; it must be 1, 3 or 5/],
  ] as const) {
    assertEnds(await lockstep(args), 1, expected);
  }
});

test('help and version are no failures', async () => {
  assertPrints(await lockstep(['--version']), '0.1.0\n');
  assert.match((await lockstep(['help'])).stdout.toString(), /move-leader/);
  assert.equal((await lockstep([])).exitCode, 0);
});

test('as a process: Ctrl-C ends a watch with exit code 0', async (t) => {
  const { member } = await start(t);
  const watch = spawnLockstep(['watch', 'a', '--endpoints', member.address]);
  const exit = ended(watch);
  await Promise.race([member.next('watch.create'), exit]);
  watch.kill('SIGINT');
  assert.equal(await exit, 0);
});

test('as a process: a reader that goes away ends the command quietly', async (t) => {
  const { member } = await start(t);
  const args = ['watch', '', '--prefix', '--rev', '2', '--endpoints', member.address];
  const watch = spawnLockstep(args);
  const { stdout, stderr } = watch;
  assert.ok(stdout !== null && stderr !== null);
  let complaints = '';
  stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const exit = ended(watch);
  member.store.put('a', '1');
  await once(stdout, 'data');
  stdout.destroy();
  await once(stdout, 'close');
  member.store.put('a', '2');
  assert.deepEqual([await exit, complaints], [0, '']);
});
