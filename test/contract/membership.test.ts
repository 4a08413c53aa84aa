import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Client, LockstepError } from '@lockstep/client';
import type { MemberInfo } from '@lockstep/client/protocol';
import {
  createTestCluster,
  type TestCluster,
  type TestClusterOptions,
  type TestMember,
} from '@lockstep/server/testing';

/** A cluster that has taken up what the newest cluster version brings. */
async function start(t: TestContext, options: TestClusterOptions = {}): Promise<TestCluster> {
  const cluster = await createTestCluster(options);
  t.after(() => cluster.close());
  const client = cluster.client();
  await until(cluster, async () => (await client.status()).clusterVersion === 2);
  return cluster;
}

async function until(cluster: TestCluster, holds: () => Promise<boolean>): Promise<void> {
  for (let times = 0; times < 300; times++) {
    if (await cluster.advanceUntil(holds())) return;
    await cluster.advance(100);
  }
  assert.fail('it did not come to hold within 30 virtual seconds');
}

function leaderOf(cluster: TestCluster): TestMember {
  return cluster.leader ?? assert.fail('there is no leader');
}

function followerOf(cluster: TestCluster): TestMember {
  return cluster.members.find(({ isLeader }) => !isLeader) ?? assert.fail('there is no follower');
}

/** A client that stays with one member. */
function clientOf(cluster: TestCluster, { address }: TestMember): Client {
  return cluster.client({ endpoints: address, learnEndpoints: false });
}

async function infoOf(client: Client, name: string): Promise<MemberInfo> {
  const members = await client.cluster.members();
  return members.find((member) => member.name === name) ?? assert.fail(`there is no ${name}`);
}

/** What the members are, in words that a test can compare. */
function words(members: readonly MemberInfo[]): string[] {
  return members.map(({ name, isLearner }) => `${name || '?'}${isLearner ? ' learns' : ''}`).sort();
}

async function isVoter(client: Client, name: string): Promise<boolean> {
  const members = await client.cluster.members();
  return members.some((member) => member.name === name && !member.isLearner);
}

async function refusedWith(code: string, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: LockstepError) => {
    assert.equal(error.code, code);
    return true;
  });
}

test('[W-91] [W-92] a member that is added catches up, becomes a voter by itself, and holds what was written before', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  await cluster.advanceUntil(client.put('before', '1'));
  const peerAddress = cluster.peerAddress('d');
  const added = await cluster.advanceUntil(client.cluster.add({ peerAddress }));
  assert.deepEqual(words(added.members), ['? learns', 'a', 'b', 'c']);
  assert.equal(added.member.promotes, true);
  const joined = cluster.join('d');
  await until(cluster, () => isVoter(client, 'd'));
  assert.equal((await infoOf(client, 'd')).memberId, added.member.memberId);
  assert.equal((await infoOf(client, 'd')).promotes, undefined);
  const own = clientOf(cluster, joined);
  assert.equal((await cluster.advanceUntil(own.get('before')))?.value, '1');
  await cluster.advanceUntil(own.put('after', '2'));
  assert.equal((await cluster.advanceUntil(client.get('after')))?.value, '2');
});

test('[W-91] a follower takes a change and forwards it to the leader', async (t) => {
  const cluster = await start(t);
  const client = clientOf(cluster, followerOf(cluster));
  const peerAddress = cluster.peerAddress('d');
  const { member, members } = await cluster.advanceUntil(
    client.cluster.add({ peerAddress, learner: true }),
  );
  assert.deepEqual(words(members), ['? learns', 'a', 'b', 'c']);
  const { members: left } = await cluster.advanceUntil(client.cluster.remove(member.memberId));
  assert.deepEqual(words(left), ['a', 'b', 'c']);
});

test('[W-92] a learner that was added as one waits for its promotion, and a restart does not change that', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  const peerAddress = cluster.peerAddress('d');
  const { member } = await cluster.advanceUntil(client.cluster.add({ peerAddress, learner: true }));
  await refusedWith(
    'learner_not_ready',
    cluster.advanceUntil(client.cluster.promote(member.memberId)),
  );
  cluster.join('d');
  await until(cluster, async () => words(await client.cluster.members()).includes('d learns'));
  cluster.restart('d');
  await cluster.advance(20_000);
  assert.equal(await isVoter(client, 'd'), false);
  const { members } = await cluster.advanceUntil(client.cluster.promote(member.memberId));
  assert.deepEqual(words(members), ['a', 'b', 'c', 'd']);
  await refusedWith('not_a_learner', cluster.advanceUntil(client.cluster.promote(member.memberId)));
});

