/**
 * What stores of this kind have got wrong, each as the story that shows it. The numbers are of etcd's issues, for whoever wants to
 * read what happened there; what is told here is what must not happen.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { Outcome } from '../checkers/history.ts';
import { crashPoints } from './crash-points.ts';
import { ScriptedCluster } from './scripted-cluster.ts';

const all = { type: 'range', key: '\0', rangeEnd: '\0' } as const;

function pairsOf(outcome: Outcome): string[] {
  assert.ok(outcome.type === 'ok' && outcome.answer.type === 'range', JSON.stringify(outcome));
  return outcome.answer.pairs.map(({ key, value }) => `${key}=${value}`);
}

describe('etcd 13766, 14685, 17780: a crash anywhere leaves data and applied index at one moment', () => {
  for (const point of crashPoints) {
    test(`${point}`, () => {
      const script = new ScriptedCluster(3);
      const victim = point.includes('leader') ? script.leader : script.followers[0];
      assert.ok(victim !== undefined);
      if (point === 'after a snapshot was installed') {
        // It misses so much that it can only be sent a snapshot.
        script.cluster.crash(victim);
        for (let at = 0; at < 200; at++) script.put(`k${at % 7}`, `missed ${at}`.padEnd(80, '.'));
        script.cluster.start(victim);
        script.until(() => victim.member !== undefined, 'it runs');
      }
      victim.cuts.arm(point, 0);
      for (let at = 0; victim.member !== undefined && at < 400; at++) {
        const request =
          at % 9 === 8
            ? ({ type: 'compact', revision: at } as const)
            : ({ type: 'put', key: `k${at % 7}`, value: `${at}`.padEnd(80, '.') } as const);
        script.ask(request, script.cluster.running[at % script.cluster.running.length]);
      }
      assert.equal(victim.member, undefined, `it was cut off ${point}`);
      script.until(() => script.cluster.leader !== undefined, 'the others have a leader');
      script.put('after', 'the crash');
      script.cluster.start(victim);
      script.until(() => victim.member !== undefined, 'it is back');
      script.settle();
      assert.deepEqual(pairsOf(script.ask(all, victim)).includes('after=the crash'), true);
      script.check();
    });
  }
});

test('etcd 14370: a cluster of one acknowledges nothing that is not on its disk', () => {
  for (const point of ['before a log sync', 'after a log sync'] as const) {
    const script = new ScriptedCluster(1);
    const { leader } = script;
    script.put('a', '1');
    leader.cuts.arm(point, 0);
    assert.deepEqual(script.ask({ type: 'put', key: 'a', value: '2' }), { type: 'unknown' });
    script.cluster.start(leader);
    script.until(() => script.cluster.leader !== undefined, 'it leads again');
    const now = pairsOf(script.ask(all));
    assert.ok(point === 'before a log sync' || now.includes('a=2'), 'what was synced is there');
    script.check();
  }
});

test('etcd 15220, 17557: progress is never told before the events that it speaks of', () => {
  const script = new ScriptedCluster(3);
  const [follower] = script.followers;
  assert.ok(follower !== undefined);
  const watcher = script.watcher('w', 'a/');
  watcher.attach(follower, script.memberOf(follower));
  for (let round = 0; round < 30; round++) {
    watcher.full = round % 3 !== 2;
    script.put(round % 2 === 0 ? 'a/1' : 'b/1', `${round}`);
    watcher.nudge();
    // Long enough for a watch that is told nothing to be told how far it is.
    if (round % 10 === 9) script.pass(15_000);
  }
  watcher.readAll();
  script.pass(15_000);
  assert.ok(script.coverage.countOf('watch told of progress') > 0);
  // By both watches of its connection.
  assert.equal(script.check().watchEvents, 30);
});

test('etcd 15271: a watch on a member that is healed by a snapshot does not go back in time, and misses nothing', () => {
  const script = new ScriptedCluster(3);
  const [follower] = script.followers;
  assert.ok(follower !== undefined);
  const watcher = script.watcher('w');
  watcher.attach(follower, script.memberOf(follower));
  script.put('a', '1');
  script.pass(500);
  const { network, hosts } = script.cluster;
  for (const { address } of hosts) {
    network.cut(follower.address, address);
    network.cut(address, follower.address);
  }
  for (let at = 0; at < 300; at++) script.put('a', `${at}`.padEnd(100, '.'));
  network.heal();
  script.until(() => script.coverage.countOf('snapshot installed') > 0, 'a snapshot is installed');
  script.put('a', 'last');
  for (
    let tries = 0;
    tries < 20 && watcher.next <= script.checks.reference.store.revision;
    tries++
  ) {
    if (!watcher.attached) watcher.attach(follower, script.memberOf(follower));
    script.pass(500);
  }
  assert.ok(
    watcher.next > script.checks.reference.store.revision,
    'it was told of everything that is left',
  );
  script.check();
});

test('etcd 17529: a watcher that is too slow for compaction is told so, with the revision to go on at', () => {
  const script = new ScriptedCluster(3);
  const watcher = script.watcher('slow');
  watcher.attach(script.leader, script.memberOf(script.leader));
  watcher.full = true;
  for (let at = 0; at < 40; at++) script.put('a', `${at}`);
  const { revision } = script.checks.reference.store;
  assert.equal(script.ask({ type: 'compact', revision }).type, 'ok');
  script.put('a', 'after');
  watcher.full = false;
  watcher.nudge();
  script.pass(1_000);
  const [session] = script.history.watchers[0]?.sessions ?? [];
  const end = session?.items.at(-1);
  assert.deepEqual(end, { type: 'ended', reason: 'compacted', resumeAt: revision });
  watcher.attach(script.leader, script.memberOf(script.leader));
  script.pass(1_000);
  assert.equal(watcher.next, revision + 2);
  script.check();
});

describe('etcd 18089, 19179: compacting at any revision loses no delete and no pair that is left', () => {
  /** a=1, a deleted, a=2, b=1, a deleted, b deleted. */
  const story = (script: ScriptedCluster): void => {
    for (const step of ['a=1', 'a', 'a=2', 'b=1', 'a', 'b']) {
      const [key = '', value] = step.split('=');
      script.ask(
        value === undefined ? { type: 'delete', key, prevKv: true } : { type: 'put', key, value },
      );
    }
  };
  for (let revision = 2; revision <= 7; revision++) {
    test(`at revision ${revision}`, () => {
      const script = new ScriptedCluster(3);
      story(script);
      const from = script.watcher('from there');
      const { cluster } = script;
      assert.equal(script.ask({ type: 'compact', revision }).type, 'ok');
      script.settle();
      script.pass(2_000);
      for (const host of cluster.running) {
        for (let past = revision; past <= 7; past++) {
          assert.equal(
            script.ask({ ...all, revision: past }, host).type,
            'ok',
            `${host.name} at ${past}`,
          );
        }
        assert.deepEqual(script.ask({ ...all, revision: revision - 1 }, host), {
          type: 'refused',
          code: 'compacted',
        });
      }
      // The events at the compaction revision itself are still told.
      from.attach(script.leader, script.memberOf(script.leader));
      script.pass(1_000);
      const told = script.history.watchers[0]?.sessions.at(-1);
      assert.equal(told?.from, revision);
      assert.equal(told?.items.filter(({ type }) => type === 'events').length, 8 - revision);
      // A crash in the middle does not take the revision back.
      const { leader } = script;
      cluster.crash(leader);
      cluster.start(leader);
      script.until(
        () => cluster.leader !== undefined && leader.member !== undefined,
        'all are there',
      );
      script.settle();
      assert.equal(script.put('c', '1'), 8);
      script.check();
    });
  }
});

