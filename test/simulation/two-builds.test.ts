/** A cluster is upgraded member by member while it works, and no member reads an entry that it does not understand. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Member } from '../../server/src/member/member.ts';
import { problemsOf } from '../../server/src/member/member-problems.ts';
import { MemberStore } from '../../server/src/member/member-store.ts';
import {
  decodeFrame,
  encodeFrame,
  type PeerFrame,
  peerProtocolVersion,
} from '../../server/src/member/peer-frame.ts';
import { SimClock } from '../../server/testing/sim-time.ts';
import { Coverage } from './coverage.ts';
import { SimCluster, type SimHost } from './sim-cluster.ts';
import { longLease, longTtl, newer, newest, older, Stage, VersionChecks } from './upgrade-stage.ts';

function problemsOn({ member }: SimHost): string {
  return member === undefined ? '' : problemsOf(member).join();
}

/** Three members of the newer build, at version 2. */
function upgraded(options: { joiners?: number } = {}): Stage {
  const stage = new Stage({ build: newer, ...options });
  stage.work(500);
  assert.deepEqual(stage.versions.slice(0, 3), [2, 2, 2]);
  return stage;
}

describe('three members are upgraded one after the other, under load', () => {
  test('they work at the old version until the last one is done, then go up once; an old build does not return', () => {
    const stage = new Stage();
    const { cluster, checks } = stage;
    const [first, second] = stage.followers;
    const last = stage.leader;

    stage.work(1_000);
    // The old leader takes what the new follower forwards, and sends it its state.
    stage.replaceByState(first, newer);
    assert.equal(stage.leader, last);
    stage.work(1_000);
    assert.ok(stage.across['old leads'] > 10);
    assert.deepEqual(stage.versions, [1, 1, 1]);

    // And the other way round, while one new member leads two old ones.
    stage.lead(first);
    stage.replaceByState(second, older);
    stage.work(1_000);
    assert.ok(stage.across['new leads'] > 10);

    stage.restart(second, newer, 'crash');
    stage.work(2_000);
    assert.deepEqual(stage.versions, [1, 1, 1]);
    const early = stage.ask(longLease('1'), second);
    assert.deepEqual(early, { ok: false, code: 'cluster_too_old' });
    assert.equal(checks.raises.size, 0);

    const before = cluster.time.now;
    stage.restart(last, newer);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [2, 2, 2]);
    assert.deepEqual([...checks.raises.values()], [2]);
    assert.equal(stage.count('cluster_version_raised'), 3);
    assert.ok(
      stage.told.every(({ name, at }) => name !== 'cluster_version_raised' || at > before),
      'not before the last one was there',
    );
    assert.deepEqual([...checks.meanings], [1]);
    assert.equal(stage.ask(longLease('2'), second).ok, true);
    assert.deepEqual([...checks.meanings], [1, 2], 'the entry says who may read it');

    // The state of version 2 travels, and outlives everybody.
    stage.replaceByState(first, newer);
    for (const host of cluster.hosts) cluster.crash(host);
    for (const host of cluster.hosts) cluster.start(host);
    stage.pass(3_000);
    stage.work(1_000);
    assert.deepEqual(stage.versions, [2, 2, 2]);
    assert.equal(checks.raises.size, 1);
    for (const { member } of cluster.hosts) assert.equal(member?.machine.leases.size, 1);

    const [returns] = stage.followers;
    stage.restart(returns, older);
    stage.work(2_000);
    assert.equal(returns.member, undefined, 'it did not start');
    const sentence = stage.failureOf(returns);
    assert.match(sentence, /the cluster is at version 2, and this build works with version 1 only/);
    assert.match(sentence, /start the member with a build as new as the other members have/);
    returns.build = newer;
    cluster.start(returns);
    stage.work(1_000);
    stage.close();
  });

  for (const seed of [1, 2, 3]) {
    test(`with a crash at each step, from seed ${seed}`, () => {
      const stage = new Stage({ seed });
      const { cluster, checks } = stage;
      stage.work(500);
      for (const [at, host] of cluster.hosts.entries()) {
        assert.deepEqual(stage.versions, [1, 1, 1]);
        stage.restart(host, newer, 'crash');
        stage.work(500 * seed);
        stage.restart(cluster.hosts[(at + 1) % 3] as SimHost, at === 2 ? newer : older, 'crash');
        stage.work(4_000);
      }
      assert.deepEqual(stage.versions, [2, 2, 2]);
      assert.deepEqual([...checks.raises.values()], [2]);
      stage.close();
    });
  }
});

