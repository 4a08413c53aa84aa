import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { whyNot } from './decision.ts';
import { Fleet } from './fleet.ts';
import type { FleetHost } from './fleet-host.ts';
import { FleetKeys } from './keys.ts';
import { compareWaiting } from './line.ts';
import { hostStates } from './records.ts';
import { statusOf } from './status.ts';

const now = Date.UTC(2026, 4, 4, 12);

test('the status gives each host the place and the reasons that it has when it is asked about alone', () => {
  const host = fc.record({
    group: fc.constantFrom('web', 'db', 'undeclared'),
    zone: fc.constantFrom(undefined, 'a', 'b'),
    state: fc.constantFrom('waiting', ...hostStates),
    notBefore: fc.constantFrom(undefined, now - 1, now + 1),
    isAlive: fc.boolean(),
    isOrdered: fc.boolean(),
  });
  const order = JSON.stringify({ by: 'ann', reason: '', at: now });
  fc.assert(
    fc.property(fc.array(host, { maxLength: 12 }), fc.boolean(), (hosts, isPaused) => {
      const keys = new FleetKeys();
      const fleet = new Fleet(keys);
      fleet.apply(keys.group('web'), '{"limit":{"count":1}}', 1);
      fleet.apply(keys.group('db'), '{"limit":{"count":9},"windows":["Sun 02:00-04:00"]}', 2);
      fleet.apply(keys.fleet, '{"zoneLimit":{"count":2}}', 3);
      if (isPaused) fleet.apply(keys.fleetPause, order, 4);
      for (const [at, { group, zone, state, notBefore, isAlive, isOrdered }] of hosts.entries()) {
        const id = `h${at}`;
        const request = { at: now, reason: 'kernel', isAsking: true, notBefore };
        const record = { id, group, zone, via: 'agent', state, since: now, request };
        const grant = state === 'granted' ? { id: 'g', at: now, startBy: now } : undefined;
        fleet.apply(keys.host(id), JSON.stringify({ ...record, grant }), 10 + at);
        if (isAlive) fleet.apply(keys.alive(id), '{"bootId":"b","instance":"i"}', 10 + at);
        if (isOrdered) fleet.apply(keys.now(id), order, 10 + at);
      }
      const status = statusOf(fleet, { now });
      assert.equal(status.hosts.length, hosts.length);
      for (const { id, position, whyNot: why } of status.hosts) {
        const alone = fleet.hosts.get(id) ?? assert.fail();
        assert.deepEqual(why ?? [], whyNot(fleet, id, { now }));
        assert.equal(position, placeIn(fleet, alone));
      }
    }),
  );
});

/** One by one: how many of its group go before it. */
function placeIn(fleet: Fleet, { record }: FleetHost): number | undefined {
  const all = [...fleet.group(record.group).lines.values()].flatMap((line) => [...line]);
  const own = all.find(({ host }) => host === record.id);
  return own && 1 + all.filter((one) => compareWaiting(one, own) < 0).length;
}
