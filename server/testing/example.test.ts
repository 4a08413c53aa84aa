import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, compare, op } from '@lockstep/client';
import { createTestCluster } from '@lockstep/server/testing';

/** Your own code: takes a job for ten seconds; false when another worker has it. */
async function take(client: Client, job: string, worker: string): Promise<boolean> {
  const { id } = await client.leases.grant({ ttl: 10 });
  const success = [op.put(job, worker, { lease: id })];
  return (await client.txn({ compare: [compare.missing(job)], success })).succeeded;
}

test('the job of a worker that died is free again, even when the leader died with it', async () => {
  await using cluster = await createTestCluster({ members: 3 });
  const [one, two] = [cluster.client(), cluster.client()];
  assert.equal(await take(one, 'nightly', 'one'), true);
  assert.equal(await take(two, 'nightly', 'two'), false);
  cluster.leader?.kill();
  await cluster.advance(15_000);
  assert.equal(await take(two, 'nightly', 'two'), true);
});
