import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LockstepError, type TransportHandler } from '@lockstep/client';
import { createTestCluster, type TestCluster, type TestMember } from '@lockstep/server/testing';
import { openDirectory, type Recovered } from '../../server/src/member/bootstrap.ts';
import { readDataDirectory } from '../../server/src/storage/data-directory.ts';
import { runScript } from '../harness/script-process.ts';
import { files, read } from '../tidy/sources.ts';

/** A cluster for tests says something about production only if what runs in it is what runs there. */

async function start(t: TestContext, members: number): Promise<[TestCluster, TestMember]> {
  const cluster = await createTestCluster({ members });
  t.after(() => cluster.close());
  const { leader } = cluster;
  assert.ok(leader !== undefined);
  return [cluster, leader];
}

test('a put is written and synced before it is acknowledged, and the power may fail then', async (t) => {
  const [cluster, only] = await start(t, 1);
  const client = cluster.client();
  await client.put('warm', '1');
  const before = { ...only.disk.counts };
  await client.put('a', 'value that must survive');
  assert.ok(only.disk.counts.writtenBytes > before.writtenBytes, 'written');
  assert.ok(only.disk.counts.syncs > before.syncs, 'synced');
  for (let round = 0; round < 10; round++) {
    only.kill();
    only.restart();
    const found = await cluster.advanceUntil(client.get('a', { timeoutMs: 30_000 }));
    assert.equal(found?.value, 'value that must survive');
  }
});

test('the files are those of a data directory, which the production code reads back', async (t) => {
  const [cluster, only] = await start(t, 1);
  await cluster.client().put('a', '1');
  const { disk } = only;
  assert.ok(
    disk.list().some((name) => name.startsWith('wal-')),
    disk.list().join(),
  );
  await cluster.stop(only.name);
  // A restart on the same files goes through the same code; here they are read without a cluster.
  const found = readDataDirectory(disk);
  assert.ok(found?.complete);
  const { identity } = found;
  assert.equal(identity.name, only.name);
  const recovered = await new Promise<Recovered>((resolve, reject) => {
    const options = {
      identity,
      members: [],
      founding: true,
      segmentBytes: 256 * 1024,
      monotonicMs: () => 0,
      walFailed: reject,
    };
    openDirectory(disk, options, (error, read) =>
      read === undefined ? reject(error) : resolve(read),
    );
  });
  assert.ok(recovered.raft.entries.length > 0);
});

test('a kill loses what was not synced in some runs and keeps it in others, and its links break at once', async (t) => {
  const kept = new Set<boolean>();
  for (let seed = 1; seed <= 12; seed++) {
    const cluster = await createTestCluster({ members: 3, seed });
    t.after(() => cluster.close());
    const { leader } = cluster;
    const victim = cluster.members.find((member) => member !== leader);
    assert.ok(leader !== undefined && victim !== undefined);
    const file = victim.disk.open('unsynced', 'create');
    await new Promise<void>((resolve) => file.write(0, new Uint8Array(10), () => resolve()));
    const client = cluster.client({ endpoints: leader.address, learnEndpoints: false });
    assert.deepEqual((await client.status()).errors, []);
    victim.kill();
    kept.add(victim.disk.list().includes('unsynced'));
    assert.throws(() => file.size(), /not open/);
    const { errors } = await client.status();
    assert.equal(errors.length, 1, `the leader says: ${errors.join('; ')}`);
  }
  assert.deepEqual([...kept].sort(), [false, true]);
});

test('a disk whose sync fails stops its member, and nothing is acknowledged', async (t) => {
  const [cluster, only] = await start(t, 1);
  const client = cluster.client();
  await client.put('warm', '1');
  only.disk.failNext('sync', /^wal-/);
  const refused = assert.rejects(client.put('a', '1'), LockstepError);
  await cluster.advance(10_000);
  await refused;
  assert.equal(only.isUp, false);
  assert.match(`${only.stoppedBy?.message}`, /sync failed/);
});

test('frames are judged by the session that judges those of real sockets', async (t) => {
  const [cluster, only] = await start(t, 1);
  const frames: string[] = [];
  const handler: TransportHandler = {
    opened: () => connection.send(['{"jsonrpc":', '{"jsonrpc":"2.0","id":1,"method":"kv.putt"}']),
    frame: (frame) => frames.push(frame),
    alive: () => {},
    closed: () => {},
  };
  const connection = cluster.clientOptions().dial(`ws://${only.address}/v1/ws`, handler);
  await cluster.advance(1);
  const [malformed, unknown] = frames.filter((frame) => frame.includes('"error"'));
  assert.equal(JSON.parse(malformed ?? '{}').error.code, -32700);
  assert.match(JSON.parse(unknown ?? '{}').error.message, /kv\.putt.*kv\.put/);
});

test('what runs is imported from production, not written anew', () => {
  const own = files.filter((file) => /^server\/testing\/[a-z-]+\.ts$/.test(file));
  const sources = own.map(read).join('\n');
  for (const part of [
    '../src/member/member.ts',
    '../src/member/member-store.ts',
    '../src/member/bootstrap.ts',
    '../src/member-options.ts',
    '../src/service/service.ts',
    '../src/api/ws/session.ts',
    '../src/config.ts',
  ]) {
    assert.ok(sources.includes(`from '${part}'`), part);
  }
});

test('the example of the README is the one that runs', () => {
  const example = read('server/testing/example.test.ts');
  assert.ok(read('server/README.md').includes(`\`\`\`ts\n${example}\`\`\``));
});

test('a process ends by itself when its clusters are disposed of, whatever was under way', async (t) => {
  const script = `
    import { createTestCluster } from '@lockstep/server/testing';
    const cluster = await createTestCluster({ members: 3 });
    const client = cluster.client();
    const watch = client.watch({ prefix: '' });
    watch.ready().catch(() => {});
    await client.put('a', '0');
    cluster.partition('a');
    cluster.cutClients();
    const ends = [client.put('a', '1'), cluster.advance(1e9)].map((end) => end.catch(String));
    await new Promise((resolve) => cluster.clock.after(1_000, resolve));
    await cluster.close();
    console.log((await Promise.all(ends)).join('\\n'));
    const active = () => process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY/.test(name));
    setImmediate(() => console.log(active().join()));`;
  const { code, out, err } = await runScript(t, script);
  assert.equal(err, '');
  assert.equal(code, 0);
  const [put, advance, active] = out.split('\n');
  assert.match(`${put}`, /^AmbiguousError: /);
  assert.equal(advance, 'Error: the cluster is closed, so its time has ended');
  assert.equal(active, '');
});
