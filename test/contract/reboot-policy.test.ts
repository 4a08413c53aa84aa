import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet, type TestFleet } from '../harness/fleet.ts';

async function ready(fleet: TestFleet, count: number): Promise<void> {
  await fleet.until(({ hosts }) => hosts.filter(({ isAlive }) => isAlive).length === count);
}

/** All want the update at once; it is over when all have it. */
async function rolledOut(fleet: TestFleet, version = 'v2', maxMs = 1_200_000): Promise<void> {
  for (const { habits } of fleet.machines.values()) habits.installed = version;
  await fleet.until(
    ({ hosts }) => hosts.every(({ state, version: runs }) => state === 'done' && runs === version),
    maxMs,
  );
}

async function kindsOf(fleet: TestFleet, id: string): Promise<string[]> {
  return ((await fleet.host(id)).whyNot ?? []).map(({ kind }) => kind);
}

test('row 9: a limit that is lowered in the middle takes no slot away, and lets nobody in until there is room', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 3 } });
  const machines = fleet.addGroup('web', 5);
  await ready(fleet, 5);
  for (const { habits } of machines) habits.downMs = 60_000;
  for (const { habits } of machines) habits.installed = 'v2';
  await fleet.until(({ hosts }) => hosts.filter(({ state }) => state === 'rebooting').length === 3);
  await fleet.group('web', { limit: { count: 1 } });
  const status = await fleet.status();
  assert.equal(status.groups[0]?.taken, 3);
  const waiting = status.hosts.find(({ state }) => state === 'waiting');
  assert.match(waiting?.whyNot?.[0]?.message ?? '', /3 of 1 slots .* over its limit/);
  // From here on the monitor holds every grant against the lower limit.
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'));
  assert.equal(fleet.monitor.released.length, 5);
});

test('row 10: a limit that is raised lets waiting hosts in at once', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const machines = fleet.addGroup('web', 4);
  await ready(fleet, 4);
  for (const { habits } of machines) habits.downMs = 200_000;
  for (const { habits } of machines) habits.installed = 'v2';
  await fleet.until(({ hosts }) => hosts.filter(({ state }) => state === 'waiting').length === 3);
  await fleet.group('web', { limit: { percent: 75 } });
  await fleet.pass(500);
  assert.equal((await fleet.status()).groups[0]?.taken, 3);
});

test('row 18: failures in a row open the breaker of the group, which a person closes', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, breakAfter: 2, writeOff: 5 });
  const machines = fleet.addGroup('web', 6, { verifyWithinMs: 30_000 });
  await ready(fleet, 6);
  for (const machine of machines) {
    machine.habits.checks = () =>
      machine.running === 'v2'
        ? { isGreen: false, why: 'the app does not start' }
        : { isGreen: true };
  }
  for (const { habits } of machines) habits.installed = 'v2';
  await fleet.until(({ groups }) => groups[0]?.isBreakerOpen === true);
  await fleet.pass(600_000);
  assert.equal(machines.filter(({ running }) => running === 'v2').length, 2);
  const kinds = (await fleet.history()).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'breaker open').length, 1, 'it is told once');
  const waiting = (await fleet.status()).hosts.find(({ state }) => state === 'waiting');
  assert.match(
    waiting?.whyNot?.[0]?.message ?? '',
    /breaker is open after 2 failures .*does not start/,
  );
  for (const { habits } of machines) habits.checks = () => ({ isGreen: true });
  await fleet.run(fleet.operator.resume({ group: 'web' }, 'the app is mended'));
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'));
});

test('row 18: a version that fails in several groups is granted in none', async (t) => {
  const fleet = await startFleet(t);
  await fleet.run(fleet.operator.setFleet({ breakAfter: 2 }));
  for (const name of ['a', 'b', 'c']) {
    await fleet.group(name, { limit: { count: 1 }, breakAfter: 5 });
    fleet.addGroup(name, 1, { verifyWithinMs: 30_000 });
  }
  await ready(fleet, 3);
  const [first, second, third] = ['a-1', 'b-1', 'c-1'].map((id) => fleet.machines.get(id));
  assert.ok(first && second && third);
  for (const machine of [first, second]) {
    machine.habits.boots = (installed) => (installed === 'v2' ? 'v1' : installed);
    machine.habits.installed = 'v2';
  }
  await fleet.until(
    ({ hosts }) =>
      hosts.filter(({ whyNot = [] }) => whyNot.some(({ kind }) => kind === 'version_blocked'))
        .length === 2,
  );
  third.habits.installed = 'v2';
  await fleet.inState('c-1', 'waiting');
  await fleet.pass(60_000);
  assert.deepEqual(await kindsOf(fleet, 'c-1'), ['version_blocked']);
  third.habits.installed = 'v3';
  await fleet.inState('c-1', 'done');
});

