import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '../core/command.ts';
import { encodeCommand } from '../core/command-codec.ts';
import { Machine } from '../core/machine.ts';
import { HashChecks, type HashTaken } from './hash-checks.ts';

function rig() {
  const machine = new Machine();
  const proposed: Command[] = [];
  const checks = new HashChecks({ memberId: '7', everyTicks: 10 }, (command) =>
    proposed.push(command),
  );
  let index = 0;
  const put = (value: string): void => {
    index++;
    const command = {
      type: 'put',
      key: 'k',
      value,
      lease: '0',
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    };
    machine.apply(encodeCommand({ incarnation: 1, sequence: index }, command as never), index);
  };
  return { machine, proposed, checks, put };
}

test('only the leader asks for a check, now and then', () => {
  const { checks, proposed } = rig();
  for (let tick = 0; tick < 20; tick++) checks.tick(false);
  assert.deepEqual(proposed, []);
  for (let tick = 0; tick < 20; tick++) checks.tick(true);
  assert.deepEqual(proposed, [{ type: 'hashCheck' }, { type: 'hashCheck' }]);
});

test('the hash is of the state when the check was applied, whatever is written meanwhile', () => {
  const { machine, checks, proposed, put } = rig();
  put('1');
  const hash = machine.hash();
  checks.begin(5, machine);
  checks.step();
  put('2');
  while (checks.step()) put('3');
  assert.deepEqual(proposed, [{ type: 'hashReport', memberId: '7', check: 5, hash }]);
  assert.notEqual(machine.hash(), hash);
});

test('an operator gets the hash without a report, and nothing when the state is replaced meanwhile', () => {
  const { machine, checks, proposed, put } = rig();
  put('1');
  const taken: (HashTaken | undefined)[] = [];
  checks.hash(3, machine, (hash) => taken.push(hash));
  while (checks.step());
  checks.hash(3, machine, (hash) => taken.push(hash));
  checks.stop();
  assert.deepEqual(taken, [
    { hash: machine.hash(), appliedIndex: 3, compactRevision: 0 },
    undefined,
  ]);
  assert.deepEqual(proposed, []);
  assert.equal(machine.store.pins.lowest, Number.POSITIVE_INFINITY, 'nothing is held any more');
});
