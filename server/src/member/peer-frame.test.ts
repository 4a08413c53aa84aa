import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeFrame, encodeFrame, type Introduction, peerProtocolVersion } from './peer-frame.ts';

const self: Introduction = {
  protocol: peerProtocolVersion,
  clusterId: '42',
  initialCluster: 'a=a:2380',
  memberId: '1',
  directoryId: 'd',
  name: 'a',
  peerAddress: 'a:2380',
  clientAddress: 'a:2379',
  fresh: false,
  versions: { lowest: 2, highest: 5 },
  clusterVersion: 3,
};

test('a greeting in both directions says which cluster versions its build can work with', () => {
  for (const frame of [
    { type: 'hello', to: '2', self },
    { type: 'welcome', self },
  ] as const) {
    assert.deepEqual(decodeFrame(encodeFrame(frame)), frame);
  }
});

test('a build that says nothing of cluster versions counts as one that knows the first', () => {
  const bytes = encodeFrame({ type: 'welcome', self });
  // Three small numbers at the end are all that was added.
  assert.deepEqual(decodeFrame(bytes.subarray(0, -3)), {
    type: 'welcome',
    self: { ...self, versions: { lowest: 1, highest: 1 }, clusterVersion: 0 },
  });
});
