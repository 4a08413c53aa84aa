import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet, FleetKeys, FleetView } from '@lockstep/reboot-coordinator';
import { FleetLockCounts, fleetMetrics } from '@lockstep/reboot-coordinator/node';
import { cuttableClient } from '../harness/contenders.ts';
import { startFleet } from '../harness/fleet.ts';

/** The samples of a page, by name and labels. */
function samples(page: string): Map<string, number> {
  const rows = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    rows.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at).replace('lockstep_reboot_', ''), Number(line.slice(at + 1))];
    }),
  );
}

test('the metrics of a fleet move with it, and tell how old they are when the store is away', async (t) => {
  const fleet = await startFleet(t);
  const own = cuttableClient(fleet.cluster);
  const view = new FleetView(own.client);
  const over = new AbortController();
  const following = view.run(over.signal);
  following.catch(() => {}); // The end of the test waits for it; one that fails before needs it no more.
  const now = (): Map<string, number> =>
    samples(
      fleetMetrics({
        fleet: view.fleet,
        now: view.circumstances.now,
        contactAgeMs: view.contactAgeMs,
      }),
    );
  const of = (...names: readonly string[]) => names.map((name) => now().get(name));
  assert.deepEqual(of('up', 'grants_total'), [0, undefined]);
  await fleet.group('web', { limit: { count: 1 } });
  await fleet.pass(2_000);
  assert.deepEqual(of('up', 'slots{group="web"}', 'slots_taken{group="web"}'), [1, 1, 0]);
  const [first, second] = fleet.addGroup('web', 2);
  assert.ok(first !== undefined && second !== undefined);
  await fleet.until(({ hosts }) => hosts.filter(({ isAlive }) => isAlive).length === 2);
  assert.deepEqual(of('hosts{group="web",state="idle"}', 'waiting{group="web"}'), [2, 0]);
  // The first one drains for long, so the other one waits.
  first.habits.drains = () => new Promise(() => {});
  first.habits.installed = 'v2';
  await fleet.inState(first.id, 'draining');
  second.habits.installed = 'v2';
  await fleet.inState(second.id, 'waiting');
  await fleet.pass(30_000);
  assert.deepEqual(
    of(
      'hosts{group="web",state="draining"}',
      'hosts{group="web",state="waiting"}',
      'waiting{group="web"}',
      'slots_taken{group="web"}',
      'grants_total',
      'breaker_open{group="web"}',
      'paused{group="web"}',
      'fleet_paused',
    ),
    [1, 1, 1, 1, 1, 0, 0, 0],
  );
  const [waited = 0] = of('oldest_waiting_seconds{group="web"}');
  assert.ok(waited >= 29 && waited < 60, `${waited}`);
  await fleet.run(fleet.operator.pause({ group: 'web' }, 'a test'));
  await fleet.run(fleet.operator.pause('fleet', 'a test'));
  const keys = new FleetKeys();
  const failure = { host: 'x', group: 'web', at: 1, reason: 'a test' };
  for (const grant of ['90', '91']) {
    await fleet.run(fleet.client.put(keys.failure('web', grant), JSON.stringify(failure)));
  }
  await fleet.run(fleet.client.put(keys.hostPause('bad'), 'not a record'));
  await fleet.pass(1_000);
  assert.deepEqual(
    of('paused{group="web"}', 'fleet_paused', 'breaker_open{group="web"}', 'unreadable_records'),
    [1, 1, 1, 1],
  );
  const [fresh = -1] = of('store_contact_age_seconds');
  assert.ok(fresh >= 0 && fresh <= 6, `${fresh}`);
  own.cutOff(true);
  await fleet.pass(60_000);
  const [stale = 0] = of('store_contact_age_seconds');
  assert.ok(stale >= 55 && stale <= 66, `${stale}`);
  own.cutOff(false);
  await fleet.pass(20_000);
  const [again = -1] = of('store_contact_age_seconds');
  assert.ok(again >= 0 && again <= 6, `${again}`);
  over.abort();
  await fleet.run(following);
});

test('answers and notifications are counted, and a group of any name breaks no page', () => {
  const answers = new FleetLockCounts();
  for (let round = 0; round < 3; round++) {
    answers.count({ call: 'pre-reboot', status: 423, kind: 'failed_lock_semaphore_full' });
  }
  answers.count({ call: 'steady-state', status: 200, kind: 'ok' });
  const notifications = { sent: 4, failed: 3, refused: 2, lost: 1 };
  const keys = new FleetKeys();
  const fleet = new Fleet(keys);
  const host = { id: 'a', group: 'x"\n\\', via: 'agent', state: 'done', since: 1 };
  fleet.apply(keys.host('a'), JSON.stringify(host), 1);
  const odd = samples(fleetMetrics({ now: 0, fleet }));
  assert.equal(odd.get('hosts{group="x\\"\\n\\\\",state="done"}'), 1);
  const page = samples(fleetMetrics({ now: 0, answers, notifications }));
  assert.deepEqual(Object.fromEntries(page), {
    up: 0,
    'fleetlock_answers_total{call="pre-reboot",code="423",kind="failed_lock_semaphore_full"}': 3,
    'fleetlock_answers_total{call="steady-state",code="200",kind="ok"}': 1,
    notifications_sent_total: 4,
    notifications_failed_total: 3,
    notifications_refused_total: 2,
    notifications_lost_total: 1,
  });
});
