import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Client } from '@lockstep/client';
import { until } from '../harness/processes.ts';
import { startCluster } from '../harness/real-cluster.ts';

const flags = ['--hash-check-ms', '1000'];

describe('leases and numbered changes on real members', { concurrency: 3 }, () => {
  test('a lease that is kept alive outlives its leader, one that is not ends, on whoever leads', async (t) => {
    const cluster = await startCluster(t, 3, flags);
    await using client = new Client({ endpoints: cluster.endpoints });
    const kept = await client.leases.grant({ ttl: 4 });
    const left = await client.leases.grant({ ttl: 4 });
    const leftAt = performance.now();
    await client.put('kept', '1', { lease: kept.id });
    await client.put('left', '1', { lease: left.id });
    const { leader } = await cluster.leader();
    await leader.kill();
    let ended = Number.NaN;
    await until('the lease that nobody keeps is gone with its key', async () => {
      assert.ok((await client.leases.keepAlive(kept.id)) > 0, 'it was kept alive');
      ended = performance.now() - leftAt;
      return (await client.get('left')) === undefined;
    });
    assert.ok(ended >= 4_000, `it ended after ${ended} ms`);
    // A new leader goes on counting: it does not begin anew.
    assert.ok(ended < 8_000, `it ended after ${ended} ms`);
    assert.equal((await client.get('kept'))?.value, '1');
    await client.leases.revoke(kept.id);
    assert.equal(await client.get('kept'), undefined);
  });

  test('changes that a killed leader may have taken run once, and none is in doubt', async (t) => {
    const cluster = await startCluster(t, 3, flags);
    await using client = new Client({ endpoints: cluster.endpoints, callTimeoutMs: 20_000 });
    let stopped = false;
    let answered = 0;
    const append = async (): Promise<void> => {
      while (!stopped) {
        await client.put('counted', String(++answered));
      }
    };
    const appending = Promise.all([append(), append(), append(), append()]);
    for (let round = 0; round < 3; round++) {
      const before = answered;
      await until('changes are under way', () => answered > before + 100);
      const { leader } = await cluster.leader();
      await leader.kill();
      leader.start();
      await leader.ready();
      await cluster.caughtUp();
    }
    stopped = true;
    await appending;
    // Each put is one version: one that ran twice would be one too many.
    assert.equal((await client.get('counted'))?.version, answered);
  });

  test('members that compare their states each second agree, and compaction frees what is old', async (t) => {
    const cluster = await startCluster(t, 3, [
      ...flags,
      ...['--auto-compaction-mode', 'revision', '--auto-compaction-revisions', '100'],
    ]);
    await using client = new Client({ endpoints: cluster.endpoints });
    for (let at = 0; at < 500; at++) await client.put(`key-${at % 10}`, String(at));
    await until('old revisions are compacted', async () => {
      const { compactRevision } = await client.status();
      return compactRevision >= 300;
    });
    const { alarms } = await client.alarms();
    assert.deepEqual(alarms, []);
    await assert.rejects(client.get('key-1', { revision: 50 }), { code: 'compacted' });
    const hashes = await Promise.all(cluster.endpoints.map((endpoint) => client.hash(endpoint)));
    assert.equal(
      new Set(hashes.map(({ hash, appliedIndex }) => `${hash}@${appliedIndex}`)).size,
      1,
    );
  });
});
