import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Auth, Cluster, KV, Lease, Maintenance, Watch } from '../gen/rpc_pb.ts';
import { Election } from '../gen/v3election_pb.ts';
import { Lock } from '../gen/v3lock_pb.ts';
import { gatewayPath, gatewayPaths } from './paths.ts';

const services = [KV, Watch, Lease, Cluster, Maintenance, Auth, Lock, Election];
/** It came after etcd's gateway had its paths. */
const withoutPath = ['etcdserverpb.KV/RangeStream'];

test('every path is that of a method, and every method has one', () => {
  const methods = services.flatMap(({ typeName, methods: all }) =>
    all.map(({ name }) => `${typeName}/${name}`),
  );
  const reached = new Set(
    [...gatewayPaths.values()].map(({ service, name }) => `${service}/${name}`),
  );
  assert.deepEqual([...reached, ...withoutPath].sort(), methods.sort());
});

test('both prefixes lead there, a query is no part of a path, and what only looks alike does not', () => {
  assert.equal(gatewayPath('/v3/kv/range'), 'kv/range');
  assert.equal(gatewayPath('/v3beta/kv/range?x=1'), 'kv/range');
  for (const url of ['/v3', '/v3alpha/kv/range', '/v1/kv/v3/', '/x/v3/kv/range', undefined]) {
    assert.equal(gatewayPath(url), undefined, url);
  }
});
