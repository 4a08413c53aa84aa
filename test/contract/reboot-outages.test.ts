import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet, type TestFleet } from '../harness/fleet.ts';

/** Numbers are those of the failures that every reboot coordinator meets; see test/README.md. */

async function ready(fleet: TestFleet, count: number): Promise<void> {
  await fleet.until(({ hosts }) => hosts.filter(({ isAlive }) => isAlive).length === count);
}

test('a group reboots into an update, one host at a time, and the next is granted the moment a slot is free', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const machines = fleet.addGroup('web', 3);
  await ready(fleet, 3);
  for (const machine of machines) machine.habits.installed = 'v2';
  await fleet.until(({ hosts }) =>
    hosts.every(({ state, version }) => state === 'done' && version === 'v2'),
  );
  assert.equal(fleet.monitor.most.get('web'), 1);
  assert.equal(fleet.monitor.mostDown.get('web'), 1);
  assert.equal(fleet.monitor.released.length, 3);
  assert.deepEqual(fleet.troubles, []);
  const history = await fleet.history();
  const dones = history.filter(({ kind }) => kind === 'done');
  const grants = history.filter(({ kind }) => kind === 'granted');
  assert.equal(dones.length, 3);
  for (const [at, done] of dones.slice(0, 2).entries()) {
    const gap = (grants[at + 1]?.at ?? 0) - done.at;
    assert.ok(gap >= 0 && gap < 500, `the next one waited for ${gap} ms`);
  }
});

test('row 1: a holder that dies for good keeps its slot, is overdue, and counts as a failure', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, overdueAfterMs: 120_000 });
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first && second);
  await ready(fleet, 2);
  first.habits.returns = false;
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'rebooting');
  second.habits.installed = 'v2';
  const dead = await fleet.inState('web-1', 'overdue');
  assert.equal(dead.overdueIn, 'rebooting');
  await fleet.pass(600_000);
  const waiting = await fleet.host('web-2');
  assert.equal(waiting.state, 'waiting');
  assert.ok(
    waiting.whyNot?.some(({ kind, message }) => kind === 'full' && /not planned/.test(message)),
  );
  const rows = await fleet.history();
  assert.deepEqual(
    rows.filter(({ kind }) => kind === 'overdue').map(({ host }) => host),
    ['web-1'],
  );
  await fleet.run(fleet.operator.release('web-1', 'its board burnt'));
  // Silent without a slot, it is down all the same; with one written off, the rest may go on.
  assert.equal((await fleet.host('web-2')).state, 'waiting');
  await fleet.group('web', { writeOff: 1 });
  await fleet.inState('web-2', 'done');
  const released = (await fleet.history()).find(({ kind }) => kind === 'released');
  assert.equal(released?.by, 'tester');
  assert.equal(released?.reason, 'its board burnt');
});

test('row 2: a host that is gone for good is decommissioned, and its slot is free at once', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first && second);
  await ready(fleet, 2);
  first.habits.returns = false;
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'rebooting');
  second.habits.installed = 'v2';
  await fleet.inState('web-2', 'waiting');
  await fleet.run(fleet.operator.decommission('web-1', 'scaled away'));
  const { hosts } = await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'));
  assert.deepEqual(
    hosts.map(({ id }) => id),
    ['web-2'],
  );
});

test('row 3: while the store is down nobody reboots, and nobody is let in', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first] = fleet.addGroup('web', 2);
  assert.ok(first);
  await ready(fleet, 2);
  let drained = (): void => {};
  first.habits.drains = () =>
    new Promise((resolve) => {
      drained = () => resolve({ isDone: true });
    });
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'draining');
  for (const { name } of fleet.cluster.members) fleet.cluster.kill(name);
  drained();
  await fleet.cluster.advance(120_000);
  assert.equal(first.boots, 1, 'it rebooted without having asked once more');
  for (const { name } of fleet.cluster.members) fleet.cluster.restart(name);
  first.habits.drains = () => ({ isDone: true });
  await fleet.inState('web-1', 'done');
  assert.equal(first.boots, 2);
});

