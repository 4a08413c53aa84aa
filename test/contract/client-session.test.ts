import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  ClosedError,
  InvalidError,
  LeaseLostError,
  Session,
  type SessionOptions,
} from '@lockstep/client';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';
import { connect, iterate, startMember, startPair } from '../harness/clients.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import type { FakeMember } from '../harness/fake-member.ts';
import { noUnhandledRejections } from '../harness/unhandled.ts';

async function startCluster(t: TestContext): Promise<TestCluster> {
  const cluster = await createTestCluster();
  t.after(() => cluster.close());
  return cluster;
}

/** A session on a fake member, in time that stands still. */
async function open(
  t: TestContext,
  options: SessionOptions = {},
): Promise<{ member: FakeMember; clock: FakeClock; session: Session }> {
  const member = await startMember(t);
  const clock = new FakeClock();
  const client = connect(t, member, { clock });
  return { member, clock, session: await Session.open(client, options) };
}

for (const ttl of [5, 10]) {
  test(`a holder that is cut off hears of its loss before the lease of ${ttl} s can end`, async (t) => {
    const cluster = await startCluster(t);
    const [here, there] = cluster.endpoints;
    assert.ok(here !== undefined && there !== undefined);
    const other = cluster.client({ endpoints: there, learnEndpoints: false });
    for (const cutAfterMs of [0, 400, 1_500, 3_400]) {
      const holder = cluster.client({ endpoints: here, learnEndpoints: false });
      const session = await Session.open(holder, { ttl });
      await holder.put('mine', '1', { lease: session.leaseId });
      await cluster.advance(ttl * 3_000 + cutAfterMs);
      session.assertValid();
      const times = { lost: 0, gone: 0 };
      session.lost.addEventListener('abort', () => {
        times.lost = cluster.now;
      });
      const events = iterate(other.watch({ key: 'mine' }));
      const gone = events.next().then(({ value }) => {
        assert.equal(value?.type, 'delete');
        times.gone = cluster.now;
      });
      const cutAt = cluster.now;
      cluster.cutClients('a');
      await cluster.advanceUntil(gone);
      cluster.restoreClients('a');
      assert.ok(session.lost.reason instanceof LeaseLostError);
      assert.ok(times.lost > cutAt && times.lost < times.gone, JSON.stringify(times));
      // Early enough to be of use, and not so early that half of the lease is wasted.
      assert.ok(times.lost - cutAt >= ttl * 500, `${times.lost - cutAt} ms after the cut`);
      await holder.close({ drainMs: 0 });
    }
  });
}

test('renewals keep a session for minutes, through the loss of every leader', async (t) => {
  const cluster = await startCluster(t);
  const client = cluster.client();
  const session = await Session.open(client, { ttl: 10 });
  await client.put('mine', '1', { lease: session.leaseId });
  for (let round = 0; round < 6; round++) {
    await cluster.advance(20_000);
    const { leader } = cluster;
    leader?.kill();
    await cluster.advance(5_000);
    leader?.restart();
    session.assertValid();
    assert.ok(session.remainingMs() > 0);
  }
  assert.equal((await cluster.advanceUntil(client.get('mine')))?.value, '1');
});

test('the time to live is what was granted, not what was asked for', async (t) => {
  const cluster = await startCluster(t);
  const client = cluster.client();
  const session = await Session.open(client, { ttl: 1 });
  const lease = await client.leases.timeToLive(session.leaseId);
  assert.equal(session.ttlMs, (lease?.grantedTtl ?? 0) * 1_000);
  assert.ok(session.ttlMs >= 1_000);
  await cluster.advance(30_000);
  session.assertValid();
});

test('the margin is a tenth of the lease, at least half a second, or as given', async (t) => {
  const margins: number[] = [];
  for (const options of [{ ttl: 2 }, {}, { ttl: 60 }, { ttl: 10, marginMs: 0 }]) {
    margins.push((await open(t, options)).session.marginMs);
  }
  assert.deepEqual(margins, [500, 1_000, 6_000, 0]);
});

test('a session with a bad option leaves no lease behind', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  for (const marginMs of [-1, 10_000, Number.NaN]) {
    await assert.rejects(Session.open(client, { marginMs }), (error: Error) => {
      assert.ok(error instanceof InvalidError);
      assert.match(error.message, /marginMs is .*less than the 10000 ms/);
      return true;
    });
  }
  for (const ttl of [0, 1.5, -3]) {
    await assert.rejects(Session.open(client, { ttl }), /ttl is .*whole number of seconds/);
  }
  assert.deepEqual(await client.leases.list(), []);
});

