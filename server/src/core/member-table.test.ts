import assert from 'node:assert/strict';
import { test } from 'node:test';
import { thisBuild } from './cluster-version.ts';
import type { Command } from './command.ts';
import { encodeCommand } from './command-codec.ts';
import { Machine } from './machine.ts';
import type { MemberRecord } from './member-table.ts';

const founder = {
  memberId: '1',
  name: 'a',
  peerAddress: 'a:1',
  clientAddress: '',
  directoryId: 'x',
};
const added: MemberRecord = {
  ...{ memberId: '2', name: '', peerAddress: 'b:1', clientAddress: '', directoryId: '' },
  promotion: { replaces: '1' },
};
const registration: Command = {
  ...{ type: 'register', memberId: '2', name: 'b', peerAddress: 'b:1' },
  ...{ clientAddress: 'b:2', directoryId: 'y' },
};

function machineAt(version: number): { machine: Machine; run(command: Command): unknown } {
  const machine = new Machine([founder]);
  let index = 0;
  const run = (command: Command): unknown => {
    const origin = { incarnation: 1, sequence: ++index };
    return machine.apply(encodeCommand(origin, command), index).reply;
  };
  if (version > 1) run({ type: 'raiseClusterVersion', version });
  return { machine, run };
}

function learn(machine: Machine): void {
  machine.applyMembership({
    changes: [{ action: 'addLearner', member: '2' }],
    transition: 'auto',
    context: JSON.stringify(added),
  });
}

function copyOf(machine: Machine): Machine {
  const restorer = Machine.restorer(thisBuild);
  for (const chunk of machine.image().chunks()) restorer.push(chunk);
  return restorer.finish();
}

test('what is to become of a learner outlives its registration and a snapshot, and ends when it votes', () => {
  const { machine, run } = machineAt(2);
  learn(machine);
  run(registration);
  assert.deepEqual(machine.members.get('2')?.promotion, { replaces: '1' });
  const copy = copyOf(machine);
  assert.deepEqual(copy.members.get('2'), machine.members.get('2'));
  assert.equal(copy.hash(), machine.hash());
  const vote = { changes: [{ action: 'addVoter', member: '2' }], transition: 'auto', context: '' };
  copy.applyMembership(vote as Parameters<Machine['applyMembership']>[0]);
  assert.equal(copy.members.get('2')?.promotion, undefined);
  assert.notEqual(copy.hash(), machine.hash(), 'it is part of the state');
});

test('the state has no word of it at cluster version 1, where older builds read it', () => {
  const { machine } = machineAt(1);
  learn(machine);
  assert.equal(copyOf(machine).members.get('2')?.promotion, undefined);
  assert.equal(copyOf(machine).hash(), machine.hash());
});

test('who was removed does not come back by what it sent before it knew', () => {
  for (const [version, comesBack] of [
    [1, true],
    [2, false],
  ] as const) {
    const { machine, run } = machineAt(version);
    learn(machine);
    const gone = { changes: [{ action: 'remove', member: '2' }], transition: 'auto', context: '' };
    machine.applyMembership(gone as Parameters<Machine['applyMembership']>[0]);
    run(registration);
    assert.equal(machine.members.get('2') !== undefined, comesBack, `at version ${version}`);
  }
});

test('a member that has never started does not hold up the comparison of states', () => {
  const { machine, run } = machineAt(2);
  learn(machine);
  const begun = run({ type: 'hashCheck' }) as { check: number };
  run({ type: 'hashReport', memberId: '1', check: begun.check, hash: 7 });
  assert.equal(machine.counts.hashChecksPassed, 1);
});