test('row 19: a group that nobody declared is an error, and never a lane of its own', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [slip] = fleet.addGroup('wbe', 1);
  assert.ok(slip);
  await ready(fleet, 1);
  slip.habits.installed = 'v2';
  await fleet.inState('wbe-1', 'waiting');
  await fleet.pass(60_000);
  assert.deepEqual(await kindsOf(fleet, 'wbe-1'), ['undeclared_group']);
  assert.equal(slip.boots, 1);
  await assert.rejects(
    fleet.run(fleet.operator.pause({ group: 'wbe' }, 'x')),
    /there is no group "wbe"; there are web/,
  );
});

test('row 20: a host that moves to another group while it holds a slot has one slot and one record', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  await fleet.group('api', { limit: { count: 1 } });
  const [first] = fleet.addGroup('web', 1);
  assert.ok(first);
  await ready(fleet, 1);
  first.habits.downMs = 60_000;
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'rebooting');
  first.group = 'api';
  const back = await fleet.inState('web-1', 'verifying');
  assert.equal(back.group, 'web', 'its slot counts where it was granted');
  await fleet.inState('web-1', 'done');
  await fleet.until(({ hosts }) => hosts.length === 1 && hosts[0]?.group === 'api');
  assert.deepEqual(
    (await fleet.status()).groups.map(({ name, taken }) => `${name} ${taken}`),
    ['api 0', 'web 0'],
  );
});

test('row 24: hosts with members of the store go one at a time, and only while all members are well', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('store', { limit: { count: 3 } });
  const machines = fleet.cluster.members.map(({ name }, at) => {
    const machine = fleet.add(`store-${at + 1}`, { group: 'store', member: name });
    machine.habits.goesDown = () => fleet.cluster.kill(name);
    machine.habits.comesUp = () => {
      if (machine.boots > 1) fleet.cluster.restart(name);
    };
    return machine;
  });
  await ready(fleet, 3);
  const [ill] = fleet.cluster.members.filter(({ isLeader }) => !isLeader);
  assert.ok(ill);
  fleet.cluster.kill(ill.name);
  for (const { habits } of machines) habits.installed = 'v2';
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'waiting'));
  await fleet.pass(30_000);
  const { whyNot = [] } = await fleet.host('store-1');
  assert.match(whyNot[0]?.message ?? '', new RegExp(`the member ${ill.name} does not answer`));
  fleet.cluster.restart(ill.name);
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'));
  assert.equal(fleet.monitor.most.get('store'), 1);
});

test('limits of zones and of the fleet hold together with those of groups', async (t) => {
  const fleet = await startFleet(t);
  await fleet.run(fleet.operator.setFleet({ limit: { count: 3 }, zoneLimit: { count: 1 } }));
  const zones = ['x', 'y'];
  for (const name of ['web', 'api']) {
    await fleet.group(name, { limit: { count: 2 } });
    for (const [at, zone] of [...zones, ...zones].entries()) {
      fleet.add(`${name}-${at + 1}`, { group: name, zone });
    }
  }
  await ready(fleet, 8);
  let most = 0;
  let inZone = 0;
  for (const { habits } of fleet.machines.values()) habits.installed = 'v2';
  await fleet.until(({ hosts }) => {
    const held = hosts.filter(({ grant }) => grant !== undefined);
    most = Math.max(most, held.length);
    for (const zone of zones) {
      inZone = Math.max(inZone, held.filter((host) => host.zone === zone).length);
    }
    return hosts.every(({ state }) => state === 'done');
  });
  assert.equal(inZone, 1);
  assert.equal(most, 2, 'both zones were never used at once');
});

test('a window opens far ahead, closes with a deadline, and a blackout cuts it', async (t) => {
  const fleet = await startFleet(t);
  // Now is 2030-01-01; timers of machines reach 24.8 days.
  await fleet.group('web', {
    limit: { count: 1 },
    windows: ['2030-02-10 01:00 .. 2030-02-10 02:00'],
  });
  const [first] = fleet.addGroup('web', 1, { pollMs: 3_600_000, ttl: 600 });
  assert.ok(first);
  await ready(fleet, 1);
  first.habits.installed = 'v2';
  first.killAgent();
  first.startAgent();
  const waiting = await fleet.inState('web-1', 'waiting');
  assert.match(waiting.whyNot?.[0]?.message ?? '', /open again at 2030-02-10T01:00/);
  await fleet.group('web', {
    windows: ['daily 00:10-00:20'],
    blackouts: ['2030-01-01 00:00 .. 2030-01-01 00:15'],
  });
  const { grant } = await fleet.inState('web-1', 'rebooting', 1_200_000);
  assert.equal(new Date(grant?.at ?? 0).toISOString().slice(11, 16), '00:15');
  assert.equal(new Date(grant?.rebootBy ?? 0).toISOString().slice(11, 16), '00:20');
});