test('[W-91] the leader that is removed hands over first, and says that it was removed', async (t) => {
  const cluster = await start(t);
  const leader = leaderOf(cluster);
  const { name } = leader;
  const client = clientOf(cluster, leader);
  const { memberId } = await infoOf(client, name);
  const { members } = await cluster.advanceUntil(client.cluster.remove(memberId));
  assert.equal(members.length, 2);
  assert.equal(
    members.some((member) => member.memberId === memberId),
    false,
  );
  const next = leaderOf(cluster);
  assert.notEqual(next.name, name);
  await cluster.advanceUntil(() => leader.stoppedBy !== undefined);
  assert.match(
    leader.stoppedBy?.message ?? '',
    /was removed from the cluster.*lockstep member add/,
  );
  cluster.restart(name);
  await cluster.advanceUntil(() => cluster.member(name).stoppedBy !== undefined);
  assert.match(cluster.member(name).stoppedBy?.message ?? '', /was removed from the cluster/);
  await cluster.advanceUntil(clientOf(cluster, next).put('goes', 'on'));
});

test('a follower that is removed hears of it at once, for its clients wait there in vain', async (t) => {
  const cluster = await start(t, { networkDelayMs: 5 });
  const follower = followerOf(cluster);
  const client = clientOf(cluster, leaderOf(cluster));
  const { memberId } = await cluster.advanceUntil(infoOf(client, follower.name));
  await cluster.advanceUntil(client.cluster.remove(memberId));
  await cluster.advance(500);
  assert.match(follower.stoppedBy?.message ?? '', /was removed from the cluster/);
});

test('a member that was removed while it was down hears of it when it comes back', async (t) => {
  const cluster = await start(t);
  const { name } = followerOf(cluster);
  const client = clientOf(cluster, leaderOf(cluster));
  const { memberId } = await infoOf(client, name);
  cluster.kill(name);
  await cluster.advance(5_000);
  await cluster.advanceUntil(client.cluster.remove(memberId));
  cluster.restart(name);
  await cluster.advanceUntil(() => cluster.member(name).stoppedBy !== undefined);
  assert.match(cluster.member(name).stoppedBy?.message ?? '', /was removed from the cluster/);
});

test('[W-93] a member whose disk is gone says how it is replaced, and is, at the same address', async (t) => {
  const cluster = await start(t);
  const { name } = followerOf(cluster);
  const client = clientOf(cluster, leaderOf(cluster));
  await cluster.advanceUntil(client.put('kept', '1'));
  const old = await infoOf(client, name);
  const wiped = cluster.join(name);
  await cluster.advanceUntil(() => wiped.stoppedBy !== undefined);
  assert.match(wiped.stoppedBy?.message ?? '', new RegExp(`lockstep member replace ${name}`));
  await cluster.advance(5_000);
  const { member } = await cluster.advanceUntil(
    client.cluster.replace(old.memberId, old.peerAddress),
  );
  assert.equal(member.replaces, old.memberId);
  const back = cluster.join(name);
  await until(cluster, async () => {
    const members = await client.cluster.members();
    return members.length === 3 && members.every(({ isLearner }) => !isLearner);
  });
  assert.equal((await infoOf(client, name)).memberId, member.memberId);
  assert.notEqual(member.memberId, old.memberId);
  assert.equal((await cluster.advanceUntil(clientOf(cluster, back).get('kept')))?.value, '1');
});

test('the leader is replaced by another machine, and stops when it is', async (t) => {
  const cluster = await start(t);
  const leader = leaderOf(cluster);
  const client = clientOf(cluster, followerOf(cluster));
  const { memberId } = await infoOf(client, leader.name);
  await cluster.advanceUntil(client.cluster.replace(memberId, cluster.peerAddress('d')));
  cluster.join('d');
  await cluster.advanceUntil(() => leader.stoppedBy !== undefined);
  assert.match(leader.stoppedBy?.message ?? '', /was removed from the cluster/);
  const rest = ['a', 'b', 'c', 'd'].filter((name) => name !== leader.name);
  assert.deepEqual(words(await cluster.advanceUntil(client.cluster.members())), rest);
  await cluster.advanceUntil(client.put('goes', 'on'));
});

