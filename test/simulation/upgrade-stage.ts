import assert from 'node:assert/strict';
import { type Build, thisBuild } from '../../server/src/core/cluster-version.ts';
import type { Command } from '../../server/src/core/command.ts';
import { raisedVersion, versionOf } from '../../server/src/core/command-codec.ts';
import { Machine } from '../../server/src/core/machine.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { Entry } from '../../server/src/core/raft/types.ts';
import type { MemberEventName } from '../../server/src/member/events.ts';
import type { Outcome } from '../../server/src/member/proposals.ts';
import { Checks } from './checks.ts';
import { Coverage } from './coverage.ts';
import { SimCluster, type SimHost } from './sim-cluster.ts';

export const longTtl = 1_000;
export const older: Build = { ...thisBuild, versions: { lowest: 1, highest: 1 } };
/** Version 2 brings it leases that are longer than {@link longTtl}; nothing else is new. */
export const newer: Build = {
  versions: { lowest: 1, highest: 2 },
  firstVersionOf: (command) =>
    command.type === 'leaseGrant' && command.ttl > longTtl ? 2 : older.firstVersionOf(command),
};
/** One that has forgotten version 1. */
export const newest: Build = { ...newer, versions: { lowest: 2, highest: 3 } };
export const longLease = (id: string): Command => ({ type: 'leaseGrant', id, ttl: longTtl + 1 });

/** As {@link Checks}, over a reference that knows what the newer build does. */
export class NewerChecks extends Checks {
  override readonly reference = new Machine([], newer);
}

/** And who reads what. */
export class VersionChecks extends NewerChecks {
  readonly failures = new Map<SimHost, Error>();
  /** The entries that raise the version, by index. */
  readonly raises = new Map<number, number>();
  /** The versions that gave entries their meaning, in the order they came. */
  readonly meanings = new Set<number>();

  override applied(host: SimHost, entry: Entry, now: number): Command['type'] | undefined {
    const type = super.applied(host, entry, now);
    if (entry.kind !== 'command' || entry.payload.length === 0) return type;
    const version = versionOf(entry.payload);
    this.meanings.add(version);
    const { build, clusterVersion = 0 } = host.member?.machine ?? {};
    assert.ok(version <= (build?.versions.highest ?? 0), `${host.name} read what it does not know`);
    assert.ok(version <= clusterVersion, `${host.name} read version ${version} too early`);
    const raised = raisedVersion(entry.payload);
    if (raised !== undefined) this.raises.set(entry.index, raised);
    return type;
  }

  override memberFailed(host: SimHost, error: Error): void {
    this.failures.set(host, error);
  }
}

/** Three simulated members, whose builds may differ, under load. */
export class Stage {
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

  /** As {@link restart}, until the leader has heard from it what it can do. */
  restartLinked(host: SimHost, build: Build): void {
    const isLinked = () => this.leader.member?.links.peer(host.memberId)?.isUp === true;
    this.restart(host, build);
    while (isLinked()) assert.ok(this.cluster.time.step(), 'the old link ends');
    while (!isLinked()) assert.ok(this.cluster.time.step(), 'and another is made');
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