test('etcd 18667, 21432: a read of the past inside of a transaction answers alike on members that swept more or less', () => {
  const script = new ScriptedCluster(3);
  for (let at = 0; at < 30; at++) script.put('a', `${at}`);
  // Asked for by one, swept by each when it comes to it; the transaction is applied by all.
  const compaction = script.begin({ type: 'compact', revision: 20 });
  const outcomes = [19, 20, 21].map((revision) =>
    script.ask({
      type: 'txn',
      compare: [],
      success: [
        { type: 'range', key: 'a', revision },
        { type: 'put', key: `read ${revision}`, value: 'x' },
      ],
      failure: [],
    }),
  );
  script.until(() => compaction.outcome !== undefined, 'it is compacted');
  assert.deepEqual(
    outcomes.map(({ type }) => type),
    ['refused', 'ok', 'ok'],
  );
  script.settle();
  script.check();
});

test('etcd 20221: a watch from a revision that is not there yet is told of nothing older, on a member that is behind', () => {
  const script = new ScriptedCluster(3);
  const [follower] = script.followers;
  assert.ok(follower !== undefined);
  const { network } = script.cluster;
  network.cut(script.leader.address, follower.address);
  for (let at = 0; at < 10; at++) script.put('a', `${at}`);
  const { revision } = script.checks.reference.store;
  const sink: number[] = [];
  const member = script.memberOf(follower);
  assert.ok(member.machine.store.revision < revision, 'it is behind');
  const stream = member.hub.open({
    ready: () => true,
    events: (_ids, batch) => sink.push(batch.revision),
    progress: () => {},
    ended: () => {},
  });
  const ranges = [{ key: '\0' as ByteString, rangeEnd: '\0' as ByteString }];
  const spec = { ranges, prevKv: false, noPut: false, noDelete: false, keysOnly: false };
  stream.create(1, spec, { progressNotify: false, credits: undefined }, revision + 1);
  network.heal();
  script.settle();
  const next = script.put('a', 'new');
  script.settle();
  script.pass(500);
  assert.deepEqual(sink, [next]);
});

