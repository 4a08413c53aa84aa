import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '@lockstep/server/config';
import { planMembers } from './dev.ts';

test('three members get two ports each and know each other', () => {
  const planned = planMembers(3, 2379);
  assert.deepEqual(
    planned.map(({ name, address }) => `${name} ${address}`),
    ['a 127.0.0.1:2379', 'b 127.0.0.1:2381', 'c 127.0.0.1:2383'],
  );
  const cluster = 'a=127.0.0.1:2380,b=127.0.0.1:2382,c=127.0.0.1:2384';
  const [, , third] = planned;
  assert.ok(third);
  const [, name, , listen, , peerListen, , initialCluster] = third.flags;
  assert.deepEqual(
    [name, listen, peerListen, initialCluster],
    ['c', '127.0.0.1:2383', '127.0.0.1:2384', cluster],
  );
  assert.deepEqual(resolveConfig({ name, listen, peerListen, initialCluster }).warnings, []);
});

test('a member count or a port that cannot be is refused', () => {
  assert.throws(() => planMembers(0, 2379), /--members is 0; it must be 1, 3 or 5/);
  assert.throws(() => planMembers(6, 2379), /--members is 6/);
  assert.throws(() => planMembers(3, 65_531), /--base-port is 65531; it must be 1 to 65530/);
});
