import assert from 'node:assert/strict';
import { TableError } from '@lockstep/client/protocol';
import { http } from '../harness/doors.ts';
import { refuses, throughEveryDoor } from '../harness/every-door.ts';
import { readMetrics } from '../harness/metrics-text.ts';

throughEveryDoor((scenario) => {
  scenario("[W-85] status says the cluster's version, and what the build can do", async (door) => {
    const { store } = door.open;
    const before = store.status();
    const versions = { clusterVersion: 3, clusterVersions: { lowest: 2, highest: 5 } };
    store.status = () => ({ ...before, ...versions });
    const { clusterVersion, clusterVersions } = await door.call('maintenance.status', {});
    assert.deepEqual({ clusterVersion, clusterVersions }, versions);
    const page = readMetrics((await http(door.open, '/metrics')).text);
    assert.equal(page.get('lockstep_cluster_version')?.samples[0]?.value, 3);
  });

  scenario('[W-86] what the cluster is too old for is refused for good', async (door) => {
    door.open.store.leaseGrant = () => Promise.reject(new TableError('cluster_too_old'));
    const { data } = await refuses(door, 'lease.grant', { ttl: 5 }, [
      'cluster_too_old',
      'the cluster is at a version before this request: upgrade every member',
    ]);
    assert.deepEqual([data.retryable, data.ambiguous], [false, false]);
  });
});