describe('[W-94] refused is', () => {
  test('an id that is not there, whatever is asked about it', async (t) => {
    const cluster = await start(t);
    const { cluster: members } = clientOf(cluster, followerOf(cluster));
    const peerAddress = cluster.peerAddress('d');
    for (const ask of [
      () => members.remove('7'),
      () => members.promote('7'),
      () => members.update('7', peerAddress),
      () => members.replace('7', peerAddress),
    ]) {
      await refusedWith('member_not_found', cluster.advanceUntil(ask()));
    }
  });

  test('an address that a member has, and one that nobody can dial', async (t) => {
    const cluster = await start(t);
    const client = cluster.client();
    const { memberId, peerAddress } = await infoOf(client, 'a');
    const other = await infoOf(client, 'b');
    for (const ask of [
      () => client.cluster.add({ peerAddress }),
      () => client.cluster.add({ peerAddress, learner: true }),
      () => client.cluster.update(other.memberId, peerAddress),
      () => client.cluster.replace(other.memberId, peerAddress),
      // It is still there, so nobody else can be.
      () => client.cluster.replace(memberId, peerAddress),
    ]) {
      await refusedWith('peer_address_exists', cluster.advanceUntil(ask()));
    }
    for (const bad of ['', 'd', 'd:0', 'd:65536', '0.0.0.0:2380', 'http://d:2380', 'a:1,b:2']) {
      const asked = client.cluster.add({ peerAddress: bad });
      await refusedWith('invalid_peer_address', cluster.advanceUntil(asked));
    }
    const { members } = await cluster.advanceUntil(client.cluster.update(memberId, peerAddress));
    assert.equal(members.length, 3, 'its own address is no rival');
  });

  test('a second learner that waits, and a second successor', async (t) => {
    const cluster = await start(t);
    const client = cluster.client();
    const [d, e] = [cluster.peerAddress('d'), cluster.peerAddress('e')];
    await cluster.advanceUntil(client.cluster.add({ peerAddress: d, learner: true }));
    const second = client.cluster.add({ peerAddress: e, learner: true });
    await refusedWith('too_many_learners', cluster.advanceUntil(second));
    const { memberId } = await infoOf(client, 'a');
    await cluster.advanceUntil(client.cluster.replace(memberId, e));
    const again = client.cluster.replace(memberId, cluster.peerAddress('f'));
    await refusedWith('too_many_learners', cluster.advanceUntil(again));
  });

  test('a voter more while one is away or has never started, and the last one less', async (t) => {
    const cluster = await start(t, { members: 1 });
    const client = cluster.client();
    const { memberId } = await infoOf(client, 'a');
    const last = client.cluster.remove(memberId);
    await refusedWith('not_enough_started_members', cluster.advanceUntil(last));
    const [b, c] = [cluster.peerAddress('b'), cluster.peerAddress('c')];
    const { member } = await cluster.advanceUntil(client.cluster.add({ peerAddress: b }));
    const third = client.cluster.add({ peerAddress: c });
    await refusedWith('not_enough_started_members', cluster.advanceUntil(third));
    cluster.join('b');
    await until(cluster, () => isVoter(client, 'b'));
    assert.equal((await infoOf(client, 'b')).memberId, member.memberId);
    await cluster.advanceUntil(client.cluster.add({ peerAddress: c }));
    // Of three voters to be, one has never started: of four, three must have.
    const fourth = client.cluster.add({ peerAddress: cluster.peerAddress('d') });
    await refusedWith('not_enough_started_members', cluster.advanceUntil(fourth));
    cluster.join('c');
    await until(cluster, () => isVoter(client, 'c'));
    await cluster.advanceUntil(client.cluster.add({ peerAddress: cluster.peerAddress('d') }));
    const fifth = client.cluster.add({ peerAddress: cluster.peerAddress('e') });
    await refusedWith('unhealthy_cluster', cluster.advanceUntil(fifth));
  });

  test('the removal of one that is needed because another is away, but not of that one', async (t) => {
    const cluster = await start(t);
    const leader = leaderOf(cluster);
    const client = clientOf(cluster, leader);
    const [away, needed] = cluster.members.filter(({ isLeader }) => !isLeader);
    const ids = [
      await infoOf(client, needed?.name ?? ''),
      await infoOf(client, away?.name ?? ''),
    ].map(({ memberId }) => memberId);
    away?.kill();
    await cluster.advance(5_000);
    const [neededId = '', awayId = ''] = ids;
    const bad = client.cluster.remove(neededId);
    await refusedWith('unhealthy_cluster', cluster.advanceUntil(bad));
    const added = client.cluster.add({ peerAddress: cluster.peerAddress('d') });
    await refusedWith('unhealthy_cluster', cluster.advanceUntil(added));
    const { members } = await cluster.advanceUntil(client.cluster.remove(awayId));
    assert.equal(members.length, 2);
  });
});

test('[W-90] the members as of now need a quorum, as one member knows them they need nothing', async (t) => {
  const cluster = await start(t);
  const client = clientOf(cluster, leaderOf(cluster));
  for (const { name, isLeader } of cluster.members) if (!isLeader) cluster.kill(name);
  assert.equal((await cluster.advanceUntil(client.members())).length, 3);
  await assert.rejects(cluster.advanceUntil(client.cluster.members()), { retryable: true });
});

