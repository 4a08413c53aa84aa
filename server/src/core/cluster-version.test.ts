import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DecodeError } from './base/codec.ts';
import { type Build, ClusterVersionError, misfitOf, thisBuild } from './cluster-version.ts';
import type { Command } from './command.ts';
import { encodeCommand, raisedVersion } from './command-codec.ts';
import { Machine } from './machine.ts';

/** One from before version 2. */
const earlier: Build = { ...thisBuild, versions: { lowest: 1, highest: 1 } };
/** A later build: it drops nothing, and counts long leases as something that version 2 brought. */
const later: Build = {
  versions: { lowest: 1, highest: 2 },
  firstVersionOf: (command) =>
    command.type === 'leaseGrant' && command.ttl > 1_000 ? 2 : thisBuild.firstVersionOf(command),
};
const longLease: Command = { type: 'leaseGrant', id: '7', ttl: 2_000 };
const raise = (version: number): Command => ({ type: 'raiseClusterVersion', version });
const members = [{ memberId: '1', name: 'a', peerAddress: '', clientAddress: '', directoryId: '' }];

class Rig {
  readonly machine: Machine;
  #index = 0;

  constructor(build?: Build) {
    this.machine = new Machine(members, build);
  }

  run(command: Command, version = 1, once?: Parameters<typeof encodeCommand>[2]) {
    const origin = { incarnation: 1, sequence: ++this.#index };
    return this.machine.apply(encodeCommand(origin, command, once, version), this.#index).reply;
  }
}

function chunksOf(machine: Machine): Uint8Array[] {
  return [...machine.image().chunks()];
}

function restored(chunks: readonly Uint8Array[], build?: Build): Machine {
  const restorer = Machine.restorer(build);
  for (const chunk of chunks) restorer.push(chunk);
  return restorer.finish();
}

test('the build that ships knows all its commands at some version it can work with', () => {
  const { lowest, highest } = thisBuild.versions;
  assert.ok(lowest >= 1 && lowest <= highest && highest <= 255);
  assert.ok(thisBuild.firstVersionOf(longLease) <= highest);
});

describe('the version of a machine', () => {
  test('begins at the lowest of its build, goes up, and never down', () => {
    const rig = new Rig({ ...later, versions: { lowest: 1, highest: 5 } });
    assert.equal(rig.machine.clusterVersion, 1);
    for (const [to, now] of [
      [3, 3],
      [2, 3],
      [3, 3],
      [5, 5],
    ] as const) {
      assert.deepEqual(rig.run(raise(to)), { type: 'done' });
      assert.equal(rig.machine.clusterVersion, now);
    }
  });

  test('is part of the state: of its hash, and of a snapshot', () => {
    const rig = new Rig({ ...later, versions: { lowest: 1, highest: 300 } });
    const hashes = [1, 2, 200, 300].map((version) => {
      rig.run(raise(version));
      assert.equal(restored(chunksOf(rig.machine), rig.machine.build).clusterVersion, version);
      return rig.machine.hash();
    });
    assert.equal(new Set(hashes).size, 4);
  });

  test('decides the form of the state, whatever the build: at one version builds agree in every byte', () => {
    const rigs = [new Rig(earlier), new Rig(later)] as const;
    for (const rig of rigs) rig.run({ type: 'leaseGrant', id: '7', ttl: 10 });
    const [own, its] = rigs.map(({ machine }) => chunksOf(machine));
    assert.deepEqual(own, its);
    // The header's form of the first version is what it was before clusters had versions.
    assert.deepEqual(own?.[0]?.subarray(0, 2), Uint8Array.of(1, 2));
    assert.equal(restored(its ?? [], earlier).hash(), restored(own ?? [], later).hash());
  });
});

describe('a machine of a build that the cluster leaves behind', () => {
  test('stops at the entry that does so, and has applied nothing of it', () => {
    const rig = new Rig(earlier);
    const before = rig.machine.hash();
    assert.throws(() => rig.run(raise(2)), ClusterVersionError);
    assert.equal(rig.machine.clusterVersion, 1);
    assert.equal(rig.machine.hash(), before);
  });

  test('refuses a later snapshot at its first chunk, before anything it might not understand', () => {
    const rig = new Rig(later);
    rig.run(raise(2));
    const [first] = chunksOf(rig.machine);
    const restorer = Machine.restorer(earlier);
    assert.throws(() => restorer.push(first ?? Uint8Array.of()), ClusterVersionError);
  });

  test('never acts on a command that means something it does not know', () => {
    const rig = new Rig(earlier);
    assert.throws(() => rig.run(longLease, 2), DecodeError);
    assert.equal(rig.machine.leases.size, 0);
  });
});

describe('a machine of a build that has left the first version behind', () => {
  const newest: Build = { ...later, versions: { lowest: 2, highest: 3 } };

  test('refuses a state that is still at it', () => {
    assert.throws(() => restored(chunksOf(new Rig(earlier).machine), newest), ClusterVersionError);
  });

  test('takes one that has left it as well', () => {
    const rig = new Rig(later);
    rig.run(raise(2));
    assert.equal(restored(chunksOf(rig.machine), newest).clusterVersion, 2);
  });
});

test('a command that comes too early is refused alike by all who know it, and not remembered', () => {
  const rig = new Rig(later);
  const client = rig.run({ type: 'registerClient' });
  assert.ok(client.type === 'registerClient');
  const once = { clientId: client.clientId, sequence: 1, ackedBelow: 1 };
  const before = rig.machine.hash();
  assert.deepEqual(rig.run(longLease, 2, once), { type: 'refused', code: 'cluster_too_old' });
  assert.equal(rig.machine.hash(), before);
  rig.run(raise(2));
  assert.equal(rig.run(longLease, 2, once).type, 'leaseGrant');
});

test('an entry tells whether it raises the version, and to what', () => {
  const origin = { incarnation: 1, sequence: 1 };
  assert.equal(raisedVersion(encodeCommand(origin, raise(9))), 9);
  assert.equal(raisedVersion(encodeCommand(origin, longLease)), undefined);
  assert.equal(raisedVersion(new Uint8Array()), undefined);
});

test('who does not fit is told both versions, and what to do', () => {
  const range = { lowest: 2, highest: 4 };
  for (const version of [2, 3, 4]) assert.equal(misfitOf(range, version), undefined);
  assert.match(
    misfitOf(range, 5, 'the build of c') ?? '',
    /cluster is at version 5, and the build of c works with versions 2 to 4 only.*start the member with a build as new as/,
  );
  assert.match(misfitOf(range, 1) ?? '', /at version 1, and this build.*both 1 and 2 first/);
  assert.match(misfitOf({ lowest: 1, highest: 1 }, 2) ?? '', /works with version 1 only/);
});
