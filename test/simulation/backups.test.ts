import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Machine } from '../../server/src/core/machine.ts';
import { MemberStore } from '../../server/src/member/member-store.ts';
import { BackupDecoder } from '../../server/src/storage/backup-decoder.ts';
import type { SnapshotStream } from '../../server/src/store.ts';
import { ScriptedCluster } from './scripted-cluster.ts';
import type { SimHost } from './sim-cluster.ts';

const local = { serializable: true, minRevision: 0 };

/** A cluster, and the stores of its members as their doors see them. */
class Stage extends ScriptedCluster {
  store(host: SimHost = this.leader): MemberStore {
    return new MemberStore(this.memberOf(host));
  }

  /** Lets time pass until the promise has settled. */
  async settled<Value>(promise: Promise<Value>): Promise<Value> {
    let done = false;
    const end = (): void => {
      done = true;
    };
    promise.then(end, end);
    for (let turns = 0; !done && turns < 20_000; turns++) {
      this.pass(1);
      for (let tick = 0; tick < 5; tick++) await Promise.resolve();
    }
    return promise;
  }

  /** The rest of a stream, and the state that it holds. */
  async read(stream: SnapshotStream): Promise<{ machine: Machine; decoder: BackupDecoder }> {
    const restorer = Machine.restorer();
    const decoder = new BackupDecoder('the stream', (chunk) => restorer.push(chunk));
    for (;;) {
      const part = await this.settled(stream.next());
      if (part === undefined) break;
      decoder.push(part);
    }
    decoder.finish();
    return { machine: restorer.finish(), decoder };
  }
}

const text = 'v'.repeat(20_000);

test('a snapshot holds the moment it was begun at, while writes and compactions go on', async () => {
  const stage = new Stage();
  for (let at = 0; at < 40; at++) stage.put(`key/${at}`, text);
  const store = stage.store();
  const { hash, appliedIndex } = await stage.settled(store.hash());
  const stream = await stage.settled(store.snapshot({ serializable: false, minRevision: 0 }));
  const { revision } = stream.stamp;
  const last = stage.put('key/1', 'later');
  for (let at = 0; at < 40; at++) stage.put(`key/${at}`, 'later still');
  await stage.settled(store.compact({ revision: last, physical: false }));
  const member = stage.memberOf(stage.leader);
  stage.pass(2_000);
  const pinned = member.machine.store.sweptRevision;
  assert.ok(pinned < last, 'what is being read is not given back');
  const { machine, decoder } = await stage.read(stream);
  assert.deepEqual([machine.store.revision, machine.store.keys], [revision, 40]);
  assert.equal(decoder.header?.meta.index, appliedIndex);
  assert.deepEqual([decoder.hash, machine.hash()], [hash, hash]);
  stage.pass(2_000);
  assert.ok(member.machine.store.sweptRevision >= last, 'and is when the reader has ended');
  stage.check();
});

test('a reader that goes away lets go, and so does one whose member stops', async () => {
  const stage = new Stage();
  for (let at = 0; at < 40; at++) stage.put('key', text);
  const store = stage.store();
  const stream = await stage.settled(store.snapshot(local));
  const { machine } = stage.memberOf(stage.leader);
  assert.ok((await stage.settled(stream.next())) !== undefined);
  assert.notEqual(machine.store.pins.lowest, Number.POSITIVE_INFINITY);
  stream.close();
  stream.close();
  assert.equal(machine.store.pins.lowest, Number.POSITIVE_INFINITY);
  assert.equal(await stage.settled(stream.next()), undefined);

  const other = await stage.settled(store.snapshot(local));
  stage.memberOf(stage.leader).close();
  await assert.rejects(stage.settled(other.next()), { code: 'server_stopped' });
  assert.equal(machine.store.pins.lowest, Number.POSITIVE_INFINITY);
});

test('eight at a time are given, and a ninth when one has ended', async () => {
  const stage = new Stage(1);
  const store = stage.store();
  const open = await stage.settled(
    Promise.all(Array.from({ length: 8 }, () => store.snapshot(local))),
  );
  await assert.rejects(stage.settled(store.snapshot(local)), { code: 'too_many_requests' });
  open[3]?.close();
  (await stage.settled(store.snapshot(local))).close();
});

test('a member without a quorum gives what it has, and only if that is asked for', async () => {
  const stage = new Stage();
  stage.put('a', '1');
  stage.settle();
  const [first, second] = stage.followers;
  assert.ok(first !== undefined && second !== undefined);
  const store = stage.store(first);
  stage.cluster.crash(stage.leader);
  stage.cluster.crash(second);
  await assert.rejects(stage.settled(store.snapshot({ serializable: false, minRevision: 0 })));
  const { machine } = await stage.read(await stage.settled(store.snapshot(local)));
  assert.equal(machine.store.keys, 1);
});

test('the hash of history is that of a revision, on every member, swept or not', async () => {
  const stage = new Stage();
  const hashOf = async (revision: number, host = stage.leader) => {
    const { hash, hashRevision, compactRevision } = await stage.settled(
      stage.store(host).hashKv(revision),
    );
    return { hash, hashRevision, compactRevision };
  };
  const revisions = Array.from({ length: 30 }, (_, at) => stage.put(`key/${at % 7}`, `${at}`));
  const [middle = 0, last = 0] = [revisions[14], revisions[29]];
  stage.settle();
  const atMiddle = await hashOf(middle);
  const newest = await hashOf(0);
  assert.equal(newest.hashRevision, last);
  assert.notEqual(newest.hash, atMiddle.hash);
  for (const host of stage.followers) {
    assert.deepEqual(await hashOf(middle, host), atMiddle);
    assert.deepEqual(await hashOf(0, host), newest);
  }
  stage.put('more', '1');
  assert.deepEqual(await hashOf(middle), atMiddle, 'later writes do not show');
  const compacted = revisions[9] ?? 0;
  // A pin keeps one member from sweeping, which must not show either.
  const release = stage.memberOf(stage.leader).machine.store.pins.pin(1);
  await stage.settled(stage.store().compact({ revision: compacted, physical: false }));
  stage.pass(1_000);
  stage.settle();
  const after = await hashOf(middle);
  assert.equal(after.compactRevision, compacted);
  assert.notEqual(after.hash, atMiddle.hash);
  for (const host of stage.followers) {
    assert.equal(stage.memberOf(host).machine.store.sweptRevision, compacted);
    assert.deepEqual(await hashOf(middle, host), after);
  }
  release();
  await assert.rejects(hashOf(compacted - 1), { code: 'compacted' });
  await assert.rejects(hashOf(last + 9), { code: 'future_revision' });
  assert.deepEqual(await hashOf(compacted), await hashOf(compacted, stage.followers[0]));
});

test('an alarm that is raised by hand stays until it is cleared by hand', async () => {
  const stage = new Stage();
  const store = stage.store();
  const put = { key: 'a', value: '1', lease: '0', prevKv: false, ignoreValue: false };
  const request = { ...put, ignoreLease: false } as Parameters<MemberStore['put']>[0];
  const alarm = {
    memberId: stage.memberOf(stage.leader).options.memberId,
    alarm: 'nospace',
  } as const;
  stage.pass(10_000);
  assert.deepEqual((await stage.settled(store.arm(alarm))).alarms, [alarm]);
  stage.pass(10_000);
  assert.deepEqual((await stage.settled(store.alarms())).alarms, [alarm]);
  await assert.rejects(stage.settled(store.put(request)), { code: 'no_space' });
  await stage.settled(store.defragment());
  await stage.settled(store.disarm({ memberId: undefined, alarm: undefined }));
  await stage.settled(store.put(request));
});
