import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client, CompactedError } from '@lockstep/client';
import { commandsOf, serveRestored, typeCommand } from '../harness/backups.ts';
import { temporaryDirectory, until } from '../harness/processes.ts';
import { planMembers, startCluster } from '../harness/real-cluster.ts';
import { Load, loadPrefix } from './load.ts';

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
  const first = await typeCommand(save, directory, typed);
  assert.deepEqual([first.code, first.stderr], [0, ''], first.stdout);
  await until(
    'more is written afterwards',
    () => load.acknowledged.size > answered.length + 300,
    cluster,
  );
  await load.stop();
  assert.equal(load.failed.size, 0);
  const told = await typeCommand(`${status} --output json`, directory, typed);
  const { revision } = JSON.parse(told.stdout);
  const lastOld = (await client.put('last', 'of the old one')).header.revision;
  assert.ok(revision < lastOld);
  const again = await typeCommand(save, directory, typed);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /backup\.snap is there already: .* --force/);
  assert.equal((await typeCommand(`${save} --force`, directory, typed)).code, 0);
  const { revision: newest } = JSON.parse(
    (await typeCommand(`${status} --output json`, directory)).stdout,
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
    const { code, stderr } = await typeCommand(line, directory, peers);
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
