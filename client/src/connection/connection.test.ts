import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionMachine, connectionDefaults } from './connection.ts';

const most = 0.999_999;

function machineOf(...endpoints: string[]): ConnectionMachine {
  return new ConnectionMachine(endpoints, connectionDefaults);
}

/** The waits of the next attempts when each one fails and chance is at its highest. */
function failingWaits(machine: ConnectionMachine, attempts: number): number[] {
  return Array.from({ length: attempts }, () => {
    const { waitMs } = machine.nextAttempt(most);
    machine.failed('refused');
    return waitMs;
  });
}

test('the first attempt does not wait, and endpoints take turns', () => {
  const machine = machineOf('a', 'b');
  assert.deepEqual(machine.nextAttempt(most), { endpoint: 'a', waitMs: 0 });
  machine.failed('refused');
  assert.equal(machine.nextAttempt(most).endpoint, 'b');
  machine.failed('refused');
  assert.equal(machine.nextAttempt(most).endpoint, 'a');
});

test('the ceiling of waits doubles with each round over all endpoints, up to the cap', () => {
  assert.deepEqual(failingWaits(machineOf('a'), 9), [0, 99, 199, 399, 799, 1599, 3199, 4999, 4999]);
  assert.deepEqual(failingWaits(machineOf('a', 'b'), 6), [0, 99, 99, 199, 199, 399]);
});

test('the jitter is full: chance scales the wait from zero', () => {
  const machine = machineOf('a');
  machine.failed('refused');
  assert.equal(machine.nextAttempt(0).waitMs, 0);
  assert.equal(machine.nextAttempt(0.5).waitMs, 50);
});

test('only a connection that stayed up makes earlier failures forgotten', () => {
  const machine = machineOf('a');
  failingWaits(machine, 4);
  machine.nextAttempt(0);
  machine.opened(0);
  machine.lost(100, 'reset');
  assert.equal(machine.nextAttempt(most).waitMs, 1599);
  machine.opened(200);
  machine.lost(200 + connectionDefaults.stableMs, 'reset');
  assert.equal(machine.nextAttempt(most).waitMs, 99);
});

test('silence of 5 s is loss, anything heard is life', () => {
  const machine = machineOf('a');
  machine.opened(0);
  for (const now of [1_000, 2_000, 3_000]) assert.equal(machine.isSilent(now), false);
  machine.heard(3_500);
  for (const now of [4_000, 5_000, 6_000, 7_000, 8_000]) assert.equal(machine.isSilent(now), false);
  assert.equal(machine.isSilent(8_500), true);
});

test('a process that was stopped itself does not blame the connection', () => {
  const machine = machineOf('a');
  machine.opened(0);
  assert.equal(machine.isSilent(1_000), false);
  assert.equal(machine.isSilent(31_000), false);
  for (const now of [32_000, 33_000, 34_000, 35_000]) assert.equal(machine.isSilent(now), false);
  assert.equal(machine.isSilent(36_000), true);
});

test('two heartbeats in a row without a leader ask for another endpoint, if there is one', () => {
  const machine = machineOf('a', 'b');
  assert.deepEqual(
    [false, true, false, false].map((has) => machine.heartbeat(has)),
    [false, false, false, true],
  );
  const alone = machineOf('a');
  assert.deepEqual(
    [false, false, false].map((has) => alone.heartbeat(has)),
    [false, false, false],
  );
});

test('learned addresses come after the given ones, and the one in use stays', () => {
  const machine = machineOf('a');
  machine.nextAttempt(0);
  machine.opened(0);
  machine.learned(['b', 'a', 'c']);
  assert.deepEqual(machine.endpoints, ['a', 'b', 'c']);
  machine.lost(9_999, 'reset');
  assert.equal(machine.nextAttempt(0).endpoint, 'b');
  machine.learned(['d']);
  assert.deepEqual(machine.endpoints, ['a', 'd', 'b']);
  assert.equal(machine.endpoint, 'b');
});

test('failures are told per endpoint, the newest of each', () => {
  const machine = machineOf('a', 'b');
  for (const reason of ['refused', 'late', 'reset']) {
    machine.nextAttempt(0);
    machine.failed(reason);
  }
  assert.equal(machine.describeFailures(), 'a: reset; b: late');
});
