import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ClosedError,
  ConflictError,
  DeadlineError,
  DecodeError,
  InvalidError,
} from '@lockstep/client';
import { Barrier, Countdown, ResetError } from '@lockstep/rendezvous';
import { contender, startCluster } from '../harness/contenders.ts';

/** Tells whether a promise has settled by now. */
function watched<Result>(promise: Promise<Result>): { readonly settled: boolean } {
  const state = { settled: false };
  const settle = (): void => {
    state.settled = true;
  };
  promise.then(settle, settle);
  return state;
}

test('a barrier holds while it is closed, and lets all go when it is opened', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const [one, two] = [cluster.client(), cluster.client()];
  const barrier = new Barrier(one, 'deploy');
  assert.equal(await barrier.close({ identity: 'ci', metadata: { build: '7' } }), true);
  const waiting = Promise.all([1, 2, 3].map(() => new Barrier(two, 'deploy').wait()));
  const state = watched(waiting);
  await cluster.advance(60_000);
  assert.equal(state.settled, false);
  const found = await new Barrier(two, 'deploy').inspect();
  assert.deepEqual([found?.identity, found?.metadata, found?.lease], ['ci', { build: '7' }, '0']);
  assert.equal(await barrier.open(), true);
  await waiting;
  assert.equal(await barrier.open(), false);
  assert.equal(await barrier.inspect(), undefined);
});

test('a barrier that nobody closed is open', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  await new Barrier(cluster.client(), 'deploy').wait();
});

test('whoever closes a closed barrier changes nothing', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const barrier = new Barrier(cluster.client(), 'deploy');
  await barrier.close({ identity: 'first' });
  assert.equal(await barrier.close({ identity: 'second' }), false);
  assert.equal((await barrier.inspect())?.identity, 'first');
});

test('a barrier on a session opens when the session ends, and one without stays closed', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const { client, session, cutOff } = await contender(cluster, 5);
  const other = cluster.client();
  await new Barrier(client, 'mine').close({ session });
  await new Barrier(client, 'kept').close();
  const mine = new Barrier(other, 'mine').wait();
  const kept = watched(new Barrier(other, 'kept').wait());
  cutOff(true);
  await cluster.advance(20_000);
  await mine;
  assert.equal(kept.settled, false);
  await new Barrier(other, 'kept').open();
  assert.equal(session.lost.aborted, true);
  await assert.rejects(new Barrier(client, 'mine').close({ session }), /lost/);
});

test('row 17: a barrier that is opened between the read and the watch lets go', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const opener = new Barrier(cluster.client(), 'deploy');
  await opener.close();
  const client = cluster.client();
  const txn = client.txn.bind(client);
  let isOpened = false;
  // The read is answered, and before its caller goes on the barrier is opened, and closed again.
  const meanwhile = async (request: never, options: never) => {
    const reply = await txn(request, options);
    if (!isOpened) {
      isOpened = true;
      await opener.open();
      await opener.close();
    }
    return reply;
  };
  Object.assign(client, { txn: meanwhile });
  await new Barrier(client, 'deploy').wait();
  assert.equal(isOpened, true);
});

test('row 17: a write to the key of a closed barrier wakes nobody', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const client = cluster.client();
  await new Barrier(client, 'deploy').close();
  const waiting = new Barrier(client, 'deploy').wait();
  const state = watched(waiting);
  await cluster.advance(10);
  await client.put('deploy', 'by hand');
  await client.put('deploy2', 'another one');
  await cluster.advance(100);
  assert.equal(state.settled, false);
  assert.equal((await new Barrier(client, 'deploy').inspect())?.identity, '');
  await client.delete('deploy');
  await waiting;
});

test('row 7: a compaction during the wait loses no opening, even one that was closed again', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const [waiter, opener] = [await contender(cluster), cluster.client()];
  for (const again of [false, true]) {
    await new Barrier(opener, 'deploy').close();
    const waiting = new Barrier(waiter.client, 'deploy').wait();
    const state = watched(waiting);
    await cluster.advance(100);
    // Twice, it is cut off and hears nothing of what is compacted: at first nothing that matters.
    for (const opens of [false, true]) {
      waiter.cutOff(true);
      if (opens) await new Barrier(opener, 'deploy').open();
      if (opens && again) await new Barrier(opener, 'deploy').close();
      for (const value of ['1', '2']) await opener.put('noise', value);
      await opener.compact((await opener.put('noise', '3')).header.revision);
      await cluster.advance(10_000);
      waiter.cutOff(false);
      await cluster.advance(10_000);
      assert.equal(state.settled, opens);
    }
    await waiting;
    await new Barrier(opener, 'deploy').open();
  }
});

test('row 9: an answer that was lost when a barrier was closed is no failure', async (t) => {
  const cluster = await startCluster(t, 3, 5);
  const barrier = new Barrier(cluster.client(), 'deploy');
  cluster.dropReplies(1);
  assert.equal(await cluster.advanceUntil(barrier.close()), true);
  cluster.dropReplies(1);
  assert.equal(await cluster.advanceUntil(barrier.open()), true);
});

test('waiting ends by its deadline or signal, and says for what it waited', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const client = cluster.client();
  const barrier = new Barrier(client, 'deploy');
  await barrier.close();
  const late = assert.rejects(barrier.wait({ timeoutMs: 500 }), (error) => {
    assert.ok(error instanceof DeadlineError);
    assert.match(error.message, /"deploy" was not opened within 500 ms/);
    return true;
  });
  await cluster.advance(500);
  await late;
  const reason = new Error('changed my mind');
  const giveUp = new AbortController();
  const aborted = assert.rejects(barrier.wait({ signal: giveUp.signal }), reason);
  await cluster.advance(10);
  giveUp.abort(reason);
  await aborted;
  await assert.rejects(barrier.wait({ timeoutMs: 0 }), /must be above 0/);
  const closed = assert.rejects(barrier.wait(), ClosedError);
  await cluster.advance(10);
  await client.close();
  await closed;
  await assert.rejects(barrier.wait(), ClosedError);
});

