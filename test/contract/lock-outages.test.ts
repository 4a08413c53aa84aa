import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineError, LeaseLostError, op, Session } from '@lockstep/client';
import { type Lock, LockLostError, Mutex, Semaphore } from '@lockstep/locks';
import { contender, startCluster } from '../harness/contenders.ts';

test('whoever waits goes on waiting through an outage that is longer than any call', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two, three] = [
    await contender(cluster, 60),
    await contender(cluster, 60),
    await contender(cluster, 60),
  ];
  const held = await new Mutex(one.session, 'a').acquire();
  const permit = await new Semaphore(one.session, 's', { limit: 1 }).acquire();
  const waiting = new Mutex(two.session, 'a').acquire();
  const forPermit = new Semaphore(two.session, 's').acquire();
  await cluster.advance(100);
  cluster.kill('a');
  // It comes while nobody answers.
  const late = new Mutex(three.session, 'a').acquire();
  await cluster.advance(20_000);
  cluster.restart('a');
  await cluster.advance(5_000);
  await cluster.advanceUntil(Promise.all([held.release(), permit.release()]));
  await cluster.advanceUntil(forPermit);
  await (await cluster.advanceUntil(waiting)).release();
  await cluster.advanceUntil(late);
});

test('a limit on the waiting holds while nobody answers, too', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster, 60);
  cluster.kill('a');
  const since = cluster.now;
  await assert.rejects(
    cluster.advanceUntil(new Mutex(session, 'a').acquire({ timeoutMs: 700 })),
    (error) =>
      error instanceof DeadlineError && /"a" could not be had within 700/.test(error.message),
  );
  assert.equal(cluster.now - since, 700);
});

test('row 2: a session whose lease has ended gets no lock, and says why', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  await two.client.leases.revoke(one.session.leaseId);
  await assert.rejects(new Mutex(one.session, 'a').acquire(), LeaseLostError);
  await assert.rejects(new Mutex(one.session, 'a').tryAcquire(), LeaseLostError);
});

test('row 7, 9: a place that a member held back for longer than anybody waited stays no ghost', async (t) => {
  const cluster = await startCluster(t);
  const { session, client } = await contender(cluster, 120);
  const other = await contender(cluster, 120);
  await client.put('warm', '1');
  await cluster.advance(1_000);
  // The member that the client talks to can reach nobody, and keeps what it is asked.
  // The member that the client talks to can reach nobody, and keeps what it is asked.
  let member = cluster.members.find(({ address }) => address === client.endpoint);
  if (member?.isLeader === true) {
    cluster.cutClients(member.name, 'refused');
    await cluster.advance(1_000);
    cluster.restoreClients();
    member = cluster.members.find(({ address }) => address === client.endpoint);
  }
  assert.ok(member !== undefined && !member.isLeader);
  cluster.partition(member.name);
  const waiting = new Mutex(session, 'a').acquire({ timeoutMs: 300 });
  await assert.rejects(cluster.advanceUntil(waiting), DeadlineError);
  cluster.heal();
  await cluster.advance(30_000);
  const held = await cluster.advanceUntil(
    new Mutex(other.session, 'a').acquire({ timeoutMs: 20_000 }),
  );
  await cluster.advanceUntil(held.txn().do(op.put('x', '1')).commit());
  const { kvs } = await cluster.advanceUntil(client.range({ prefix: 'a/' }));
  assert.deepEqual(
    kvs.map(({ key }) => key),
    [held.key],
  );
});

test('row 2: whoever is removed together with the one before him gets nothing', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const held = await new Mutex(one.session, 'a').acquire();
  const waiting = new Mutex(two.session, 'a').acquire();
  waiting.catch(() => {});
  await cluster.advance(100);
  await one.client.delete({ prefix: 'a/' });
  await assert.rejects(waiting, LockLostError);
  await cluster.advance(200);
  assert.equal(held.lost.aborted, true);
});

test('row 16: after a restart of the store, those who wait come back at different times and ask for little', async (t) => {
  const count = 40;
  const cluster = await startCluster(t, 1);
  const frames = new Array<number>(count).fill(0);
  const dials: number[] = [];
  const { dial } = cluster.clientOptions();
  const waiting: Promise<Lock>[] = [];
  for (let at = 0; at < count; at++) {
    const client = cluster.client({
      dial: (url, handler) => {
        dials.push(cluster.now);
        const transport = dial(url, handler);
        return {
          send: (sent) => {
            frames[at] = (frames[at] ?? 0) + sent.length;
            transport.send(sent);
          },
          close: () => transport.close(),
        };
      },
    });
    const session = await Session.open(client, { ttl: 60 });
    const turn = new Mutex(session, 'a').acquire();
    // Whose turn never comes is told so when the cluster closes.
    turn.catch(() => {});
    waiting.push(turn);
    await cluster.advance(1);
  }
  const first = await waiting[0];
  await cluster.advance(1_000);
  cluster.kill('a');
  await cluster.advance(3_000);
  frames.fill(0);
  dials.length = 0;
  cluster.restart('a');
  await cluster.advance(10_000);
  // Each comes back with its watch and its renewals; nobody reads the queue again.
  assert.ok(Math.max(...frames) <= 6, `frames sent by each: ${frames.join()}`);
  const busiest = Math.max(...dials.map((at) => dials.filter((one) => one === at).length));
  assert.ok(busiest <= count / 4, `${busiest} of ${count} dialed in one millisecond`);
  await first?.release();
  await waiting[1];
});
