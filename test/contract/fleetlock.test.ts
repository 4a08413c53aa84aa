import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Client } from '@lockstep/client';
import {
  FleetKeys,
  FleetLock,
  type FleetLockAnswer,
  type FleetLockOptions,
  type HostRecord,
} from '@lockstep/reboot-coordinator';
import { cuttableClient } from '../harness/contenders.ts';
import { startFleet, type TestFleet } from '../harness/fleet.ts';

const keys = new FleetKeys();
const holdMs = 10_000;

/** A FleetLock server of its own, and clients that can hang up. */
class Door {
  readonly fleet: TestFleet;
  readonly lock: FleetLock;

  constructor(fleet: TestFleet, client: Client, options: FleetLockOptions = {}) {
    this.fleet = fleet;
    this.lock = new FleetLock(client, { holdMs, ...options });
  }

  ask(id: string, group = 'web', signal = new AbortController().signal): Promise<FleetLockAnswer> {
    return this.lock.preReboot({ id, group, signal });
  }

  /** Asks, while time passes until there is an answer. */
  pre(id: string, group?: string): Promise<FleetLockAnswer> {
    return this.fleet.run(this.ask(id, group));
  }

  steady(id: string, group = 'web', signal = new AbortController().signal) {
    return this.fleet.run(this.lock.steadyState({ id, group, signal }));
  }

  async record(id: string): Promise<HostRecord | undefined> {
    const kv = await this.fleet.run(this.fleet.client.get(keys.host(id)));
    return kv === undefined ? undefined : JSON.parse(kv.value);
  }

  /** So many rows of a kind are in the history. */
  async rows(kind: string): Promise<number> {
    return (await this.fleet.history()).filter((row) => row.kind === kind).length;
  }
}

async function startDoor(t: TestContext, options?: FleetLockOptions): Promise<Door> {
  const fleet = await startFleet(t);
  await fleet.group('web', { limit: { count: 1 } });
  return new Door(fleet, fleet.client, options);
}

function brief({ status, kind }: FleetLockAnswer): string {
  return `${status} ${kind}`.trimEnd();
}

test('pre-reboot of a holder is 200 again, with the same slot', async (t) => {
  const door = await startDoor(t);
  assert.deepEqual(await door.pre('a'), { status: 200, kind: '', value: '' });
  const first = await door.record('a');
  assert.equal(first?.state, 'rebooting');
  assert.equal(brief(await door.pre('a')), '200');
  assert.deepEqual(await door.record('a'), first);
  assert.equal(await door.rows('granted'), 1);
});

test('a request is held for the hold, and then refused with 423', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  const began = door.fleet.cluster.now;
  assert.equal(brief(await door.pre('b')), '423 failed_lock_semaphore_full');
  const tookMs = door.fleet.cluster.now - began;
  assert.ok(tookMs >= holdMs && tookMs < holdMs + 1_000, `${tookMs}`);
  assert.equal((await door.record('b'))?.request?.isAsking, false);
});

test('a freed slot goes to the request that is held, at once', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  const held = door.ask('b');
  await door.fleet.pass(2_000);
  const began = door.fleet.cluster.now;
  assert.equal(brief(await door.steady('a')), '200');
  assert.equal(brief(await door.fleet.run(held)), '200');
  assert.ok(door.fleet.cluster.now - began < 1_000, `${door.fleet.cluster.now - began} ms`);
});

test('a host that was refused keeps its place before those who came later', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  assert.equal((await door.pre('b')).status, 423);
  const later = door.ask('c');
  await door.fleet.pass(1_000);
  const again = door.ask('b');
  await door.fleet.pass(1_000);
  await door.steady('a');
  assert.equal(brief(await door.fleet.run(again)), '200');
  assert.equal((await door.fleet.run(later)).status, 423);
});

test('a client that hangs up while it waits gets no slot, and keeps none from others', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  const gone = new AbortController();
  const held = door.ask('b', 'web', gone.signal);
  await door.fleet.pass(1_000);
  gone.abort();
  assert.equal((await door.fleet.run(held)).kind, 'client_gone');
  await door.steady('a');
  await door.fleet.pass(2_000);
  const { state, grant, request } = (await door.record('b')) ?? {};
  assert.deepEqual([state, grant, request?.isAsking], ['waiting', undefined, false]);
  assert.equal(brief(await door.pre('c')), '200');
});

