import assert from 'node:assert/strict';
import { test } from 'node:test';
import { op } from '@lockstep/client';
import { type Lock, LockLostError, ReentryError, RwLock } from '@lockstep/locks';
import { contender, startCluster } from '../harness/contenders.ts';

/** Notes in which order locks were had. */
function order(): { readonly had: string[]; note(name: string, lock: Promise<Lock>): void } {
  const had: string[] = [];
  return {
    had,
    note: (name, lock) => {
      lock.then(
        () => had.push(name),
        () => had.push(`not ${name}`),
      );
    },
  };
}

test('readers read together, a writer waits for all of them, and later readers for the writer', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const lock = new RwLock(session, 'a');
  const { had, note } = order();
  const [one, two] = [await lock.read.acquire(), await lock.read.acquire()];
  const writing = lock.write.acquire();
  note('write', writing);
  await cluster.advance(10);
  const reading = lock.read.acquire();
  note('read', reading);
  await cluster.advance(100);
  const { holders, waiting } = await lock.inspect();
  assert.deepEqual(
    [holders, waiting].map((some) => some.map(({ mode }) => mode)),
    [
      ['read', 'read'],
      ['write', 'read'],
    ],
  );
  await two.release();
  await cluster.advance(100);
  assert.deepEqual(had, []);
  await one.release();
  const writer = await writing;
  await cluster.advance(100);
  assert.deepEqual(had, ['write']);
  await writer.release();
  await (await reading).release();
  assert.deepEqual(had, ['write', 'read']);
});

test('a writer who becomes a reader lets readers in, and no writer between', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const lock = new RwLock(session, 'a');
  const { had, note } = order();
  const writer = await lock.write.acquire();
  const before = lock.read.acquire();
  note('read before', before);
  await cluster.advance(10);
  const writing = lock.write.acquire();
  note('write', writing);
  await cluster.advance(10);
  const after = lock.read.acquire();
  note('read after', after);
  await cluster.advance(10);
  const reader = await writer.downgrade();
  await cluster.advance(100);
  assert.deepEqual(had, ['read before']);
  assert.equal(writer.lost.aborted, true);
  await assert.rejects(writer.txn().do(op.put('x', '1')).commit(), LockLostError);
  assert.equal(await writer.release(), false, 'which lets nobody in');
  await reader.txn().do(op.put('x', '2')).commit();
  await (await before).release();
  await cluster.advance(100);
  assert.deepEqual(had, ['read before'], 'it is still a reader');
  assert.equal(await reader.release(), true);
  await (await writing).release();
  await (await after).release();
  assert.deepEqual(had, ['read before', 'write', 'read after']);
});

test('a reader who comes to a writer that became one before goes right in', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const lock = new RwLock(session, 'a');
  const writer = await lock.write.acquire();
  assert.equal(await lock.read.tryAcquire(), undefined);
  const reader = await writer.downgrade();
  const [tried, waited] = [await lock.read.tryAcquire(), await lock.read.acquire()];
  assert.equal(await lock.write.tryAcquire(), undefined);
  for (const each of [tried, waited, reader]) assert.equal(await each?.release(), true);
  assert.ok((await lock.write.tryAcquire()) !== undefined);
});

test('run releases what the writer became', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const lock = new RwLock(session, 'a');
  const result = await lock.write.run(async (writer) => {
    const reader = await writer.downgrade();
    reader.assertHeld();
    return 'done';
  });
  assert.equal(result, 'done');
  assert.deepEqual(await lock.inspect(), { holders: [], waiting: [] });
});

test('row 17: a waiting writer hears of the end of its session, and leaves no way barred', async (t) => {
  const cluster = await startCluster(t);
  const [one, two, three] = [
    await contender(cluster, 60),
    await contender(cluster, 5),
    await contender(cluster),
  ];
  const reader = await new RwLock(one.session, 'a').read.acquire();
  const writing = assert.rejects(new RwLock(two.session, 'a').write.acquire());
  await cluster.advance(100);
  const reading = new RwLock(three.session, 'a').read.acquire();
  two.cutOff(true);
  await cluster.advanceUntil(writing);
  // The writer is gone with its lease, so this reader is with the first one.
  await cluster.advanceUntil(reading);
  reader.assertHeld();
});

test('row 17: an abandoned writer lets the readers behind it in', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const lock = new RwLock(session, 'a');
  await lock.read.acquire();
  const giveUp = new AbortController();
  const writing = assert.rejects(lock.write.acquire({ signal: giveUp.signal }), /enough/);
  await cluster.advance(10);
  const reading = lock.read.acquire();
  await cluster.advance(10);
  giveUp.abort(new Error('enough'));
  await writing;
  await reading;
});

test('to read under what one writes, or write under what one reads, is refused', async (t) => {
  const cluster = await startCluster(t, 1);
  const { session } = await contender(cluster);
  const lock = new RwLock(session, 'a');
  await lock.write.run(() => assert.rejects(lock.read.acquire(), ReentryError));
  await lock.read.run(() => assert.rejects(lock.write.acquire(), ReentryError));
  assert.throws(() => new RwLock(session, ''), /is empty/);
});