test('etcd 20418, 21375: a leader that was paused and replaced answers no read from before', () => {
  const script = new ScriptedCluster(3);
  const { cluster, leader: old } = script;
  script.put('a', '1');
  cluster.pause(old);
  const reads = [script.begin({ type: 'range', key: 'a' }, old)];
  script.until(() => cluster.leader !== undefined && cluster.leader !== old, 'another leads');
  script.put('a', '2');
  reads.push(script.begin({ type: 'range', key: 'a' }, old));
  cluster.resume(old);
  script.until(() => reads.every(({ outcome }) => outcome !== undefined), 'both are answered');
  // The first was asked before the second put: it may answer either. The second was not.
  const { outcome } = reads[1] ?? {};
  assert.ok(outcome !== undefined && (outcome.type !== 'ok' || pairsOf(outcome).includes('a=2')));
  assert.deepEqual(pairsOf(script.ask({ type: 'range', key: 'a' })), ['a=2']);
  script.check();
});

test('Jepsen, jetcd 0.8.2: a mutation that is sent again because its answer was lost runs once', () => {
  const script = new ScriptedCluster(3);
  const { cluster } = script;
  const host = script.followers[0];
  assert.ok(host?.member !== undefined);
  let clientId = '';
  host.member.propose({ type: 'registerClient' }, (outcome) => {
    if (outcome.ok && outcome.reply.type === 'registerClient') clientId = outcome.reply.clientId;
  });
  script.until(() => clientId !== '', 'the client is known');
  const once = { clientId, sequence: 1, ackedBelow: 0 };
  const command = {
    type: 'put',
    key: 'once' as ByteString,
    value: '1' as ByteString,
    lease: '0',
    prevKv: true,
    ignoreValue: false,
    ignoreLease: false,
  } as const;
  // The process that was asked dies with the answer; others are asked again and again.
  host.member.propose(command, () => {}, once);
  script.pass(2);
  cluster.crash(host);
  const revisions = new Set<number>();
  for (const other of [...cluster.running, ...cluster.running]) {
    other.member?.propose(
      command,
      (outcome) => outcome.ok && revisions.add(outcome.revision),
      once,
    );
  }
  script.until(() => revisions.size > 0, 'it is answered');
  script.pass(2_000);
  assert.equal(revisions.size, 1, 'every answer is the same');
  assert.equal(script.checks.history.filter(({ key }) => key === 'once').length, 1);
});
