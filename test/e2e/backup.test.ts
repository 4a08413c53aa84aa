import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, CompactedError, type RangeReply } from '@lockstep/client';
import { lockstep, Program, temporaryDirectory, until } from '../harness/processes.ts';
import {
  type MemberPlan,
  MemberProcess,
  planMembers,
  startCluster,
} from '../harness/real-cluster.ts';
import { Load, loadPrefix } from './load.ts';

const page = new URL('../../server/docs/backup-and-recovery.md', import.meta.url);

/** The commands of the page, heading by heading. */
function commandsOf(heading: string): string[] {
  const [, after = ''] = readFileSync(page, 'utf8').split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  const blocks = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  const commands = blocks.join('').trim().split('\n');
  assert.ok(commands.length > 0 && commands.every((line) => line.startsWith('lockstep ')), heading);
  return commands;
}

/** Types a command of the page, with other addresses and places than it names. */
async function type(
  line: string,
  directory: string,
  replaced: Readonly<Record<string, string>> = {},
) {
  let typed = line;
  for (const [from, to] of Object.entries(replaced)) typed = typed.replaceAll(from, to);
  const [, ...words] = typed.split(' ');
  return lockstep(words, {
    directory,
    variables: { LOCKSTEP_ENDPOINTS: replaced.ENDPOINTS ?? '' },
  });
}

async function all(endpoints: string | string[], prefix = ''): Promise<RangeReply> {
  await using client = new Client({ endpoints });
  return await client.range({ prefix });
}

const pairs = ({ kvs }: RangeReply) =>
  kvs.map(({ key, value, modRevision }) => [key, value, modRevision]);

/** A cluster with a few keys and a lease, and a file with its state. */
async function saved(t: TestContext, members = 1) {
  const cluster = await startCluster(t, members);
  const directory = temporaryDirectory();
  const file = join(directory, 'backup.snap');
  await using client = new Client({ endpoints: cluster.endpoints });
  const lease = await client.leases.grant({ ttl: 600 });
  for (const key of ['a', 'b', 'c']) await client.put(key, `1 of ${key}`);
  await client.put('b', '2 of b');
  await client.put('leased', '1', { lease: lease.id });
  const endpoints = ['--endpoints', cluster.endpoints.join()];
  const { code, stderr } = await lockstep(['snapshot', 'save', file, ...endpoints]);
  assert.deepEqual([code, stderr], [0, '']);
  return {
    cluster,
    directory,
    file,
    endpoints,
    leaseId: lease.id,
    before: await all(cluster.endpoints),
  };
}

function serveRestored(plan: MemberPlan, dataDir: string): MemberProcess {
  // As the page says: who the founders are is in the directory.
  return new MemberProcess({
    ...plan,
    dataDir,
    initialCluster: `${plan.name}=${plan.peerAddress}`,
  });
}

