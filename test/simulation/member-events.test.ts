/** What happens to a member is told, once, by name and with its fields; nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { thisBuild } from '../../server/src/core/cluster-version.ts';
import type { Command } from '../../server/src/core/command.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import {
  type MemberEvent,
  type MemberEventName,
  memberEventLevels,
} from '../../server/src/member/events.ts';
import type { Checks } from './checks.ts';
import { Coverage } from './coverage.ts';
import { SimCluster, type SimHost } from './sim-cluster.ts';
import { NewerChecks, newer, older } from './upgrade-stage.ts';

interface Told extends MemberEvent {
  readonly host: string;
}

const covered = new Set<MemberEventName>();

/** Three simulated members, and what they tell. */
class Stage {
  readonly cluster: SimCluster;
  readonly checks: Checks;
  #told: Told[] = [];

  constructor(seed = 5, build = thisBuild) {
    const coverage = new Coverage();
    this.checks = new NewerChecks(coverage);
    this.cluster = new SimCluster({
      ...{ seed, voters: 3, joiners: 0, build, checks: this.checks, coverage, trace: () => {} },
      happened: (host, event) => {
        covered.add(event.name);
        this.#told.push({ host: host.name, ...event });
      },
    });
    for (const host of this.cluster.hosts) this.cluster.start(host);
  }

  pass(ms: number): void {
    this.cluster.time.advance(ms);
  }

  /** What was told since the last call. */
  told(): Told[] {
    return this.#told.splice(0);
  }

  /** The one event of this name, of this host, since the last look; everything told is forgotten. */
  only(name: MemberEventName, host: SimHost): MemberEvent['fields'] {
    const all = this.told();
    const found = all.filter((one) => one.name === name && one.host === host.name);
    assert.equal(found.length, 1, `${name} of ${host.name}: ${JSON.stringify(all, null, 1)}`);
    return found[0]?.fields ?? {};
  }

  get leader(): SimHost {
    assert.ok(this.cluster.leader !== undefined, 'nobody leads');
    return this.cluster.leader;
  }

  get follower(): SimHost {
    const found = this.cluster.hosts.find((host) => host !== this.leader);
    assert.ok(found !== undefined);
    return found;
  }

  propose(command: Command, host = this.leader): void {
    host.member?.propose(command, () => {});
  }

  put(key: string, length: number, host = this.leader): void {
    const value = 'x'.repeat(length) as ByteString;
    const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
    this.propose({ type: 'put', key: key as ByteString, value, lease: '0', ...flags }, host);
  }

  revisionOf({ member }: SimHost): number {
    return member?.machine.store.revision ?? 0;
  }
}

function names(told: readonly Told[], host: SimHost): MemberEventName[] {
  return told.filter((one) => one.host === host.name).map(({ name }) => name);
}

function settledStage(seed = 5, build = thisBuild): Stage {
  const stage = new Stage(seed, build);
  stage.pass(5_000);
  stage.told();
  return stage;
}

test('a new cluster: everybody joins and links up, one leads, and the others say who', () => {
  const stage = new Stage();
  stage.pass(5_000);
  const told = stage.told();
  const { leader } = stage;
  const term = leader.member?.raft.term ?? 0;
  for (const host of stage.cluster.hosts) {
    const others = stage.cluster.hosts.filter((one) => one !== host);
    const own = told.filter((one) => one.host === host.name);
    const linked = own.filter(({ name }) => name === 'peer_up').map(({ fields }) => fields.peer);
    assert.deepEqual(linked.sort(), others.map(({ name }) => name).sort());
    assert.equal(own.filter(({ name }) => name === 'joined').length, 1);
    const led = own.filter(({ name }) => /leader|stepped/.test(name));
    const { memberId: leaderId, name } = leader;
    if (host === leader)
      assert.deepEqual(
        led.map((one) => one.fields),
        [{ term }],
      );
    else
      assert.deepEqual(
        led.map((one) => one.fields),
        [{ leader: name, leaderId, term }],
      );
    assert.equal(led[0]?.name, host === leader ? 'became_leader' : 'leader_elected');
    assert.equal(own.filter((one) => one.name === 'cluster_version_raised').length, 1);
    assert.equal(own.length, 5, 'and nothing else');
  }
});

