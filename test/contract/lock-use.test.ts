import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidError, LeaseLostError, LockstepError, op, Session } from '@lockstep/client';
import { AllOf, inspectMutex, LockLostError, Mutex, RwLock, Semaphore } from '@lockstep/locks';
import { contender, startCluster } from '../harness/contenders.ts';

test('what somebody keeps below a lock’s name, and locks of other kinds, are in nobody’s way', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  await client.put('a/threads', '4');
  const permit = await new Semaphore(session, 'a', { limit: 1 }).acquire();
  const reader = await new RwLock(session, 'a').read.acquire();
  const mutex = new Mutex(session, 'a');
  const lock = await mutex.acquire();
  assert.equal((await inspectMutex(client, 'a')).holder?.key, lock.key);
  const all = [new Mutex(session, 'b'), new RwLock(session, 'b').write];
  await (await new AllOf(all).acquire()).release();
  for (const held of [lock, reader, permit]) assert.equal(await held.release(), true);
});

test('what was started under a lock and outlives it may ask for it again', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const mutex = new Mutex(session, 'a');
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let later: Promise<void> | undefined;
  await mutex.run(() => {
    later = gate.then(async () => void (await (await mutex.acquire()).release()));
  });
  open();
  await later;
});

test('a lock of another session of the same program is refused under itself', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  const other = await Session.open(client);
  await new Mutex(session, 'a').run(() =>
    assert.rejects(new Mutex(other, 'a').acquire(), /would wait for itself/),
  );
});

test('tryAcquire gives no lock that is lost, and keeps nobody out with it', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [
    await contender(cluster, 3, { handoverDelayMs: 30_000 }),
    await contender(cluster),
  ];
  one.cutOff(true);
  const tried = new Mutex(one.session, 'a').tryAcquire();
  await assert.rejects(cluster.advanceUntil(tried), LeaseLostError);
  one.cutOff(false);
  await cluster.advance(2_000);
  assert.ok((await new Mutex(two.session, 'a').tryAcquire()) !== undefined);
});

test('a writer is lost as soon as it asks to become a reader', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  const lock = new RwLock(session, 'a');
  const writer = await lock.write.acquire();
  const asking = writer.downgrade();
  assert.throws(() => writer.assertHeld(), /was downgraded/);
  await (await asking).release();
  const gone = await lock.write.acquire();
  await client.delete(gone.key);
  await assert.rejects(gone.downgrade(), LockLostError);
  assert.deepEqual(await lock.inspect(), { holders: [], waiting: [] });
  await assert.rejects(gone.txn().do(op.put('x', '1')).commit(), LockLostError);
});

test('options that are none are refused when the lock is made', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session, client } = await contender(cluster);
  // As a program without types would.
  const made = (options: unknown) => () => new Mutex(session, 'a', options as object);
  assert.throws(made({ identity: 5 }), /identity is 5; it must be text/);
  assert.throws(made({ metadata: 'abc' }), /metadata must be an object of texts/);
  assert.throws(made({ metadata: { pid: 7 } }), /metadata must be an object of texts/);
  assert.throws(
    () => new Semaphore(session, 'a', { onMismatch: 'ignore' as 'adopt' }),
    /onMismatch is "ignore"; it must be 'error' or 'adopt'/,
  );
  assert.throws(() => new Mutex(session, 'n'.repeat(1_025)), /"n{40}\.\.\." is longer than 1024/);
  const nothing = undefined as unknown as () => void;
  await assert.rejects(new Mutex(session, 'a').run(nothing), /run takes a function/);
  assert.equal((await inspectMutex(client, 'a')).holder, undefined);
  const sometimes = Session.open(client, { keepAlive: 'sometimes' as 'loop' });
  await assert.rejects(sometimes, (error) => {
    assert.ok(error instanceof InvalidError && error instanceof LockstepError);
    assert.match(error.message, /keepAlive is "sometimes"; it must be 'loop' or 'worker'/);
    return true;
  });
});