test('row 4: the store is down when the host is back, and the slot is released when it can be', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first] = fleet.addGroup('web', 1);
  assert.ok(first);
  await ready(fleet, 1);
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'rebooting');
  for (const { name } of fleet.cluster.members) fleet.cluster.kill(name);
  await fleet.cluster.advance(180_000);
  assert.equal(first.boots, 2);
  for (const { name } of fleet.cluster.members) fleet.cluster.restart(name);
  await fleet.inState('web-1', 'done');
  assert.equal(fleet.monitor.released.length, 1);
});

test('row 5: a reboot that outlasts every lease keeps its slot', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const machines = fleet.addGroup('web', 2);
  await ready(fleet, 2);
  for (const { habits } of machines) {
    habits.downMs = 300_000;
    habits.installed = 'v2';
  }
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'), 2_000_000);
  assert.equal(fleet.monitor.mostDown.get('web'), 1);
});

test('row 6: any number of coordinators give the last slot once', async (t) => {
  const fleet = await startFleet(t);
  for (let more = 0; more < 4; more++) fleet.addCoordinator();
  await fleet.group('web', { limit: { count: 1 } });
  const machines = fleet.addGroup('web', 4);
  await ready(fleet, 4);
  for (const { habits } of machines) habits.installed = 'v2';
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'));
  assert.equal(fleet.monitor.most.get('web'), 1);
  assert.equal((await fleet.history()).filter(({ kind }) => kind === 'granted').length, 4);
});

test('row 7: a coordinator on the minority side of a partition grants nothing', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const machines = fleet.addGroup('web', 3);
  await ready(fleet, 3);
  // One coordinator and one member see each other only.
  const [alone] = fleet.cluster.members.filter(({ isLeader }) => !isLeader);
  assert.ok(alone);
  fleet.addCoordinator([alone.address]);
  await fleet.pass(2_000);
  fleet.cluster.partition([alone.name]);
  for (const { habits } of machines) habits.installed = 'v2';
  await fleet.until(({ hosts }) => hosts.some(({ state }) => state === 'done'), 900_000);
  fleet.cluster.heal();
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'), 900_000);
  assert.equal(fleet.monitor.most.get('web'), 1);
});

test('row 8: a host clock that is wrong opens no window, and stamps nothing', async (t) => {
  const fleet = await startFleet(t);
  // The members say 2030-01-01 00:00, a Tuesday.
  await fleet.group('web', { limit: { count: 1 }, windows: ['daily 02:00-03:00'] });
  const [first] = fleet.addGroup('web', 1);
  assert.ok(first);
  await ready(fleet, 1);
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'waiting');
  fleet.cluster.jumpWallClock(2.5 * 3_600_000);
  await fleet.pass(600_000);
  const waiting = await fleet.host('web-1');
  assert.equal(waiting.state, 'waiting');
  assert.deepEqual(waiting.whyNot?.map(({ kind }) => kind).sort(), ['clock', 'window_closed']);
  // In its window, and the clocks still apart: two that disagree open nothing.
  await fleet.pass(2 * 3_600_000);
  assert.deepEqual(
    (await fleet.host('web-1')).whyNot?.map(({ kind }) => kind),
    ['clock'],
  );
  fleet.cluster.jumpWallClock(-2.5 * 3_600_000);
  const done = await fleet.inState('web-1', 'done', 300_000);
  assert.equal(new Date(done.since).getUTCHours(), 2);
});

test('row 13: who is cut off after the grant does not reboot, and the slot is not given to another', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, overdueAfterMs: 200_000 });
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first && second);
  await ready(fleet, 2);
  let drained = (): void => {};
  first.habits.drains = () =>
    new Promise((resolve) => {
      drained = () => resolve({ isDone: true });
    });
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'draining');
  second.habits.installed = 'v2';
  first.cutOff(true);
  drained();
  await fleet.inState('web-1', 'overdue');
  assert.equal(first.boots, 1);
  assert.equal((await fleet.host('web-2')).state, 'waiting');
  first.cutOff(false);
  first.habits.drains = () => ({ isDone: true });
  // It never went down: it says so, and that is a failure.
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'));
  const failure = (await fleet.history()).find(({ kind }) => kind === 'failed');
  assert.match(failure?.reason ?? '', /too long to go down/);
  assert.equal(fleet.monitor.most.get('web'), 1);
});