test('a cluster that is saved under load is restored with all of it, and with higher revisions', async (t) => {
  const cluster = await startCluster(t, 3);
  const directory = temporaryDirectory();
  await using client = new Client({ endpoints: cluster.endpoints });
  const lease = await client.leases.grant({ ttl: 600 });
  await client.put('leased', '1', { lease: lease.id });
  const load = new Load({ endpoints: cluster.endpoints, clients: 4, pauseMs: 1 });
  await until('there is something to save', () => load.acknowledged.size > 300, cluster);
  const answered = [...load.acknowledged.keys()];
  const [save = '', status = ''] = commandsOf('Save a snapshot');
  const typed = { ENDPOINTS: cluster.endpoints.join() };
  const first = await type(save, directory, typed);
  assert.deepEqual([first.code, first.stderr], [0, ''], first.stdout);
  await until(
    'more is written afterwards',
    () => load.acknowledged.size > answered.length + 300,
    cluster,
  );
  await load.stop();
  assert.equal(load.failed.size, 0);
  const told = await type(`${status} --output json`, directory, typed);
  const { revision } = JSON.parse(told.stdout);
  const lastOld = (await client.put('last', 'of the old one')).header.revision;
  assert.ok(revision < lastOld);
  const again = await type(save, directory, typed);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /backup\.snap is there already: .* --force/);
  assert.equal((await type(`${save} --force`, directory, typed)).code, 0);
  const { revision: newest } = JSON.parse(
    (await type(`${status} --output json`, directory)).stdout,
  );
  assert.equal(newest, lastOld);
  await cluster.kill();

  const plans = await planMembers(3);
  const peers = Object.fromEntries(
    plans.map(({ peerAddress }, at) => [`127.0.0.1:700${2 * at + 1}`, peerAddress]),
  );
  const restores = commandsOf('Restore a snapshot');
  assert.equal(restores.length, 3);
  for (const line of restores) {
    const { code, stderr } = await type(line, directory, peers);
    assert.deepEqual([code, stderr], [0, '']);
  }
  const members = plans.map((plan) => serveRestored(plan, join(directory, 'new', plan.name)));
  t.after(() => Promise.all(members.map((member) => member.kill())));
  for (const member of members) member.start();
  await Promise.all(members.map((member) => member.ready()));

  const endpoints = members.map(({ address }) => address);
  await using fresh = new Client({ endpoints });
  const { kvs, header } = await fresh.range({ prefix: loadPrefix });
  assert.ok(header.revision >= newest + 1_000_000_000);
  const found = new Set(kvs.map(({ key }) => key));
  for (const key of load.acknowledged.keys()) assert.ok(found.has(key), `${key} is missing`);
  assert.deepEqual(
    kvs
      .map(({ key, modRevision }) => [key, modRevision])
      .filter(([key]) => load.acknowledged.has(`${key}`)),
    [...load.acknowledged].toSorted(([one], [two]) => (one < two ? -1 : 1)),
  );
  const hashes = await Promise.all(
    endpoints.map((address) => fresh.hashKv(header.revision, address)),
  );
  assert.equal(new Set(hashes.map(({ hash }) => hash)).size, 1);
  assert.deepEqual((await fresh.leases.timeToLive(lease.id, { keys: true }))?.keys, ['leased']);
  await assert.rejects(async () => {
    for await (const _ of fresh.watch({ prefix: '', startRevision: lastOld + 1 }))
      assert.fail('an event');
  }, CompactedError);
  const written = await fresh.put('new', '1');
  assert.ok(written.header.revision > lastOld);
  await fresh.leases.revoke(lease.id);
  assert.equal(await fresh.get('leased'), undefined);
});

describe('a restore refuses', () => {
  test('a file that was cut or flipped, and names the file and the offset', async (t) => {
    const { cluster, directory, file } = await saved(t);
    await cluster.kill();
    const bytes = readFileSync(file);
    const damaged = join(directory, 'damaged.snap');
    const refusal = async (content: Uint8Array): Promise<string> => {
      writeFileSync(damaged, content);
      const target = join(directory, 'target');
      const runs = [
        ['snapshot', 'status', damaged],
        ['snapshot', 'restore', damaged, '--data-dir', target],
      ];
      const said: string[] = [];
      for (const words of runs) {
        const { code, stderr } = await lockstep(words);
        assert.equal(code, 1, stderr);
        said.push(stderr);
      }
      assert.equal(existsSync(target), false);
      assert.equal(said[0], said[1]);
      return said[0] ?? '';
    };
    assert.match(
      await refusal(bytes.subarray(0, -512)),
      /damaged\.snap is no whole .* at offset \d+, .*cut off/,
    );
    assert.match(await refusal(bytes.subarray(0, 300)), /at offset \d+, .*cut off/);
    const flipped = Buffer.from(bytes);
    flipped[500] = (flipped[500] ?? 0) ^ 4;
    assert.match(
      await refusal(flipped),
      /damaged\.snap is no whole .* at offset \d+, a checksum does not match/,
    );
    assert.match(await refusal(Buffer.from('no snapshot')), /may be no snapshot of Lockstep/);
  });

  test('to write over data, and a member that it does not know', async (t) => {
    const { cluster, directory, file } = await saved(t);
    const { dataDir } = cluster.member(0).plan;
    const over = await lockstep(['snapshot', 'restore', file, '--data-dir', dataDir]);
    assert.equal(over.code, 1);
    assert.match(
      over.stderr,
      /is not empty \(it holds .*\): a snapshot is restored into a new directory/,
    );
    const target = ['--data-dir', join(directory, 'target')];
    const list = ['--initial-cluster', 'a=127.0.0.1:1,b=127.0.0.1:2,c=127.0.0.1:3'];
    const unknown = await lockstep([
      'snapshot',
      'restore',
      file,
      ...target,
      ...list,
      '--name',
      'd',
    ]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /--initial-cluster does not name this member: --name is "d"/);
    const bump = await lockstep(['snapshot', 'restore', file, ...target, '--bump-revision', '-4']);
    assert.match(
      bump.stderr,
      /--bump-revision is "-4"; it must be a whole number|argument missing/,
    );
    assert.deepEqual(readdirSync(directory), ['backup.snap']);
  });
});

