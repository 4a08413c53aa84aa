import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClosedError, DeadlineError, LeaseLostError, op } from '@lockstep/client';
import { type Lock, LockLostError, Mutex, ReentryError } from '@lockstep/locks';
import { contender, startCluster } from '../harness/contenders.ts';

test('one holds the lock, the next waits, and tokens go up', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const first = await new Mutex(one.session, 'nightly').acquire();
  const positions: number[] = [];
  const taken: Lock[] = [];
  const waiting = new Mutex(two.session, 'nightly')
    .acquire({ onQueued: (position) => positions.push(position) })
    .then((lock) => taken.push(lock));
  await cluster.advance(1_000);
  assert.equal(taken.length, 0);
  assert.equal(await first.release(), true);
  await waiting;
  assert.ok((taken[0]?.token ?? 0) > first.token);
  assert.deepEqual(positions, [1]);
  assert.equal(await first.release(), true, 'released once, however often it is asked');
});

test('waiters are served in the order they came, and a release wakes one watch', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const mutex = new Mutex(session, 'queue');
  const holder = await mutex.acquire();
  const served: number[] = [];
  const waiting: Promise<void>[] = [];
  for (let at = 0; at < 20; at++) {
    let queued = (): void => {};
    const isQueued = new Promise<void>((resolve) => {
      queued = resolve;
    });
    waiting.push(
      mutex.acquire({ onQueued: () => queued() }).then(async (lock) => {
        served.push(at);
        await lock.release();
      }),
    );
    await isQueued;
  }
  await holder.release();
  await Promise.all(waiting);
  assert.deepEqual(
    served,
    Array.from({ length: 20 }, (_, at) => at),
  );
});

test('tryAcquire takes a free lock and does not stand in a queue', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const lock = await new Mutex(one.session, 'a').tryAcquire();
  assert.ok(lock !== undefined);
  assert.equal(await new Mutex(two.session, 'a').tryAcquire(), undefined);
  assert.deepEqual((await new Mutex(two.session, 'a').inspect()).waiting, []);
  await lock.release();
  assert.ok((await new Mutex(two.session, 'a').tryAcquire()) !== undefined);
});

for (const ttl of [5, 10]) {
  test(`row 1, 3: a holder that is cut off knows before the next one has the lock, at TTL ${ttl}`, async (t) => {
    const cluster = await startCluster(t);
    const [one, two] = [await contender(cluster, ttl), await contender(cluster, ttl)];
    const held = await new Mutex(one.session, 'a').acquire();
    let lostAt = Number.NaN;
    held.lost.addEventListener('abort', () => {
      lostAt = cluster.clock.now();
    });
    let takenAt = Number.NaN;
    const taking = new Mutex(two.session, 'a').acquire().then((lock) => {
      takenAt = cluster.clock.now();
      return lock;
    });
    await cluster.advance(100);
    one.cutOff(true);
    await cluster.advance(3 * ttl * 1_000);
    await taking;
    assert.ok(lostAt < takenAt, `lost at ${lostAt}, taken at ${takenAt}`);
    assert.ok(held.lost.reason instanceof LockLostError);
    assert.throws(() => held.assertHeld(), LockLostError);
    assert.equal(held.remainingMs(), 0);
  });
}

test('row 1: a holder that lost the lock cannot write with it, though its clock says nothing', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const stale = await new Mutex(one.session, 'a').acquire();
  // The lease ends under it; nobody tells this process, as when it was stopped meanwhile.
  await two.client.leases.revoke(one.session.leaseId);
  const fresh = await new Mutex(two.session, 'a').acquire();
  await fresh.txn().do(op.put('balance', 'new')).commit();
  await assert.rejects(stale.txn().do(op.put('balance', 'old')).commit(), LockLostError);
  assert.equal((await two.client.get('balance'))?.value, 'new');
});

test('row 2: a place whose lease is gone is not granted', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const held = await new Mutex(one.session, 'a').acquire();
  const waiting = assert.rejects(new Mutex(two.session, 'a').acquire(), (error) => {
    return error instanceof LockLostError || error instanceof LeaseLostError;
  });
  await cluster.advance(100);
  await one.client.leases.revoke(two.session.leaseId);
  await waiting;
  await held.release();
});

test('row 4: a waiter hears of the end of its own session, however long the holder holds', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [await contender(cluster, 60), await contender(cluster, 5)];
  await new Mutex(one.session, 'a').acquire();
  const waiting = assert.rejects(new Mutex(two.session, 'a').acquire(), LeaseLostError);
  await cluster.advance(100);
  two.cutOff(true);
  await cluster.advance(6_000);
  await waiting;
});

test('row 5, 6: a late release takes nothing from the next acquisition of the same session', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  const mutex = new Mutex(session, 'a');
  const first = await mutex.acquire();
  await client.delete(first.key);
  const second = await mutex.acquire();
  assert.notEqual(second.key, first.key);
  assert.equal(await first.release(), false);
  assert.equal((await client.get(second.key))?.createRevision, second.token);
});

