import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet } from '../harness/fleet.ts';

test('a group reboots into an update, one host at a time', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const machines = fleet.addGroup('web', 3);
  await fleet.until(({ hosts }) => hosts.filter(({ isAlive }) => isAlive).length === 3);
  for (const machine of machines) machine.habits.installed = 'v2';
  await fleet.until(({ hosts }) =>
    hosts.every(({ state, version }) => state === 'done' && version === 'v2'),
  );
  assert.equal(fleet.monitor.most.get('web'), 1);
  assert.equal(fleet.monitor.released.length, 3);
  assert.deepEqual(fleet.troubles, []);
});