test('a restore that is killed leaves nothing that starts by mistake, and can be run again', async (t) => {
  const { cluster, directory, file, before } = await saved(t);
  await cluster.kill();
  const [plan] = await planMembers(1);
  assert.ok(plan !== undefined);
  const dataDir = join(directory, 'target');
  const member = new MemberProcess({ ...plan, dataDir });
  t.after(() => member.kill());
  const restore = ['snapshot', 'restore', file, '--name', plan.name, '--data-dir', dataDir];
  const words = [...restore, '--initial-cluster', plan.initialCluster];
  let broken = 0;
  for (let round = 0; round < 12; round++) {
    const program = new Program(words);
    // From before it has begun to after it is whole: each round a little later.
    await until('it begins', () => existsSync(`${dataDir}.unfinished`) || existsSync(dataDir));
    await sleep(round * 8);
    program.kill('SIGKILL');
    await program.ended();
    if (existsSync(dataDir)) break;
    broken++;
    member.start();
    assert.deepEqual(await member.program.ended(), { code: 1, signal: null }, member.describe());
    assert.match(
      member.program.stderr,
      /was broken off: .*target\.unfinished is what there is of it/,
    );
    assert.equal(existsSync(dataDir), false);
  }
  assert.ok(broken > 0, 'none was killed on its way');
  if (!existsSync(dataDir)) assert.equal((await lockstep(words)).code, 0);
  member.start();
  await member.ready();
  assert.deepEqual(pairs(await all(member.address)), pairs(before));
});

test('members that were restored differently, or not at all, do not become one cluster', async (t) => {
  const { cluster, directory, file } = await saved(t);
  await cluster.kill();
  const plans = await planMembers(3);
  const [a, b, c] = plans.map((plan) => ({ ...plan, dataDir: join(directory, plan.name) }));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  for (const [plan, bump] of [
    [a, '7'],
    [b, '8'],
  ] as const) {
    const where = ['--name', plan.name, '--data-dir', plan.dataDir, '--bump-revision', bump];
    const list = ['--initial-cluster', plan.initialCluster];
    assert.equal((await lockstep(['snapshot', 'restore', file, ...where, ...list])).code, 0);
  }
  const members = [a, b, c].map((plan) => new MemberProcess(plan));
  t.after(() => Promise.all(members.map((member) => member.kill())));
  for (const member of members) member.start();
  // What each says of the others; a third one that is fresh gives up by itself.
  const [first] = members;
  await first?.program.said(/belong to different clusters/);
  for (const member of members.filter(({ isRunning }) => isRunning)) {
    assert.equal((await member.status()).leaderId, null);
  }
});