test('a slot that is granted while the client hangs up goes back at once', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  const own = cuttableClient(door.fleet.cluster);
  const other = new Door(door.fleet, own.client);
  const gone = new AbortController();
  const held = other.ask('b', 'web', gone.signal);
  await door.fleet.pass(1_000);
  own.cutOff(true);
  await door.steady('a');
  await door.fleet.inState('b', 'granted');
  gone.abort();
  own.cutOff(false);
  assert.equal((await door.fleet.run(held)).kind, 'client_gone');
  assert.equal((await door.record('b'))?.grant, undefined);
  assert.equal(await door.rows('given back'), 1);
  assert.equal(brief(await door.pre('c')), '200');
});

test('of two requests of one host, the one that hangs up does not speak for the other', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  const gone = new AbortController();
  const first = door.ask('b', 'web', gone.signal);
  const second = door.ask('b');
  await door.fleet.pass(1_000);
  const before = await door.record('b');
  gone.abort();
  assert.equal((await door.fleet.run(first)).kind, 'client_gone');
  assert.deepEqual(await door.record('b'), before);
  await door.steady('a');
  assert.equal(brief(await door.fleet.run(second)), '200');
});

test('a grant that came too late is not used, and does not hold the request beyond the hold', async (t) => {
  const door = await startDoor(t);
  door.fleet.killCoordinator(0);
  const late: HostRecord = {
    ...{ id: 'a', group: 'web', via: 'fleetlock', state: 'granted', since: 1 },
    request: { at: 1, reason: 'asked by FleetLock', isAsking: true },
    grant: { id: '1', at: 1, startBy: 2 },
  };
  await door.fleet.run(door.fleet.client.put(keys.host('a'), JSON.stringify(late)));
  const began = door.fleet.cluster.now;
  assert.equal((await door.pre('a')).status, 423);
  const tookMs = door.fleet.cluster.now - began;
  assert.ok(tookMs >= holdMs && tookMs < holdMs + 1_000, `${tookMs}`);
  assert.equal((await door.record('a'))?.grant, undefined);
});

test('steady-state is 200 for whoever holds nothing, and takes nothing from the holder', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  const before = await door.record('a');
  assert.equal(brief(await door.steady('b')), '200');
  assert.equal(brief(await door.steady('b')), '200');
  assert.deepEqual(await door.record('a'), before);
  assert.equal((await door.record('b'))?.state, 'idle');
});

test('steady-state of a holder releases its slot once, whoever repeats it', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  for (let round = 0; round < 3; round++) assert.equal(brief(await door.steady('a')), '200');
  assert.equal(await door.rows('done'), 1);
  assert.equal((await door.record('a'))?.state, 'done');
  assert.equal(door.fleet.monitor.released.length, 1);
});

test('a host that waits and says it is in steady state waits no longer', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  assert.equal((await door.pre('b')).status, 423);
  assert.equal(brief(await door.steady('b')), '200');
  const { state, request } = (await door.record('b')) ?? {};
  assert.deepEqual([state, request], ['idle', undefined]);
});

test('row 22: a release that is on its way while the slot is lost and granted anew releases nothing', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  const first = (await door.record('a'))?.grant?.id;
  const slow = heldBack(door.fleet.client);
  const release = new Door(door.fleet, slow.client).lock.steadyState({
    ...{ id: 'a', group: 'web' },
    signal: new AbortController().signal,
  });
  await door.fleet.run(slow.reached);
  await door.fleet.run(door.fleet.operator.release('a', 'it was lost'));
  assert.equal(brief(await door.pre('a')), '200');
  const second = (await door.record('a'))?.grant?.id;
  assert.notEqual(second, first);
  slow.letGo();
  assert.equal(brief(await door.fleet.run(release)), '200');
  assert.equal((await door.record('a'))?.grant?.id, second);
});

test('a release whose client hung up releases nothing', async (t) => {
  const door = await startDoor(t);
  await door.pre('a');
  const gone = AbortSignal.abort();
  assert.equal((await door.steady('a', 'web', gone)).kind, 'client_gone');
  assert.equal((await door.record('a'))?.state, 'rebooting');
});

test('a host with an agent is refused, and so is one that holds a slot of another group', async (t) => {
  const door = await startDoor(t);
  await door.fleet.group('db', { limit: { count: 1 } });
  door.fleet.add('agent-1', { group: 'web' });
  await door.fleet.until(({ hosts }) => hosts.some(({ id }) => id === 'agent-1'));
  assert.equal(brief(await door.pre('agent-1')), '409 host_has_agent');
  assert.equal(brief(await door.steady('agent-1')), '409 host_has_agent');
  await door.pre('a');
  assert.equal(brief(await door.pre('a', 'db')), '409 held_in_other_group');
});

