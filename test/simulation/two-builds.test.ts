/** A cluster is upgraded member by member while it works, and no member reads an entry that it does not understand. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Build, thisBuild } from '../../server/src/core/cluster-version.ts';
import type { Command } from '../../server/src/core/command.ts';
import { raisedVersion, versionOf } from '../../server/src/core/command-codec.ts';
import { Machine } from '../../server/src/core/machine.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { Entry } from '../../server/src/core/raft/types.ts';
import type { MemberEventName } from '../../server/src/member/events.ts';
import { MemberStore } from '../../server/src/member/member-store.ts';
import type { Outcome } from '../../server/src/member/proposals.ts';
import { Checks } from './checks.ts';
import { Coverage } from './coverage.ts';
import { MeasuredHost } from './measured-host.ts';
import { SimCluster, type SimHost } from './sim-cluster.ts';

const longTtl = 1_000;
const older: Build = { ...thisBuild, versions: { lowest: 1, highest: 1 } };
/** Version 2 brings it leases that are longer than {@link longTtl}; nothing else is new. */
const newer: Build = {
  versions: { lowest: 1, highest: 2 },
  firstVersionOf: (command) =>
    command.type === 'leaseGrant' && command.ttl > longTtl ? 2 : older.firstVersionOf(command),
};
/** One that has forgotten version 1. */
const newest: Build = { ...newer, versions: { lowest: 2, highest: 3 } };
const longLease = (id: string): Command => ({ type: 'leaseGrant', id, ttl: longTtl + 1 });

/** As {@link Checks}, over a reference that knows every version; and who reads what. */
class VersionChecks extends Checks {
  override readonly reference = new Machine([], { ...newer, versions: { lowest: 1, highest: 9 } });
  readonly failures = new Map<SimHost, Error>();
  /** The entries that raise the version, by index. */
  readonly raises = new Map<number, number>();

  override applied(host: SimHost, entry: Entry, now: number): void {
    super.applied(host, entry, now);
    if (entry.kind !== 'command' || entry.payload.length === 0) return;
    const version = versionOf(entry.payload);
    const { build, clusterVersion = 0 } = host.member?.machine ?? {};
    assert.ok(version <= (build?.versions.highest ?? 0), `${host.name} read what it does not know`);
    assert.ok(version <= clusterVersion, `${host.name} read version ${version} too early`);
    const raised = raisedVersion(entry.payload);
    if (raised !== undefined) this.raises.set(entry.index, raised);
  }

  override memberFailed(host: SimHost, error: Error): void {
    this.failures.set(host, error);
  }
}

class Stage {
  readonly cluster: SimCluster;
  readonly checks: VersionChecks;
  readonly told: { host: string; name: MemberEventName; at: number }[] = [];
  /** What was acknowledged, and how often by a member of another build than the leader's. */
  readonly acknowledged = new Map<string, string>();
  readonly across = { 'old leads': 0, 'new leads': 0 };
  #puts = 0;

