import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Client, CompactedError } from '@lockstep/client';
import {
  commandsOf,
  offline,
  pairs,
  readAll,
  saved,
  serveRestored,
  typeCommand,
} from '../harness/backups.ts';
import { startCluster } from '../harness/real-cluster.ts';

test('after a lost quorum one member goes on with all it has, and the old ones cannot come back', async (t) => {
  const cluster = await startCluster(t, 3);
  await using client = new Client({ endpoints: cluster.endpoints });
  const lease = await client.leases.grant({ ttl: 600 });
  for (let at = 0; at < 50; at++) await client.put(`key/${String(at).padStart(2, '0')}`, `${at}`);
  await client.put('leased', '1', { lease: lease.id });
  await cluster.caughtUp();
  const before = await readAll(cluster.endpoints);
  const { leader } = await cluster.leader();
  const [one, other] = cluster.others(leader);
  assert.ok(one !== undefined && other !== undefined);
  const [look = '', confirm = ''] = commandsOf('Go on with one member');
  const place = dirname(one.plan.dataDir);
  const typed = { './a': `./${one.name}` };
  const running = await typeCommand(confirm, place, typed);
  assert.equal(running.code, 1);
  assert.match(running.stderr, /is in use by another member/);
  await leader.kill();
  await one.kill();
  await other.kill();

  const looked = await typeCommand(look, place, typed);
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
  const confirmed = await typeCommand(confirm, place, typed);
  assert.deepEqual([confirmed.code, confirmed.stderr], [0, '']);
  assert.ok(readdirSync(place).some((name) => name.startsWith(`${one.name}.old-`)));

  const alone = serveRestored(one.plan, one.plan.dataDir);
  t.after(() => alone.kill());
  alone.start();
  await alone.ready();
  const after = await readAll(alone.address);
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
  assert.equal((await readAll(alone.address)).header.clusterId, after.header.clusterId);
});

test('a recovery that was broken off at its last step is finished by the next, and no empty member starts meanwhile', async (t) => {
  const { cluster, directory, before } = await saved(t);
  const { plan } = cluster.member(0);
  await cluster.kill();
  const run = ['member', 'recover', '--data-dir', plan.dataDir, '--yes'];
  assert.equal((await offline(run)).code, 0);
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
  const again = await offline([
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
  assert.deepEqual(pairs(await readAll(member.address)), pairs(before));
});