describe('the version does not go up', () => {
  test('while a member is down, since it may come back with an older build', () => {
    const stage = new Stage();
    const { cluster } = stage;
    const [first, second] = stage.followers;
    const { leader } = stage;
    cluster.crash(first);
    stage.restart(second, newer);
    stage.restart(leader, newer);
    stage.work(5_000);
    assert.deepEqual(stage.checks.raises.size, 0);
    cluster.start(first);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [1, 1, 1], 'it did');
    stage.restart(first, newer);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [2, 2, 2]);
    stage.close();
  });

  test('while a learner of an older build is there, which works with them until it is upgraded', () => {
    const stage = new Stage({ joiners: 1 });
    const { cluster } = stage;
    const joiner = cluster.host('d');
    const { memberId: member } = joiner;
    assert.equal(cluster.change([{ action: 'addLearner', member }], joiner), undefined);
    for (const host of cluster.hosts.slice(0, 3)) {
      stage.restart(host, newer);
      stage.work(3_000);
    }
    // It has not even been started yet.
    assert.deepEqual(stage.versions.slice(0, 3), [1, 1, 1]);
    cluster.start(joiner);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [1, 1, 1, 1]);
    stage.pass(1_000);
    assert.equal(joiner.member?.appliedIndex, stage.leader.member?.appliedIndex);
    stage.restart(joiner, newer);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [2, 2, 2, 2]);
    stage.close();
  });
});