  constructor(options: { joiners?: number; build?: Build; seed?: number } = {}) {
    const { joiners = 0, build = older, seed = 5 } = options;
    const coverage = new Coverage();
    this.checks = new VersionChecks(coverage);
    this.cluster = new SimCluster({
      ...{ seed, voters: 3, joiners, build, checks: this.checks, coverage, trace: () => {} },
      happened: ({ name: host }, { name }) => {
        this.told.push({ host, name, at: this.cluster.time.now });
      },
    });
    this.cluster.network.faults.delayMsMax = 20;
    for (const host of this.cluster.hosts) if (host.founding) this.cluster.start(host);
    this.pass(5_000);
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      this.cluster.time.advance(100);
      this.checks.look(this.cluster.hosts);
    }
    this.checks.compareStates(this.cluster.hosts);
  }

  /** Passes time while every member is asked for a put every 20 ms, each of half a kilobyte. */
  work(ms: number): void {
    for (let left = ms; left > 0; left -= 20) {
      const { running } = this.cluster;
      const host = running[this.#puts % running.length];
      if (host !== undefined) this.#put(host);
      this.cluster.time.advance(20);
    }
    this.pass(100);
  }

  #put(host: SimHost): void {
    const key = `k${this.#puts % 7}`;
    const value = `${this.#puts++}`.padEnd(500, '.');
    const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
    const command = { key: key as ByteString, value: value as ByteString, lease: '0', ...flags };
    host.member?.propose({ type: 'put', ...command }, (outcome) => {
      if (!outcome.ok || outcome.reply.type !== 'put') return;
      this.acknowledged.set(value, key);
      const { leader } = this.cluster;
      if (leader === undefined || leader.build === host.build) return;
      this.across[leader.build === older ? 'old leads' : 'new leads']++;
    });
  }

  ask(command: Command, host = this.leader): Outcome {
    let answer: Outcome | undefined;
    host.member?.propose(command, (outcome) => {
      answer = outcome;
    });
    this.pass(1_000);
    assert.ok(answer !== undefined, 'it was answered');
    return answer;
  }

  get leader(): SimHost {
    assert.ok(this.cluster.leader !== undefined, 'nobody leads');
    return this.cluster.leader;
  }

  get followers(): [SimHost, SimHost] {
    const { leader } = this;
    return this.cluster.hosts.filter((host) => host.founding && host !== leader) as [
      SimHost,
      SimHost,
    ];
  }

  /** Starts the host's process again with a build, in order or after a loss of power. */
  restart(host: SimHost, build: Build, end: 'stop' | 'crash' = 'stop'): void {
    if (end === 'stop') this.cluster.stop(host);
    else this.cluster.crash(host);
    host.build = build;
    this.cluster.start(host);
  }

  /** As {@link restart}, away so long under load that the log of the others does not reach back. */
  replaceByState(host: SimHost, build: Build): void {
    const installed = () => this.count('snapshot_installed', host);
    const before = installed();
    this.cluster.crash(host);
    this.work(1_500);
    host.build = build;
    this.cluster.start(host);
    this.work(2_000);
    assert.ok(installed() > before, `${host.name} was sent the state`);
  }

  lead(host: SimHost): void {
    this.leader.member?.moveLeader(host.memberId, () => {});
    this.pass(1_000);
    assert.equal(this.leader, host);
  }

  count(name: MemberEventName, of?: SimHost): number {
    const counted = this.told.filter((one) => one.name === name);
    return counted.filter(({ host }) => of === undefined || host === of.name).length;
  }

  get versions(): (number | undefined)[] {
    return this.cluster.hosts.map(({ member }) => member?.machine.clusterVersion);
  }

  /** The sentence with which a host stopped by itself. */
  failureOf(host: SimHost): string {
    const failure = this.checks.failures.get(host);
    assert.equal(failure?.name, 'ClusterVersionError', `${host.name}: ${failure?.stack}`);
    this.checks.failures.delete(host);
    return failure?.message ?? '';
  }

  get #isEven(): boolean {
    return new Set(this.cluster.running.map(({ member }) => member?.appliedIndex)).size === 1;
  }

  /** All is well: nobody stopped, all agree, and what was acknowledged is there. */
  close(): void {
    this.pass(3_000);
    assert.deepEqual([...this.checks.failures.values()], []);
    const written = new Set(this.checks.history.map(({ value }) => value as string));
    for (const value of this.acknowledged.keys()) assert.ok(written.has(value), 'a put was lost');
    assert.ok(this.acknowledged.size > 0);
    assert.equal(this.count('hash_mismatch'), 0);
    // Members go on comparing their states, so an entry may just be on its way.
    for (let left = 50; left > 0 && !this.#isEven; left--) this.pass(100);
    assert.ok(this.#isEven, 'a member is behind');
  }
}

function isLinked(from: SimHost | undefined, to: SimHost): boolean {
  return from?.member?.links.peer(to.memberId)?.isUp === true;
}

/** Three members of the newer build, at version 2. */
function upgraded(options: { joiners?: number } = {}): Stage {
  const stage = new Stage({ build: newer, ...options });
  stage.work(500);
  assert.deepEqual(stage.versions.slice(0, 3), [2, 2, 2]);
  return stage;
}

describe('three members are upgraded one after the other, under load', () => {
  test('they work at the old version until the last one is done, then go up once; an old build does not return', async (t) => {
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
    assert.equal(stage.ask(longLease('2'), second).ok, true);
    const measured = await MeasuredHost.open(cluster, second);
    t.after(() => measured.close());
    const page = await measured.scrape();
    assert.equal(page.get('lockstep_cluster_version')?.samples[0]?.value, 2);

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
    assert.equal(joiner.member?.running, false);
    assert.equal(joiner.member?.appliedIndex, 0, 'nothing of the state reached it');
    assert.match(
      stage.failureOf(joiner),
      /the cluster is at version 2, and the build of d works with version 1 only/,
    );
    stage.restart(joiner, newer);
    stage.work(3_000);
    assert.deepEqual(stage.versions, [2, 2, 2, 2]);
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
    stage.restart(first, newer);
    // All have said that they can; from then on it hears nothing, and its links still stand.
    while (!isLinked(cluster.leader, first)) assert.ok(cluster.time.step());
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
    assert.match(joiner.member?.problems().join() ?? '', /at version 1, and the build of d works/);
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
    const problems = cluster.host('a').member?.problems().join() ?? '';
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