test('a cluster that works tells nothing', () => {
  const stage = settledStage();
  for (let at = 0; at < 5; at++) {
    stage.put(`k${at}`, 10);
    stage.pass(50);
  }
  assert.deepEqual(stage.told(), []);
});

test('a leader that is cut off steps down, the others lose it, elect another, and its proposal is made again', () => {
  const stage = settledStage();
  const old = stage.leader;
  const term = old.member?.raft.term ?? 0;
  const others = stage.cluster.hosts.filter((host) => host !== old);
  for (const { address } of others) {
    stage.cluster.network.cut(old.address, address);
    stage.cluster.network.cut(address, old.address);
  }
  stage.put('lost', 1, old);
  stage.pass(3_500);
  const apart = stage.told();
  assert.deepEqual(
    apart.filter(({ host, name }) => host === old.name && name === 'stepped_down').length,
    1,
  );
  for (const host of others) {
    assert.ok(names(apart, host).includes('leader_lost'), `${host.name} lost it`);
  }
  const lost = apart.find(({ name }) => name === 'leader_lost');
  assert.equal(lost?.fields.leader, old.name);
  const next = apart.filter(({ name }) => name === 'became_leader');
  assert.equal(next.length, 1);
  assert.ok(Number(next[0]?.fields.term) > term);
  stage.cluster.network.heal();
  stage.pass(1_400);
  // The put, and perhaps a comparison of states that was due meanwhile.
  assert.ok(Number(stage.only('proposed_again', old).count) >= 1);
});

test('a member that is gone is told of as a lost link, and as a new one when it is back', () => {
  const stage = settledStage();
  const { leader, follower } = stage;
  stage.cluster.crash(follower);
  stage.pass(500);
  const { address, memberId: peerId, name: peer } = follower;
  const { reason, ...fields } = stage.only('peer_down', leader);
  assert.deepEqual(fields, { peer, peerId, address });
  assert.match(String(reason), /connection/);
  stage.cluster.start(follower);
  stage.pass(3_000);
  assert.deepEqual(stage.only('peer_up', leader), { peer, peerId, address });
});

test('a member that stops in order says nothing about the others', () => {
  const stage = settledStage();
  const { follower } = stage;
  follower.member?.close();
  stage.pass(200);
  assert.deepEqual(names(stage.told(), follower), []);
});

test('a snapshot is told of where it is saved, sent and installed', () => {
  const stage = settledStage();
  const { leader, follower } = stage;
  stage.cluster.crash(follower);
  stage.pass(100);
  for (let at = 0; at < 40; at++) {
    stage.put(`k${at % 4}`, 500);
    stage.pass(20);
  }
  const saved = stage
    .told()
    .find(({ name, host }) => name === 'snapshot_saved' && host === leader.name);
  assert.deepEqual(Object.keys(saved?.fields ?? {}), ['index', 'term', 'bytes', 'ms']);
  assert.ok(Number(saved?.fields.bytes) > 500);
  stage.cluster.start(follower);
  stage.pass(3_000);
  const told = stage.told();
  const sent = told.filter(({ name }) => name === 'snapshot_sent');
  const installed = told.filter(({ name }) => name === 'snapshot_installed');
  assert.deepEqual([sent.length, installed.length], [1, 1]);
  const { index } = installed[0]?.fields ?? {};
  assert.deepEqual(sent[0]?.fields, { to: follower.name, toId: follower.memberId, index });
  assert.equal(installed[0]?.host, follower.name);
});