test('[W-93] who goes is listened to until its successor has its place, for its vote may be needed', async (t) => {
  const cluster = await start(t);
  const leader = leaderOf(cluster);
  const client = clientOf(cluster, leader);
  const [goes, away] = cluster.members.filter(({ isLeader }) => !isLeader);
  const { memberId } = await infoOf(client, goes?.name ?? '');
  away?.kill();
  await cluster.advance(5_000);
  // From here on leader and leaver are the only quorum of the three that there were.
  await cluster.advanceUntil(client.cluster.replace(memberId, cluster.peerAddress('d')));
  cluster.join('d');
  await until(cluster, () => isVoter(client, 'd'));
  await cluster.advanceUntil(() => goes?.stoppedBy !== undefined);
  await cluster.advanceUntil(client.put('goes', 'on'));
  const { name } = leader;
  const rest = [name, away?.name ?? '', 'd'].sort();
  assert.deepEqual(words(await cluster.advanceUntil(client.cluster.members())), rest);
});

test('a joiner that nobody expects says what to run first, and one whose cluster is away says so', async (t) => {
  const cluster = await start(t);
  const stranger = cluster.join('d');
  await cluster.advanceUntil(() => stranger.stoppedBy !== undefined);
  assert.match(
    stranger.stoppedBy?.message ?? '',
    /expects no member at d\.test:2380.*lockstep member add d --peer-address d\.test:2380/,
  );
  for (const name of ['a', 'b', 'c']) cluster.pause(name);
  const lonely = cluster.join('e');
  await cluster.advanceUntil(() => lonely.stoppedBy !== undefined);
  assert.match(
    lonely.stoppedBy?.message ?? '',
    /no member of the cluster that e is to join answers/,
  );
});

test('a crash of the leader between the add and the promotion changes nothing of what was meant', async (t) => {
  const cluster = await start(t);
  const client = cluster.client();
  await cluster.advanceUntil(client.cluster.add({ peerAddress: cluster.peerAddress('d') }));
  const [first] = [leaderOf(cluster)];
  first.kill();
  await cluster.advanceUntil(() => cluster.leader !== undefined && cluster.leader !== first);
  cluster.join('d');
  await cluster.advance(500);
  // Everybody loses power while it catches up.
  for (const { name } of cluster.members) cluster.restart(name);
  await until(cluster, () => isVoter(client, 'd'));
  assert.deepEqual(words(await cluster.advanceUntil(client.cluster.members())), [
    'a',
    'b',
    'c',
    'd',
  ]);
});

test('what was meant for a learner is in the snapshot that another member gets', async (t) => {
  const settings = { snapshotBytesMin: 65_536, logEntriesKept: 1, logBytesKept: 65_536 };
  const cluster = await start(t, { settings });
  const leader = leaderOf(cluster);
  const client = clientOf(cluster, leader);
  const { name } = followerOf(cluster);
  const { memberId } = await infoOf(client, name);
  const absent = cluster.members.find((member) => member !== leader && member.name !== name);
  absent?.kill();
  await cluster.advance(3_000);
  await cluster.advanceUntil(client.cluster.replace(memberId, cluster.peerAddress('d')));
  for (let times = 0; times < 8; times++) {
    await cluster.advanceUntil(client.put(`k${times}`, 'x'.repeat(40_000)));
  }
  absent?.restart();
  await cluster.advance(5_000);
  leader.kill();
  await cluster.advanceUntil(() => cluster.leader !== undefined && cluster.leader !== leader);
  const told = await cluster.advanceUntil(clientOf(cluster, absent ?? leader).members());
  assert.ok(told.some(({ replaces }) => replaces === memberId));
});

test('a change that loses its leader on the way is ambiguous, never told as done', async (t) => {
  const cluster = await start(t);
  const client = clientOf(cluster, followerOf(cluster));
  const leader = leaderOf(cluster);
  cluster.partition(leader.name);
  const asked = client.cluster.add(
    { peerAddress: cluster.peerAddress('d') },
    { timeoutMs: 20_000 },
  );
  const outcome = asked.then(
    () => 'done',
    (error: LockstepError) => (error.ambiguous ? 'ambiguous' : error.code),
  );
  const how = await cluster.advanceUntil(outcome);
  cluster.heal();
  await cluster.advance(5_000);
  const { length } = await cluster.advanceUntil(client.cluster.members());
  assert.ok(how === 'ambiguous' || (how === 'done' && length === 4), `${how}, ${length} members`);
});