test('a countdown lets go when all have counted, each once', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const [one, two] = [cluster.client(), cluster.client()];
  const countdown = new Countdown(one, 'ready');
  assert.equal(await countdown.count(), undefined);
  assert.equal(await countdown.start(3), true);
  assert.equal(await new Countdown(two, 'ready').start(3), false);
  const waiting = new Countdown(two, 'ready').wait();
  const state = watched(waiting);
  assert.equal(await countdown.countDown('a'), 2);
  assert.equal(await countdown.countDown('a'), 2, 'the same one again');
  assert.equal((await one.get('ready/done/a'))?.version, 1, 'writes nothing');
  assert.equal(await new Countdown(two, 'ready').countDown('b'), 1);
  await cluster.advance(100);
  assert.equal(state.settled, false);
  assert.equal(await countdown.count(), 1);
  assert.equal(await countdown.countDown('c'), 0);
  await waiting;
  await countdown.wait();
  assert.equal(await countdown.countDown('d'), 0, 'one too many');
  assert.equal(await countdown.count(), 0);
});

test('row 9: a participant whose answer was lost has counted once', async (t) => {
  const cluster = await startCluster(t, 3, 5);
  const countdown = new Countdown(cluster.client(), 'ready');
  await countdown.start(3);
  const dropped = cluster.dropReplies(1);
  assert.equal(await cluster.advanceUntil(countdown.countDown('a')), 2);
  assert.equal(dropped.count, 1);
  // A process that died before the answer asks again after its restart, with another client.
  assert.equal(await new Countdown(cluster.client(), 'ready').countDown('a'), 2);
});

test('waiting for a countdown may begin before the countdown does', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const client = cluster.client();
  const waiting = new Countdown(client, 'ready').wait();
  const state = watched(waiting);
  await cluster.advance(100);
  assert.equal(state.settled, false);
  await new Countdown(client, 'ready').start(1);
  await cluster.advance(100);
  assert.equal(state.settled, false);
  await new Countdown(client, 'ready').countDown('a');
  await waiting;
});

test('row 17: countdowns and barriers whose names begin alike have nothing to do with each other', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const client = cluster.client();
  await new Countdown(client, 'a').start(1);
  await new Countdown(client, 'ab').start(2);
  await new Countdown(client, 'a/b').start(3);
  await new Barrier(client, 'a').close();
  await new Countdown(client, 'ab').countDown('x');
  await new Countdown(client, 'a/b').countDown('x');
  assert.deepEqual(
    [
      await new Countdown(client, 'a').count(),
      await new Countdown(client, 'ab').count(),
      await new Countdown(client, 'a/b').count(),
    ],
    [1, 1, 2],
  );
});

test('row 7: a compaction during the wait loses no count', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const [waiter, other] = [await contender(cluster), cluster.client()];
  const countdown = new Countdown(other, 'ready');
  await countdown.start(2);
  const waiting = new Countdown(waiter.client, 'ready').wait();
  await cluster.advance(100);
  waiter.cutOff(true);
  for (const id of ['a', 'b']) await countdown.countDown(id);
  const { header } = await other.put('noise', '1');
  await other.compact(header.revision);
  await cluster.advance(10_000);
  waiter.cutOff(false);
  await cluster.advanceUntil(waiting);
});

test('a countdown that is reset ends the waiting with a ResetError, and can begin again', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const client = cluster.client();
  const countdown = new Countdown(client, 'ready');
  assert.equal(await countdown.reset(), false);
  await countdown.start(2);
  await countdown.countDown('a');
  const reset = assert.rejects(countdown.wait(), ResetError);
  await cluster.advance(10);
  assert.equal(await countdown.reset(), true);
  await reset;
  await countdown.start(1);
  assert.equal(await countdown.count(), 1, 'nobody has counted yet');
  await countdown.countDown('a');
  await client.delete('ready/count');
  await countdown.start(1);
  assert.equal(await countdown.count(), 1, 'nor when it was taken back by hand');
});

test('counts and names that are none are refused with what would be right', async (t) => {
  const cluster = await startCluster(t, 1, 5);
  const client = cluster.client();
  for (const [name, fault] of [
    ['', /is empty/],
    ['a/', /ends with a slash/],
    ['\ud800', /is no text/],
    [7 as unknown as string, /is no text/],
  ] as const) {
    assert.throws(() => new Barrier(client, name), fault);
    assert.throws(() => new Countdown(client, name), fault);
  }
  const countdown = new Countdown(client, 'ready');
  for (const count of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await assert.rejects(countdown.start(count), /must be a whole number, 1 or more/);
  }
  await assert.rejects(countdown.countDown('a'), (error) => {
    assert.ok(error instanceof InvalidError);
    assert.match(error.message, /has not begun: start\(count\) begins it/);
    return true;
  });
  await countdown.start(2);
  await assert.rejects(countdown.start(3), (error) => {
    assert.ok(error instanceof ConflictError);
    assert.match(error.message, /has begun with 2 and not with 3: reset it first/);
    return true;
  });
  await assert.rejects(countdown.countDown(''), /is empty/);
  await assert.rejects(countdown.countDown('a/b'), /has a slash/);
  await client.put('ready/count', 'three');
  await assert.rejects(countdown.count(), DecodeError);
  await assert.rejects(countdown.wait(), /"three" is no count/);
  await client.close();
  await assert.rejects(countdown.countDown('a'), ClosedError);
  await assert.rejects(new Barrier(client, 'a').close(), ClosedError);
});