test('after a lost quorum one member goes on with all it has, and the old ones cannot come back', async (t) => {
  const cluster = await startCluster(t, 3);
  await using client = new Client({ endpoints: cluster.endpoints });
  const lease = await client.leases.grant({ ttl: 600 });
  for (let at = 0; at < 50; at++) await client.put(`key/${String(at).padStart(2, '0')}`, `${at}`);
  await client.put('leased', '1', { lease: lease.id });
  await cluster.caughtUp();
  const before = await all(cluster.endpoints);
  const { leader } = await cluster.leader();
  const [one, other] = cluster.others(leader);
  assert.ok(one !== undefined && other !== undefined);
  const [look = '', confirm = ''] = commandsOf('Go on with one member');
  const place = dirname(one.plan.dataDir);
  const typed = { './a': `./${one.name}` };
  const running = await type(confirm, place, typed);
  assert.equal(running.code, 1);
  assert.match(running.stderr, /is in use by another member/);
  await leader.kill();
  await one.kill();
  await other.kill();

  const looked = await type(look, place, typed);
  assert.equal(looked.code, 1);
  assert.match(
    looked.stdout,
    new RegExp(`Member "${one.name}" of a, b, c has 51 keys at revision ${before.header.revision}`),
  );
  assert.match(looked.stdout, /add --yes/);
  assert.equal(
    readdirSync(place).some((name) => name.includes('.old-')),
    false,
  );
  const confirmed = await type(confirm, place, typed);
  assert.deepEqual([confirmed.code, confirmed.stderr], [0, '']);
  assert.ok(readdirSync(place).some((name) => name.startsWith(`${one.name}.old-`)));

  const alone = serveRestored(one.plan, one.plan.dataDir);
  t.after(() => alone.kill());
  alone.start();
  await alone.ready();
  const after = await all(alone.address);
  assert.deepEqual(pairs(after), pairs(before));
  assert.ok(after.header.revision >= before.header.revision + 1_000_000_000);
  assert.notEqual(after.header.clusterId, before.header.clusterId);
  await using next = new Client({ endpoints: alone.address });
  assert.deepEqual((await next.leases.timeToLive(lease.id, { keys: true }))?.keys, ['leased']);
  await assert.rejects(async () => {
    const startRevision = before.header.revision + 1;
    for await (const _ of next.watch({ prefix: '', startRevision })) assert.fail('an event');
  }, CompactedError);
  await next.put('goes', 'on');
  assert.deepEqual(
    (await next.members()).map(({ name }) => name),
    [one.name],
  );

  other.start();
  leader.start();
  await other.program.said(/belong to different clusters/);
  assert.equal((await alone.status()).leaderId, (await alone.status()).header.memberId);
  assert.equal((await next.get('goes'))?.value, 'on');
  // It stays what it is when it starts again.
  await alone.stop();
  alone.start();
  await alone.ready();
  assert.equal((await all(alone.address)).header.clusterId, after.header.clusterId);
});

test('a recovery that was broken off at its last step is finished by the next, and no empty member starts meanwhile', async (t) => {
  const { cluster, directory, before } = await saved(t);
  const { plan } = cluster.member(0);
  await cluster.kill();
  const run = ['member', 'recover', '--data-dir', plan.dataDir, '--yes'];
  assert.equal((await lockstep(run)).code, 0);
  // As a kill between its two renames leaves it.
  mkdirSync(`${plan.dataDir}.unfinished`);
  for (const name of readdirSync(plan.dataDir)) {
    copyFileSync(join(plan.dataDir, name), join(`${plan.dataDir}.unfinished`, name));
  }
  const member = serveRestored(plan, join(directory, 'moved'));
  t.after(() => member.kill());
  mkdirSync(`${join(directory, 'moved')}.unfinished`);
  for (const name of readdirSync(plan.dataDir)) {
    copyFileSync(join(plan.dataDir, name), join(directory, 'moved.unfinished', name));
  }
  member.start();
  assert.equal((await member.program.ended()).code, 1);
  assert.match(
    member.program.stderr,
    /Run "lockstep snapshot restore", or "lockstep member recover", again/,
  );
  const again = await lockstep([
    'member',
    'recover',
    '--data-dir',
    join(directory, 'moved'),
    '--yes',
  ]);
  assert.deepEqual(
    [again.code, existsSync(join(directory, 'moved.unfinished'))],
    [0, false],
    again.stderr,
  );
  member.start();
  await member.ready();
  assert.deepEqual(pairs(await all(member.address)), pairs(before));
});

test('without a quorum a member can still be saved, if that is asked for', async (t) => {
  const { cluster, directory } = await saved(t, 3);
  const [first, ...others] = cluster.members;
  assert.ok(first !== undefined);
  await cluster.caughtUp();
  for (const member of others) await member.kill();
  const save = ['snapshot', 'save', join(directory, 'alone.snap'), '--endpoints', first.address];
  const refused = await lockstep([...save, '--timeout', '15s']);
  assert.notEqual(refused.code, 0);
  assert.equal(existsSync(join(directory, 'alone.snap')), false);
  assert.deepEqual(readdirSync(directory), ['backup.snap']);
  assert.equal((await lockstep([...save, '--serializable'])).code, 0);
  const { stdout } = await lockstep([
    'snapshot',
    'status',
    join(directory, 'alone.snap'),
    '-w',
    'json',
  ]);
  assert.equal(JSON.parse(stdout).keys, 4);
});
