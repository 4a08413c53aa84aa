import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetStatus } from '@lockstep/reboot-coordinator';
import { faultsOf, type GroupResult, type Result } from './result.ts';

const status: FleetStatus = {
  ...{ at: 0, policy: {}, blocks: [], groups: [] },
  hosts: ['web-1', 'web-2', 'web-3'].map((id) => ({
    ...{ id, group: 'web', via: 'agent', state: 'done', since: 0, version: '2' },
    ...{ isAlive: true, isQuarantined: false },
  })),
};

function group(change: Partial<GroupResult> = {}): GroupResult {
  const host = (name: string) => ({
    ...{ name, version: '2', state: 'done', offMs: 10, outMs: 20 },
    boots: [
      { id: 'x', pid: 1 },
      { id: 'y', pid: 2 },
    ],
  });
  return {
    ...{ name: 'web', limit: 1, served: 9, failed: 0, lastFailure: '', mostOff: 1, mostOut: 1 },
    hosts: ['web-1', 'web-2', 'web-3'].map(host),
    ...change,
  };
}

function result(change: Partial<Result> = {}): Result {
  return {
    story: { version: '2', isBad: false, killsLeader: true },
    course: { last: status, isOver: true, killed: 'a (pid 7)', seconds: 30 },
    groups: [group()],
    ...change,
  };
}

const bad = { version: '3', isBad: true, killsLeader: false };

test('a story has no fault when all that was promised was kept', () => {
  assert.deepEqual(faultsOf(result()), []);
  assert.deepEqual(faultsOf(result({ story: bad })), []);
});

test('each promise that was not kept is a fault', () => {
  const { course } = result();
  const [first, ...others] = group().hosts;
  assert.ok(first !== undefined);
  const cases: readonly (readonly [Partial<Result>, RegExp])[] = [
    [
      { groups: [group({ failed: 2, lastFailure: 'reset' })] },
      /^2 requests to web failed \(reset\)$/,
    ],
    [{ groups: [group({ served: 0 })] }, /^web served nothing$/],
    [{ groups: [group({ mostOff: 2 })] }, /^2 hosts of web were down at once, 1 may be$/],
    [{ groups: [group({ mostOut: 3 })] }, /^3 hosts of web were down at once, 1 may be$/],
    [{ course: { ...course, killed: undefined } }, /^no leader was killed$/],
    [{ course: { ...course, isOver: false } }, /^3 of 3 hosts were done after 30 s$/],
    [
      { groups: [group({ hosts: [{ ...first, boots: [{ id: 'x', pid: 1 }] }, ...others] })] },
      /^web-1 did not reboot$/,
    ],
    [{ story: bad, course: { ...course, isOver: false } }, /^the breaker had not stopped/],
    [{ story: { ...bad, version: '2' } }, /^3 of 3 hosts got the bad version$/],
  ];
  for (const [change, fault] of cases) {
    const faults = faultsOf(result(change));
    assert.equal(faults.length, 1, String(fault));
    assert.match(faults[0] ?? '', fault);
  }
});
