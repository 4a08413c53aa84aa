import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fleet } from './fleet.ts';
import { FleetKeys } from './keys.ts';
import { statusOf } from './status.ts';

const now = Date.UTC(2026, 4, 4, 12);

test('a fleet is the same in whatever order its records are read', () => {
  const keys = new FleetKeys();
  const order = JSON.stringify({ by: 'ann', reason: 'holiday', at: now });
  const host = (id: string, group: string): string =>
    JSON.stringify({
      ...{ id, group, via: 'agent', state: 'waiting', since: now },
      request: { at: now, reason: 'kernel', isAsking: true },
    });
  const records: [string, string][] = [
    [keys.alive('a'), '{"bootId":"1","instance":"i"}'],
    [keys.breaker('web'), '{}'],
    [keys.failure('web', 'g1'), JSON.stringify({ host: 'b', group: 'web', at: now, reason: 'x' })],
    [keys.group('db'), '{"limit":{"count":1},"gapMs":60000}'],
    [keys.group('web'), '{"limit":{"count":1}}'],
    [keys.host('a'), host('a', 'web')],
    [keys.host('b'), host('b', 'web')],
    [keys.host('c'), host('c', 'nowhere')],
    [keys.groupPause('db'), order],
    [keys.groupPause('gone'), order],
    [keys.hostPause('b'), order],
    [keys.pace('db'), JSON.stringify({ grantedAt: now })],
  ];
  const statusIn = (read: readonly [string, string][]) => {
    const fleet = new Fleet(keys);
    for (const [key, value] of read)
      fleet.apply(
        key,
        value,
        records.findIndex(([k]) => k === key),
      );
    return statusOf(fleet, { now });
  };
  const one = statusIn(records);
  const named = one.groups.map(({ name, isBreakerOpen, paused, blocks }) => [
    ...[name, isBreakerOpen, paused?.by],
    ...blocks.map(({ kind }) => kind),
  ]);
  assert.deepEqual(named, [
    ['db', false, 'ann', 'paused', 'gap'],
    ['nowhere', false, undefined, 'undeclared_group'],
    ['web', true, undefined, 'breaker_open', 'full'],
  ]);
  fc.assert(
    fc.property(fc.shuffledSubarray(records, { minLength: records.length }), (read) => {
      assert.deepEqual(statusIn(read), one);
    }),
  );
});
