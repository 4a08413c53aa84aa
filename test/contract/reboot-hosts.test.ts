import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet, type TestFleet } from '../harness/fleet.ts';

async function ready(fleet: TestFleet, count: number): Promise<void> {
  await fleet.until(({ hosts }) => hosts.filter(({ isAlive }) => isAlive).length === count);
}

test('row 11: who asks again keeps its place, and its grant', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first, second, third] = fleet.addGroup('web', 3);
  assert.ok(first && second && third);
  await ready(fleet, 3);
  first.habits.drains = () => new Promise(() => {});
  first.habits.installed = 'v2';
  const { grant } = await fleet.inState('web-1', 'draining');
  second.habits.installed = 'v2';
  await fleet.inState('web-2', 'waiting');
  third.habits.installed = 'v2';
  await fleet.inState('web-3', 'waiting');
  // Another reason, and another run of the agent.
  second.habits.installed = 'v3';
  second.killAgent();
  second.startAgent();
  first.killAgent();
  first.startAgent();
  await fleet.until(({ hosts }) => hosts.some(({ request }) => request?.target === 'v3'));
  await fleet.pass(60_000);
  assert.equal((await fleet.host('web-1')).grant?.id, grant?.id);
  assert.equal((await fleet.host('web-2')).position, 1);
  assert.equal((await fleet.host('web-3')).position, 2);
});

test('row 12: a host that cannot be drained gives its slot back with the reason, and the next one goes', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first && second);
  await ready(fleet, 2);
  let undrained = 0;
  first.habits.undrains = () => {
    undrained++;
    return { isDone: true };
  };
  first.habits.drains = () => ({ isDone: false, why: 'a migration is stuck' });
  first.habits.installed = 'v2';
  const back = await fleet.until(({ hosts }) =>
    hosts.some(
      ({ id, whyNot = [] }) => id === 'web-1' && whyNot.some(({ kind }) => kind === 'later'),
    ),
  );
  const why = back.hosts.find(({ id }) => id === 'web-1')?.whyNot ?? [];
  assert.match(why[0]?.message ?? '', /a migration is stuck/);
  assert.ok(undrained >= 1, 'it was left drained');
  second.habits.installed = 'v2';
  await fleet.inState('web-2', 'done');
  first.habits.drains = () => ({ isDone: true });
  await fleet.inState('web-1', 'done');
});

test('row 12: a grant that is not used in time goes back', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, startWithinMs: 30_000 });
  const [first, second] = fleet.addGroup('web', 2, { ttl: 120 });
  assert.ok(first && second);
  await ready(fleet, 2);
  await fleet.run(fleet.operator.pause('fleet', 'until both stand in line'));
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'waiting');
  second.habits.installed = 'v2';
  await fleet.inState('web-2', 'waiting');
  // It hears nothing any more, and its sign of life is still there.
  first.cutOff(true);
  await fleet.run(fleet.operator.resume('fleet'));
  await fleet.inState('web-1', 'granted');
  await fleet.inState('web-2', 'done');
  const row = (await fleet.history()).find(({ kind }) => kind === 'given back');
  assert.equal(row?.host, 'web-1');
  assert.match(row?.reason ?? '', /did not begin in time/);
  assert.equal(first.boots, 1);
});

test('row 14: a reboot that is refused is told, counts as a failure, and frees the slot', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first] = fleet.addGroup('web', 1);
  assert.ok(first);
  await ready(fleet, 1);
  first.habits.reboots = { refused: 'an inhibitor of backup blocks it' };
  first.habits.installed = 'v2';
  await fleet.until(({ groups }) => groups.some(({ isBreakerOpen }) => isBreakerOpen));
  const failures = (await fleet.history()).filter(({ kind }) => kind === 'failed');
  assert.equal(failures.length, 2);
  assert.match(failures[0]?.reason ?? '', /an inhibitor of backup blocks it/);
  assert.equal((await fleet.host('web-1')).grant, undefined);
});

test('row 14: a host that is still the same boot long after the reboot was asked for has failed', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, breakAfter: 1 });
  const [first] = fleet.addGroup('web', 1, { leaveWithinMs: 60_000 });
  assert.ok(first);
  await ready(fleet, 1);
  first.habits.reboots = 'ignores';
  first.habits.installed = 'v2';
  await fleet.until(({ groups }) => groups.some(({ isBreakerOpen }) => isBreakerOpen));
  const failure = (await fleet.history()).find(({ kind }) => kind === 'failed');
  assert.match(failure?.reason ?? '', /still the same boot/);
});

test('row 15: a host that reboots again and again for one cause is quarantined, and others go on', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, bootsMax: 3 });
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first && second);
  await ready(fleet, 2);
  first.need({ needed: 'yes', reason: 'a missing binary' });
  await fleet.until(({ hosts }) =>
    hosts.some(({ id, isQuarantined }) => id === 'web-1' && isQuarantined),
  );
  await fleet.pass(600_000);
  assert.equal(first.boots, 4, 'three reboots, and no more');
  const { whyNot = [] } = await fleet.host('web-1');
  assert.deepEqual(
    whyNot.map(({ kind }) => kind),
    ['quarantined'],
  );
  second.habits.installed = 'v2';
  await fleet.inState('web-2', 'done');
  first.need(undefined);
  await fleet.inState('web-1', 'idle');
});

