import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet, FleetKeys, type HostRecord, statusOf } from '@lockstep/reboot-coordinator/policy';
import { faces, pictureOf, signs, signsOf } from './fleet-picture.ts';

const now = Date.UTC(2026, 4, 4, 12);

function pictured(records: readonly Partial<HostRecord>[], more: Readonly<Record<string, string>>) {
  const fleet = new Fleet(new FleetKeys());
  for (const record of records) {
    const whole = { group: 'web', via: 'agent', state: 'idle', since: now, ...record };
    fleet.apply(fleet.keys.host(record.id ?? ''), JSON.stringify(whole), 1);
  }
  for (const [key, value] of Object.entries(more)) fleet.apply(key, value, 2);
  return pictureOf(statusOf(fleet, { now }));
}

test('hosts stand by name in their group, numbers by size, whatever they do', () => {
  const request = { at: now, reason: 'kernel', isAsking: true };
  const { groups } = pictured(
    [
      { id: 'web-10' },
      { id: 'x', name: 'web-9', state: 'waiting', request },
      { id: 'web-2' },
      { id: 'db-1', group: 'db' },
    ],
    { 'reboot/groups/empty': '{"limit":{"count":1}}' },
  );
  assert.deepEqual(
    groups.map(({ status, hosts }) => [status.name, ...hosts.map(({ id }) => id)]),
    [['db', 'db-1'], ['empty'], ['web', 'web-2', 'x', 'web-10']],
  );
});

test('a host has the sign of its state and of all that is to be said beside it, and each is counted', () => {
  const { hosts, counts } = pictured(
    [
      { id: 'a', state: 'waiting', loop: { cause: 'kernel', boots: 3 } },
      { id: 'b', state: 'done' },
      { id: 'c', via: 'fleetlock' },
    ],
    {
      'reboot/pauses/hosts/a': JSON.stringify({ by: 'ann', reason: '', at: now }),
      'reboot/alive/b': '{"bootId":"1","instance":"i"}',
    },
  );
  const signed = [...hosts.values()].map((host) => [host.id, ...signsOf(host)]);
  assert.deepEqual(signed.toSorted(), [
    ['a', 'waiting', 'absent', 'paused', 'quarantined'],
    ['b', 'done'],
    ['c', 'idle'],
  ]);
  assert.deepEqual(
    ['waiting', 'done', 'idle', 'absent', 'failed'].map((sign) => counts.get(sign as 'idle') ?? 0),
    [1, 1, 1, 1, 0],
  );
});

test('no two signs look alike without their colour', () => {
  assert.equal(new Set(signs.map((sign) => faces[sign].symbol)).size, signs.length);
});