test('a compaction is told of once its memory is given back', () => {
  const stage = settledStage();
  for (let at = 0; at < 5; at++) stage.put('k', 1);
  stage.pass(500);
  stage.told();
  const revision = stage.revisionOf(stage.leader);
  stage.propose({ type: 'compact', revision });
  stage.pass(500);
  assert.deepEqual(stage.only('compacted', stage.follower), { revision });
});

test('a full state raises the alarm, and room clears it', () => {
  // A seed for which the simulation gives little room.
  const stage = settledStage(7);
  for (let at = 0; at < 6; at++) stage.put(`k${at}`, 1_000);
  stage.pass(1_000);
  const { memberId: ofId, name: of } = stage.leader;
  const alarm = 'nospace';
  assert.deepEqual(stage.only('alarm_raised', stage.follower), { alarm, of, ofId });
  stage.propose({
    type: 'deleteRange',
    key: 'k' as ByteString,
    rangeEnd: 'l' as ByteString,
    prevKv: false,
  });
  stage.pass(500);
  stage.propose({ type: 'compact', revision: stage.revisionOf(stage.leader) });
  stage.pass(1_000);
  assert.deepEqual(stage.only('alarm_cleared', stage.follower), { alarm, of, ofId });
});

test('a member whose memory was changed is told of by everybody', () => {
  const stage = settledStage();
  const { leader, follower } = stage;
  const key = 'planted' as ByteString;
  follower.member?.machine.store.write((txn) => txn.put({ key, value: key, lease: '0' }));
  stage.pass(8_000);
  const fields = { alarm: 'corrupt', of: follower.name, ofId: follower.memberId };
  assert.deepEqual(stage.only('hash_mismatch', leader), fields);
});

test('a disk that is slow is told of, and not again at each write', () => {
  const stage = settledStage();
  const { follower } = stage;
  follower.disk.latencyMsMax = 4_000;
  for (let at = 0; at < 8; at++) {
    stage.put('k', 1);
    stage.pass(1_000);
  }
  const { ms } = stage.only('slow_disk', follower);
  assert.ok(Number(ms) >= 500, `${ms}`);
});

test('a cluster whose members are all of a newer build is told of as at its version', () => {
  const stage = settledStage(5, older);
  for (const host of stage.cluster.hosts) {
    stage.cluster.stop(host);
    host.build = newer;
    stage.cluster.start(host);
  }
  stage.pass(5_000);
  const fields = { version: 2, before: 1 };
  assert.deepEqual(stage.only('cluster_version_raised', stage.follower), fields);
});

test('who the members are after a change is told by all of them', () => {
  const stage = settledStage();
  const { leader, follower } = stage;
  const [other] = stage.cluster.hosts.filter((host) => host !== leader && host !== follower);
  const away = [{ action: 'addLearner', member: follower.memberId }] as const;
  assert.equal(stage.cluster.change(away), undefined);
  stage.pass(1_000);
  const voters = [leader, other]
    .sort((left, right) => ((left?.memberId ?? '') < (right?.memberId ?? '') ? -1 : 1))
    .map((host) => host?.name)
    .join(', ');
  const fields = { voters, learners: follower.name };
  assert.deepEqual(stage.only('members_changed', follower), fields);
});

test('a member that comes back on an empty disk is refused, and both sides say why, once', () => {
  const stage = settledStage();
  const { leader, follower } = stage;
  stage.checks.allowFailure = true;
  stage.cluster.crash(follower);
  stage.cluster.loseDisk(follower);
  stage.pass(100);
  stage.told();
  stage.cluster.start(follower);
  stage.pass(3_000);
  const told = stage.told();
  const refusals = told.filter(
    ({ name, host }) => name === 'member_refused' && host === leader.name,
  );
  assert.equal(refusals.length, 1);
  assert.equal(refusals[0]?.fields.peer, follower.name);
  assert.match(String(refusals[0]?.fields.reason), /another data directory/);
  assert.ok(names(told, follower).includes('refused'));
});

test('every event that a member can tell of was told here', () => {
  assert.deepEqual([...covered].sort(), Object.keys(memberEventLevels).sort());
});