test('row 7: whoever gives up leaves no place behind, whatever the way', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const held = await new Mutex(one.session, 'a').acquire();
  const mutex = new Mutex(two.session, 'a');
  const giveUp = new AbortController();
  const reason = new Error('changed my mind');
  const aborted = assert.rejects(mutex.acquire({ signal: giveUp.signal }), reason);
  const late = assert.rejects(mutex.acquire({ timeoutMs: 500 }), DeadlineError);
  await cluster.advance(100);
  giveUp.abort(reason);
  await aborted;
  await cluster.advance(500);
  await late;
  await assert.rejects(mutex.acquire({ signal: AbortSignal.abort(reason) }), reason);
  await cluster.advance(100);
  const { holder, waiting } = await mutex.inspect();
  assert.deepEqual([holder?.token, waiting], [held.token, []]);
});

test('row 7: a compaction during the wait is none of the waiter’s business', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const held = await new Mutex(one.session, 'a').acquire();
  const waiting = new Mutex(two.session, 'a').acquire();
  await cluster.advance(100);
  for (let at = 0; at < 20; at++) await one.client.put('noise', String(at));
  const { header } = await one.client.put('noise', 'last');
  cluster.cutClients();
  await cluster.advance(50);
  cluster.restoreClients();
  await cluster.advance(1_000);
  await one.client.compact(header.revision);
  await held.release();
  await waiting;
});

test('row 9: an answer that was lost after the commit is no second place', async (t) => {
  const cluster = await startCluster(t);
  const { session, client } = await contender(cluster);
  await client.put('warm', '1');
  cluster.dropReplies(1);
  const acquiring = new Mutex(session, 'a').acquire();
  await cluster.advanceUntil(acquiring);
  const lock = await acquiring;
  const { kvs } = await client.range({ prefix: 'a/' });
  assert.deepEqual(
    kvs.map(({ createRevision }) => createRevision),
    [lock.token],
  );
});

test('row 11: run releases when the task has ended, and not when the lock was lost', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  const mutex = new Mutex(session, 'a');
  let finish = (): void => {};
  let lock: Lock | undefined;
  const running = mutex.run(async (held) => {
    lock = held;
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return 'done';
  });
  await cluster.advance(100);
  await client.delete(lock?.key ?? '');
  await cluster.advance(100);
  assert.equal(lock?.lost.aborted, true);
  finish();
  await assert.rejects(running, (error) => {
    assert.ok(error instanceof LockLostError);
    assert.equal(error.result, 'done');
    return true;
  });
});

test('row 12: neither the loss nor what the task threw hides the other', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  const mutex = new Mutex(session, 'a');
  const failure = new Error('the work failed');
  await assert.rejects(
    mutex.run(() => {
      throw failure;
    }),
    failure,
  );
  assert.equal((await mutex.inspect()).holder, undefined, 'released all the same');
  await assert.rejects(
    mutex.run(async ({ key }) => {
      await client.delete(key);
      await cluster.advance(100);
      throw failure;
    }),
    (error) => error instanceof LockLostError && error.cause === failure,
  );
});

test('row 13, 14: with no timer able to run, asking tells the truth', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const lock = await new Mutex(session, 'a').acquire();
  lock.assertHeld();
  // The machine slept: the wall clock went on, and nothing else did.
  cluster.jumpWallClock(60_000);
  assert.throws(() => lock.assertHeld(), LockLostError);
  assert.equal(lock.lost.aborted, true);
});

test('a lock that is asked for under itself is refused, in any depth', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const mutex = new Mutex(session, 'a');
  await mutex.run(async () => {
    await new Mutex(session, 'b').run(async () => {
      await assert.rejects(new Mutex(session, 'a').acquire(), ReentryError);
    });
    await assert.rejects(mutex.tryAcquire(), ReentryError);
  });
  // Another flow of the same process is another contender.
  const held = await mutex.acquire();
  const waiting = mutex.acquire();
  await held.release();
  await (await waiting).release();
});

test('names that are none, and sessions that have ended, are refused with what would be right', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  for (const [name, fault] of [
    ['', /is empty/],
    ['a/', /ends with a slash/],
    ['\ud800', /is no text/],
  ] as const) {
    assert.throws(() => new Mutex(session, name), fault);
  }
  await assert.rejects(new Mutex(session, 'a').acquire({ timeoutMs: 0 }), /must be above 0/);
  await session.close();
  await assert.rejects(new Mutex(session, 'a').acquire(), ClosedError);
  await assert.rejects(new Mutex(session, 'a').tryAcquire(), ClosedError);
});