test('row 16: a host that boots into its old version has failed, and serves', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, breakAfter: 1 });
  const machines = fleet.addGroup('web', 3);
  await ready(fleet, 3);
  for (const { habits } of machines) {
    habits.boots = (installed) => (installed === 'v2' ? 'v1' : installed);
    habits.installed = 'v2';
  }
  await fleet.until(({ groups }) => groups.some(({ isBreakerOpen }) => isBreakerOpen));
  await fleet.pass(600_000);
  const failures = (await fleet.history()).filter(({ kind }) => kind === 'failed');
  assert.equal(failures.length, 1);
  assert.match(failures[0]?.reason ?? '', /runs v1 instead of v2/);
  assert.equal(machines.filter(({ boots }) => boots > 1).length, 1);
  assert.equal((await fleet.status()).groups[0]?.taken, 0, 'it serves, so it takes no slot');
});

test('row 17: a host whose service is broken keeps its slot until its checks are green for the soak time', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, soakMs: 60_000 });
  const [first, second] = fleet.addGroup('web', 2, { verifyWithinMs: 120_000 });
  assert.ok(first && second);
  await ready(fleet, 2);
  first.habits.installed = 'v2';
  first.habits.checks = () => ({ isGreen: false, why: 'GET /health answers 500' });
  await fleet.inState('web-1', 'verifying');
  second.habits.installed = 'v2';
  const failed = await fleet.inState('web-1', 'failed');
  assert.match(failed.failure?.reason ?? '', /answers 500/);
  assert.ok(failed.grant !== undefined, 'a host that does not serve takes a slot');
  assert.equal((await fleet.host('web-2')).state, 'waiting');
  let flaps = 0;
  first.habits.checks = () =>
    flaps++ < 20 && flaps % 5 === 0 ? { isGreen: false, why: 'flapping' } : { isGreen: true };
  const green = fleet.cluster.now;
  await fleet.inState('web-1', 'done');
  assert.ok(fleet.cluster.now - green >= 60_000, 'it was let go before it was green for a minute');
  await fleet.inState('web-2', 'done');
});

test('row 21: of two machines with one id, the second is refused and told', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 2 } });
  const first = fleet.add('web-1', { group: 'web' });
  await ready(fleet, 1);
  const clone = fleet.twin('web-1', { group: 'web' });
  await fleet.pass(120_000);
  assert.match(String(clone.agentEnd), /in use by another machine/);
  assert.ok((await fleet.history()).some(({ kind }) => kind === 'id in use twice'));
  first.habits.installed = 'v2';
  clone.habits.installed = 'v2';
  await fleet.inState('web-1', 'done');
  assert.equal(clone.boots, 1, 'the clone rebooted with the slot of the other');
});

test('row 21: a copy of a machine that is down is not taken for it', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const first = fleet.add('web-1', { group: 'web', credential: 'one' });
  await ready(fleet, 1);
  first.habits.downMs = 300_000;
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'rebooting');
  const clone = fleet.twin('web-1', { group: 'web', credential: 'another' });
  await fleet.pass(100_000);
  assert.match(String(clone.agentEnd), /belongs to another machine/);
  assert.equal((await fleet.host('web-1')).state, 'rebooting');
  await fleet.inState('web-1', 'done');
});

test('row 23: a crash that nobody planned is seen, and takes up a slot while it lasts', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first && second);
  await ready(fleet, 2);
  first.habits.downMs = 300_000;
  first.crash();
  await fleet.until(({ hosts }) => hosts.some(({ id, isAlive }) => id === 'web-1' && !isAlive));
  second.habits.installed = 'v2';
  const waiting = await fleet.inState('web-2', 'waiting');
  assert.deepEqual(
    waiting.whyNot?.map(({ kind }) => kind),
    ['full'],
  );
  await fleet.pass(120_000);
  assert.equal(second.boots, 1);
  await fleet.inState('web-2', 'done');
  const unplanned = (await fleet.history()).filter(({ kind }) => kind === 'unplanned reboot');
  assert.deepEqual(
    unplanned.map(({ host }) => host),
    ['web-1'],
  );
});

test('a slot that is taken away while the host is drained leaves it with work again', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, overdueAfterMs: 60_000 });
  const [first] = fleet.addGroup('web', 1);
  assert.ok(first);
  await ready(fleet, 1);
  let undrained = 0;
  first.habits.undrains = () => {
    undrained++;
    return { isDone: true };
  };
  first.habits.drains = () => new Promise(() => {});
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'draining');
  first.killAgent();
  await fleet.inState('web-1', 'overdue');
  await fleet.run(fleet.operator.release('web-1', 'its drain hangs'));
  assert.equal(undrained, 0);
  first.habits.drains = () => ({ isDone: true });
  first.startAgent();
  await fleet.until(({ hosts }) => hosts[0]?.isAlive === true && hosts[0].isDrained !== true);
  assert.equal(undrained, 1);
  await fleet.inState('web-1', 'done');
});

test('a reason that changes at every look does not make the agent look without a pause', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first] = fleet.addGroup('web', 1);
  assert.ok(first);
  await ready(fleet, 1);
  await fleet.run(fleet.operator.pause('fleet', 'to look at it'));
  let looks = 0;
  first.needsReboot = async () => ({ needed: 'yes', reason: `up ${++looks} s` });
  await fleet.inState('web-1', 'waiting');
  const before = looks;
  await fleet.pass(60_000);
  assert.ok(looks - before <= 7, `${looks - before} looks in a minute, of one every 10 s`);
});
