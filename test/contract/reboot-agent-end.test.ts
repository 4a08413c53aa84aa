import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent } from '@lockstep/reboot-coordinator';
import { Machine, startFleet } from '../harness/fleet.ts';

test('an agent that waits for its host to go down ends at once when the system tells it to', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const options = { group: 'web', pollMs: 10_000, ttl: 20 };
  const machine = new Machine(fleet, 'web-1', options);
  machine.isUp = true;
  machine.habits.reboots = 'ignores';
  machine.habits.installed = 'v2';
  fleet.machines.set('web-1', machine);
  const agent = new Agent(fleet.cluster.client(), { ...options, host: machine, id: 'web-1' });
  const over = new AbortController();
  const running = agent.run(over.signal);
  await fleet.inState('web-1', 'rebooting');
  const { isAlive } = await fleet.host('web-1');
  assert.equal(isAlive, false, 'it has given its sign of life up');
  const toldAt = fleet.cluster.now;
  over.abort();
  await fleet.run(running);
  assert.ok(fleet.cluster.now - toldAt < 5_000, `${fleet.cluster.now - toldAt} ms`);
});