test('validity is asked of the clocks, so a blocked event loop cannot hide a loss', async (t) => {
  const { clock, session } = await open(t);
  clock.block(8_999);
  session.assertValid();
  assert.equal(session.remainingMs(), 1);
  clock.block(1);
  assert.equal(session.remainingMs(), 0);
  assert.throws(() => session.assertValid(), LeaseLostError);
  assert.equal(session.lost.aborted, true);
});

test('timers that run late find the session lost, even before its renewal', async (t) => {
  const { member, clock, session } = await open(t);
  clock.block(60_000);
  clock.advance(0);
  assert.ok(session.lost.reason instanceof LeaseLostError);
  assert.equal(member.seenOf('lease.revoke').length, 0);
});

test('an hour forward on the wall clock is a loss, within a second and when asked', async (t) => {
  const asked = await open(t);
  asked.clock.jump(3_600_000);
  assert.throws(() => asked.session.assertValid(), LeaseLostError);
  const told = await open(t);
  told.clock.jump(3_600_000);
  told.clock.advance(1_000);
  assert.equal(told.session.lost.aborted, true);
});

test('an hour back on the wall clock is no loss', async (t) => {
  const { member, clock, session } = await open(t);
  clock.jump(-3_600_000);
  assert.equal(session.remainingMs(), 9_000);
  const renewed = member.next('lease.keepAlive');
  clock.advance(3_334);
  await renewed;
  session.assertValid();
});

test('a lease that somebody else revokes is a loss at the next renewal', async (t) => {
  const cluster = await startCluster(t);
  const session = await Session.open(cluster.client());
  await cluster.client().leases.revoke(session.leaseId);
  await cluster.advance(3_400);
  assert.match(String(session.lost.reason), /the cluster has ended its lease/);
  assert.throws(() => session.assertValid(), LeaseLostError);
});

test('closing revokes the lease, once, however often it is closed', async (t) => {
  const { member, clock, session } = await open(t);
  const closed = session.close();
  assert.equal(session.lost.aborted, true);
  await Promise.all([closed, session.close(), session[Symbol.asyncDispose]()]);
  assert.ok(session.lost.reason instanceof ClosedError);
  assert.throws(() => session.assertValid(), ClosedError);
  assert.equal(session.remainingMs(), 0);
  assert.equal(member.seenOf('lease.revoke').length, 1);
  clock.advance(60_000);
  assert.equal(member.seenOf('lease.keepAlive').length, 0);
});

test('closing the client ends its sessions first, with their leases', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const sessions = await Promise.all([Session.open(client), Session.open(client)]);
  await client.close();
  assert.equal(member.seenOf('lease.revoke').length, 2);
  for (const { lost } of sessions) assert.ok(lost.reason instanceof ClosedError);
});

test('a lease that is granted while the client closes is given back', async (t) => {
  noUnhandledRejections(t);
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('warm', '');
  const release = member.hold();
  const asked = member.next('lease.grant');
  const opening = Session.open(client);
  await asked;
  const closed = client.close();
  release();
  await closed;
  assert.equal((await opening).lost.aborted, true);
  assert.equal(member.seenOf('lease.revoke').length, 1);
});

test('a grant that took as long as the lease is a loss, and is given back', async (t) => {
  const member = await startMember(t);
  const clock = new FakeClock();
  const client = connect(t, member, { clock });
  await client.put('warm', '');
  const release = member.hold();
  const asked = member.next('lease.grant');
  const opening = Session.open(client);
  await asked;
  clock.block(9_500);
  release();
  await assert.rejects(opening, LeaseLostError);
  assert.equal(member.seenOf('lease.revoke').length, 1);
});

test('a member that does not answer a renewal is left for another in time', async (t) => {
  const [one, two] = await startPair(t);
  const clock = new FakeClock();
  const connection = { baseMs: 1, capMs: 1, silenceMs: 3_600_000 };
  const client = connect(t, [one, two], { clock, connection });
  const session = await Session.open(client);
  one.hold();
  const ignored = one.next('lease.keepAlive');
  clock.advance(3_334);
  await ignored;
  clock.advance(1_667);
  await client.ready();
  const renewed = two.next('lease.keepAlive');
  // The call's rejection is a turn behind the timer that caused it.
  await client.get('a');
  clock.advance(200);
  await renewed;
  await client.get('a');
  clock.advance(6_000);
  session.assertValid();
});

test('a refusal for the own load does not make a session leave its member', async (t) => {
  const [one, two] = await startPair(t);
  const clock = new FakeClock();
  const client = connect(t, [one, two], { clock });
  await Session.open(client);
  one.failNext('lease.keepAlive', 'permission_denied');
  const refused = one.next('lease.keepAlive');
  clock.advance(3_334);
  await refused;
  await client.get('a');
  const again = one.next('lease.keepAlive');
  clock.advance(200);
  await again;
  assert.equal(two.connectionsMade, 0);
});