test('a host that is still drained when the window ends gives its slot back', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 }, windows: ['daily 00:00-00:05'] });
  const [first] = fleet.addGroup('web', 1);
  assert.ok(first);
  await ready(fleet, 1);
  let drained = (): void => {};
  first.habits.drains = () =>
    new Promise((resolve) => {
      drained = () => resolve({ isDone: true });
    });
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'draining');
  await fleet.pass(400_000);
  drained();
  const back = await fleet.inState('web-1', 'waiting');
  assert.ok(back.whyNot?.some(({ kind }) => kind === 'window_closed'));
  assert.equal(first.boots, 1);
});

test('a gap is kept between hosts', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 2 }, gapMs: 120_000 });
  fleet.addGroup('web', 3);
  await ready(fleet, 3);
  await rolledOut(fleet);
  const grants = (await fleet.history())
    .filter(({ kind }) => kind === 'granted')
    .map(({ at }) => at);
  for (const [at, next] of grants.slice(1).entries()) {
    assert.ok(next - (grants[at] ?? 0) >= 120_000, `${next - (grants[at] ?? 0)} ms between grants`);
  }
});

test('a pause of a host, a group or the fleet holds until it is resumed, drained hosts too', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 2 } });
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first && second);
  await ready(fleet, 2);
  await fleet.run(fleet.operator.pause({ host: 'web-2' }, 'somebody looks at it'));
  let drained = (): void => {};
  first.habits.drains = () =>
    new Promise((resolve) => {
      drained = () => resolve({ isDone: true });
    });
  first.habits.installed = 'v2';
  second.habits.installed = 'v2';
  await fleet.inState('web-1', 'draining');
  assert.match(
    (await fleet.host('web-2')).whyNot?.[0]?.message ?? '',
    /paused by tester: somebody looks/,
  );
  await fleet.run(fleet.operator.pause({ group: 'web' }, 'an incident'));
  drained();
  await fleet.inState('web-1', 'waiting');
  assert.equal(first.boots, 1, 'it rebooted into a pause');
  await fleet.run(fleet.operator.resume({ group: 'web' }));
  await fleet.run(fleet.operator.resume({ host: 'web-2' }));
  await fleet.inState('web-2', 'done');
});

test('an order goes before the rest, and reboots a host that needs no reboot', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const machines = fleet.addGroup('web', 4);
  await ready(fleet, 4);
  for (const { habits } of machines.slice(0, 3)) habits.installed = 'v2';
  await fleet.until(({ hosts }) => hosts.filter(({ state }) => state === 'waiting').length === 2);
  await fleet.run(fleet.operator.now('web-4', 'it swaps'));
  await fleet.until(({ hosts }) => hosts.every(({ state }) => state === 'done'));
  const grants = (await fleet.history()).filter(({ kind }) => kind === 'granted');
  assert.equal(grants[1]?.host, 'web-4');
  assert.match(grants[1]?.reason ?? '', /it swaps/);
  assert.equal(machines[3]?.boots, 2);
});

test('a policy that cannot be read stops grants, and says which', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  const [first] = fleet.addGroup('web', 1);
  assert.ok(first);
  await ready(fleet, 1);
  await fleet.run(fleet.client.put('reboot/groups/web', '{"limit":{"percent":150}}'));
  first.habits.installed = 'v2';
  await fleet.inState('web-1', 'waiting');
  await fleet.pass(60_000);
  const { blocks } = await fleet.status();
  assert.match(blocks[0]?.message ?? '', /reboot\/groups\/web cannot be read: .*150/);
  assert.equal(first.boots, 1);
});

test('a breaker that opens also stops those who were granted a slot and have not rebooted', async (t) => {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 2 }, breakAfter: 1 });
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first && second);
  await ready(fleet, 2);
  let drained = (): void => {};
  second.habits.drains = () =>
    new Promise((resolve) => {
      drained = () => resolve({ isDone: true });
    });
  second.habits.installed = 'v2';
  await fleet.inState('web-2', 'draining');
  first.habits.boots = () => 'v1';
  first.habits.installed = 'v2';
  await fleet.until(({ groups }) => groups[0]?.isBreakerOpen === true);
  drained();
  const back = await fleet.inState('web-2', 'waiting');
  assert.ok(back.whyNot?.some(({ kind }) => kind === 'breaker_open'));
  assert.equal(second.boots, 1, 'it rebooted into what had just failed');
});