test('a host that moves releases its slot where it was granted, and belongs to the new group then', async (t) => {
  const door = await startDoor(t);
  await door.fleet.group('db', { limit: { count: 1 } });
  await door.pre('a');
  assert.equal(brief(await door.steady('a', 'db')), '200');
  const { group, grant } = (await door.record('a')) ?? {};
  assert.deepEqual([group, grant], ['db', undefined]);
  const done = (await door.fleet.history()).find(({ kind }) => kind === 'done');
  assert.equal(done?.group, 'web');
});

test('a group that nobody declared is refused and told once a minute, and no crowd of them fills the history', async (t) => {
  const door = await startDoor(t);
  for (let round = 0; round < 5; round++) {
    assert.equal(brief(await door.pre('a', 'wbe')), '400 unknown_group');
  }
  assert.equal(await door.rows('unknown group'), 1);
  for (let at = 0; at < 40; at++) await door.pre('a', `made-up-${at}`);
  assert.equal(await door.rows('unknown group'), 20);
  assert.equal(await door.record('a'), undefined);
});

test('while the store is away, the answer is 503', async (t) => {
  const door = await startDoor(t);
  const own = cuttableClient(door.fleet.cluster);
  const other = new Door(door.fleet, own.client);
  own.cutOff(true);
  assert.equal(brief(await other.pre('a')), '503 store_unavailable');
  assert.equal(brief(await other.steady('a')), '503 store_unavailable');
});

test('records that cannot be read are no yes', async (t) => {
  const door = await startDoor(t);
  await door.fleet.run(door.fleet.client.put(keys.group('bad'), '{"limit":1'));
  await door.fleet.run(door.fleet.client.put(keys.host('b'), 'not a record'));
  assert.equal(brief(await door.pre('a', 'bad')), '503 record_unreadable');
  assert.equal(brief(await door.pre('b')), '503 record_unreadable');
});

test('ids that can be no key, and a hold in which nothing can be granted, are refused', async (t) => {
  const door = await startDoor(t);
  assert.equal(brief(await door.pre('\ud800')), '400 bad_id');
  assert.equal(brief(await door.pre(' ')), '400 bad_id');
  assert.equal(brief(await door.pre('x'.repeat(257))), '400 bad_id');
  assert.equal(brief(await door.pre('a', 'g'.repeat(65))), '400 bad_group');
  for (const wrong of [0, 999, Number.NaN]) {
    assert.throws(
      () => new FleetLock(door.fleet.client, { holdMs: wrong }),
      /must be 1000 or more/,
    );
  }
});

/** A client whose first transaction waits for a word. */
function heldBack(client: Client): {
  readonly client: Client;
  readonly reached: Promise<void>;
  readonly letGo: () => void;
} {
  let reach = (): void => {};
  let letGo = (): void => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const word = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const txn = async (...args: Parameters<Client['txn']>): Promise<unknown> => {
    reach();
    await word;
    return client.txn(...args);
  };
  const slow = new Proxy(client, {
    get(target, name) {
      if (name === 'txn') return txn;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { client: slow, reached, letGo: () => letGo() };
}

test('who may speak for one group neither releases nor moves the hosts of another', async (t) => {
  const door = await startDoor(t);
  await door.fleet.group('lab', { limit: { count: 1 } });
  await door.pre('a');
  const denied: FleetLockAnswer = { status: 403, kind: 'wrong_token', value: '' };
  const admits = (_: unknown, group: string) => (group === 'lab' ? undefined : denied);
  const call = { id: 'a', group: 'lab', signal: new AbortController().signal, admits };
  for (const ask of ['steadyState', 'preReboot'] as const) {
    assert.equal(brief(await door.fleet.run(door.lock[ask](call))), '403 wrong_token');
  }
  assert.equal((await door.record('a'))?.state, 'rebooting');
});

test('a request that is still held when its host says that it is in steady state asks no more', async (t) => {
  const door = await startDoor(t, { holdMs: 600_000 });
  await door.pre('a');
  const held = door.ask('b');
  await door.fleet.until(({ hosts }) =>
    hosts.some(({ id, state }) => id === 'b' && state === 'waiting'),
  );
  await door.steady('b');
  assert.equal(brief(await door.fleet.run(held)), '409 superseded');
  await door.steady('a');
  await door.fleet.pass(5_000);
  assert.equal((await door.record('b'))?.grant, undefined);
});