test('inspect names holder and waiters as they named themselves', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const lock = await new Mutex(one.session, 'a', {
    identity: 'host-1',
    metadata: { pid: '7' },
  }).acquire();
  const waiting = new Mutex(two.session, 'a', { identity: 'host-2' }).acquire();
  await cluster.advance(100);
  const queue = await new Mutex(one.session, 'a').inspect();
  assert.deepEqual([queue.holder?.identity, queue.holder?.metadata], ['host-1', { pid: '7' }]);
  assert.equal(queue.holder?.token, lock.token);
  assert.deepEqual(
    queue.waiting.map(({ identity }) => identity),
    ['host-2'],
  );
  await lock.release();
  await waiting;
});

test('row 8: a restarted process replaces its own ghost, and nobody else', async (t) => {
  const cluster = await startCluster(t, 1);
  const [crashed, restarted, other] = [
    await contender(cluster, 60),
    await contender(cluster),
    await contender(cluster),
  ];
  const ghost = await new Mutex(crashed.session, 'a', { identity: 'host-1' }).acquire();
  // Another lock's, whose name only begins alike.
  const below = await new Mutex(crashed.session, 'a/b', { identity: 'host-1' }).acquire();
  crashed.cutOff(true);
  const waiting = new Mutex(other.session, 'a', { identity: 'host-2' }).acquire();
  await cluster.advance(100);
  const again = new Mutex(restarted.session, 'a', { identity: 'host-1', replaceOwn: true });
  const mine = again.acquire();
  const theirs = await waiting;
  assert.ok(theirs.token > ghost.token);
  assert.equal((await again.inspect()).holder?.identity, 'host-2', 'in the order of coming');
  await theirs.release();
  await (await mine).release();
  const queue = await new Mutex(restarted.session, 'a/b').inspect();
  assert.equal(queue.holder?.key, below.key);
  assert.throws(
    () => new Mutex(restarted.session, 'a', { replaceOwn: true }),
    /replaceOwn needs an identity/,
  );
});

test('row 18: a lock outlives its connection, and any number of them', async (t) => {
  const cluster = await startCluster(t);
  const { session, client } = await contender(cluster);
  const lock = await new Mutex(session, 'a').acquire();
  for (const name of ['a', 'b', 'c']) {
    cluster.cutClients(name, 'refused');
    await cluster.advance(1_500);
    await cluster.advanceUntil(lock.txn().do(op.put('through', name)).commit());
    lock.assertHeld();
    cluster.restoreClients(name);
  }
  assert.equal((await client.get(lock.key))?.createRevision, lock.token);
});

test('a lock whose name goes on below another is another lock', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster), await contender(cluster)];
  const below = await new Mutex(one.session, 'jobs/nightly').acquire();
  const above = await new Mutex(two.session, 'jobs').acquire();
  assert.ok((await new Mutex(two.session, 'jobs').inspect()).waiting.length === 0);
  await above.release();
  const tried = await new Mutex(two.session, 'jobs').tryAcquire();
  assert.ok(tried !== undefined);
  // Whoever waits behind both a stranger and a holder waits for the holder.
  const waiting = new Mutex(one.session, 'jobs').acquire();
  await cluster.advance(100);
  await below.release();
  await cluster.advance(100);
  assert.equal((await new Mutex(one.session, 'jobs').inspect()).holder?.key, tried.key);
  await tried.release();
  await (await waiting).release();
});

test('a removed key is noticed also when history went over the removal', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [await contender(cluster, 60), await contender(cluster)];
  const lock = await new Mutex(one.session, 'a').acquire();
  const other = await new Mutex(one.session, 'b').acquire();
  await cluster.advance(500);
  one.cutOff(true);
  await two.client.delete(lock.key);
  const { header } = await two.client.put('noise', '1');
  await two.client.compact(header.revision);
  await cluster.advance(7_000);
  one.cutOff(false);
  await cluster.advanceUntil(() => lock.lost.aborted, 20_000);
  assert.match(String(lock.lost.reason), /somebody removed a\//);
  assert.equal(other.lost.aborted, false);
});

test('a session that hands over later keeps others out for longer than it believes, after a loss only', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [
    await contender(cluster, 5, { handoverDelayMs: 7_000 }),
    await contender(cluster),
  ];
  assert.equal(one.session.ttlMs, 5_000);
  const first = await new Mutex(one.session, 'a').acquire();
  await first.release();
  const quick = await new Mutex(two.session, 'a').acquire();
  await quick.release();
  const held = await new Mutex(one.session, 'a').acquire();
  let lostAt = Number.NaN;
  held.lost.addEventListener('abort', () => {
    lostAt = cluster.clock.now();
  });
  one.cutOff(true);
  const next = new Mutex(two.session, 'a').acquire();
  await cluster.advanceUntil(next, 30_000);
  const gap = cluster.clock.now() - lostAt;
  assert.ok(gap >= 7_000 && gap < 10_000, `${gap} ms between the loss and the next holder`);
});
