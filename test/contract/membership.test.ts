import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
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

test('a member that is added catches up, becomes a voter by itself, and holds what was written before', async (t) => {
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

test('a follower takes a change and forwards it to the leader', async (t) => {
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

test('a learner that was added as one waits for its promotion, and a restart does not change that', async (t) => {
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

test('the leader that is removed hands over first, and says that it was removed', async (t) => {
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

test('a member whose disk is gone says how it is replaced, and is, at the same address', async (t) => {
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