describe('who cannot work with the version of the cluster', () => {
  test('a learner of an older build is refused, and joins with a newer one', () => {
    const stage = upgraded({ joiners: 1 });
    const { cluster } = stage;
    const joiner = cluster.host('d');
    const { memberId: member } = joiner;
    joiner.build = older;
    assert.equal(cluster.change([{ action: 'addLearner', member }], joiner), undefined);
    stage.work(500);
    cluster.start(joiner);
    stage.work(3_000);
    assert.equal(joiner.member, undefined, 'it has ended');
    const reached = stage.told.filter(
      ({ host, name }) => host === 'd' && name === 'snapshot_installed',
    );
    assert.deepEqual(reached, [], 'nothing of the state reached it');
    assert.match(
      stage.failureOf(joiner),
      /the cluster is at version 2, and the build of d works with version 1 only/,
    );
    stage.restart(joiner, newer);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [2, 2, 2, 2]);
    stage.close();
  });

  test('a build from before there were versions is turned away, with the reason', () => {
    const stage = upgraded();
    const { cluster } = stage;
    const [first, second] = stage.followers;
    const { options } = second.member as Member;
    cluster.crash(second);
    const said = { protocol: peerProtocolVersion, fresh: false, ...older, clusterVersion: 0 };
    const hello = { type: 'hello', to: first.memberId, self: { ...options, ...said } } as const;
    const answers: PeerFrame[] = [];
    const network = cluster.network.host(second.address, new SimClock(cluster.time));
    const link = network.dial(first.address, {
      // Such a build ends its greeting before the versions, which take three bytes.
      opened: () => link.send(encodeFrame(hello).subarray(0, -3)),
      frame: (bytes) => answers.push(decodeFrame(bytes)),
      drained: () => {},
      closed: () => {},
    });
    stage.pass(500);
    const [answer] = answers;
    assert.ok(answer?.type === 'refusal' && answer.kind === 'protocol');
    assert.match(answer.sentence, /at version 2, and the build of . works with version 1 only/);
    link.close();
    cluster.start(second);
    stage.work(2_000);
    stage.close();
  });

  test('an old build whose disk does not know of the version yet is told by the others', () => {
    const stage = new Stage();
    const { cluster } = stage;
    const [first, second] = stage.followers;
    stage.restart(second, newer);
    stage.work(2_000);
    stage.restart(stage.leader, newer);
    stage.work(4_000);
    stage.lead(second);
    // All have said that they can; from then on it hears nothing, and its links still stand.
    stage.restartLinked(first, newer);
    for (const { address } of cluster.hosts) cluster.network.cut(address, first.address);
    stage.pass(1_000);
    assert.deepEqual([...stage.checks.raises.values()], [2]);
    assert.equal(first.member?.machine.clusterVersion, 1);
    cluster.network.heal();
    cluster.crash(first);
    first.build = older;
    cluster.start(first);
    stage.pass(2_000);
    assert.match(stage.failureOf(first), /cluster is at version 2, and the build of . works with/);
    stage.restart(first, newer);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [2, 2, 2]);
    stage.close();
  });

  test('one that took the place of a build which had said it could stops at the entry', () => {
    const stage = new Stage();
    const { cluster } = stage;
    const [first, second] = stage.followers;
    stage.restart(second, newer);
    stage.work(2_000);
    const other = stage.leader;
    stage.restart(other, newer);
    stage.work(4_000);
    stage.lead(second);
    const leads = second;
    stage.restartLinked(first, newer);
    // The entry stands in the leader's log, and needs this member to be committed.
    cluster.pause(other);
    cluster.network.cut(leads.address, first.address);
    cluster.time.advance(200);
    assert.equal(leads.member?.machine.clusterVersion, 1);
    cluster.crash(first);
    first.build = older;
    cluster.network.heal();
    cluster.start(first);
    stage.pass(1_000);
    assert.match(stage.failureOf(first), /cluster is at version 2, and this build works with/);
    assert.equal(
      first.member,
      undefined,
      'it has ended, and applied nothing that it could not read',
    );
    cluster.resume(other);
    stage.restart(first, newer);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [2, 2, 2]);
    stage.close();
  });

  test('one whose log raises the version does not start on it, though no snapshot says so', () => {
    const stage = new Stage();
    const [first] = stage.followers;
    for (const host of stage.cluster.hosts) stage.restart(host, newer);
    stage.pass(4_000);
    // What is committed is on disk with the next entries.
    for (let count = 0; count < 3; count++) stage.ask({ type: 'registerClient' });
    assert.deepEqual(stage.versions, [2, 2, 2]);
    assert.equal(stage.count('snapshot_saved'), 0);
    stage.restart(first, older);
    stage.pass(100);
    assert.equal(first.member, undefined);
    assert.match(stage.failureOf(first), /cluster is at version 2, and this build works with/);
  });

  test('a build that has forgotten the version of the cluster does not start, and waits to join', () => {
    const stage = new Stage({ joiners: 1 });
    const { cluster } = stage;
    const [first] = stage.followers;
    stage.restart(first, newest);
    stage.work(500);
    assert.equal(first.member, undefined);
    const sentence = stage.failureOf(first);
    assert.match(sentence, /at version 1, and this build works with versions 2 to 3 only/);
    assert.match(sentence, /upgrade every member to a build that works with both 1 and 2 first/);
    first.build = older;
    cluster.start(first);
    const joiner = cluster.host('d');
    const { memberId: member } = joiner;
    joiner.build = newest;
    assert.equal(cluster.change([{ action: 'addLearner', member }], joiner), undefined);
    cluster.start(joiner);
    stage.work(3_000);
    assert.equal(joiner.member?.appliedIndex, 0);
    assert.match(problemsOn(joiner), /at version 1, and the build of d works/);
    assert.deepEqual(stage.versions.slice(0, 3), [1, 1, 1], 'the others go on');
    // It does as it is told.
    for (const host of cluster.hosts) stage.restart(host, newer);
    stage.work(5_000);
    assert.deepEqual(stage.versions, [2, 2, 2, 2]);
    stage.restart(joiner, newest);
    stage.work(2_000);
    stage.close();
  });

  test('founders whose builds begin at different versions do not begin a cluster together', () => {
    const coverage = new Coverage();
    const checks = new VersionChecks(coverage);
    const cluster = new SimCluster({
      ...{ seed: 5, voters: 3, joiners: 0, build: newer, checks, coverage, trace: () => {} },
    });
    cluster.host('c').build = newest;
    for (const host of cluster.hosts) cluster.start(host);
    cluster.time.advance(10_000);
    assert.equal(cluster.leader, undefined);
    assert.deepEqual([...checks.failures], []);
    const problems = problemsOn(cluster.host('a'));
    assert.match(problems, /lowest cluster version of its builds, which is 2 for c and 1 for a/);
  });
});

test('[W-86] what the version does not bring yet is refused by the store, and status tells the version [W-85]', async () => {
  const stage = new Stage();
  const [first] = stage.followers;
  stage.restart(first, newer);
  stage.work(2_000);
  const grant = { id: '5', ttl: longTtl + 1 };
  const store = () => new MemberStore(first.member as NonNullable<typeof first.member>);
  await assert.rejects(store().leaseGrant(grant), { code: 'cluster_too_old' });
  const { clusterVersion, clusterVersions } = store().status();
  assert.deepEqual([clusterVersion, clusterVersions], [1, { lowest: 1, highest: 2 }]);
  for (const host of stage.cluster.hosts) if (host !== first) stage.restart(host, newer);
  stage.work(4_000);
  const granted = store().leaseGrant(grant);
  stage.pass(1_000);
  assert.equal((await granted).ttl, longTtl + 1);
  assert.equal(store().status().clusterVersion, 2);
  stage.close();
});
