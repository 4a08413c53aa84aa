import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AmbiguousError,
  DeadlineError,
  EvictedReplyError,
  type LockstepError,
} from '@lockstep/client';
import { limits } from '@lockstep/client/protocol';
import { connect, startMember, startPair } from '../harness/clients.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import type { FakeMember } from '../harness/fake-member.ts';

/** The `once` of each put that arrived. */
function numbersOf(member: FakeMember): unknown[] {
  return member.seenOf('kv.put').map(({ params }) => params.once);
}

function sequencesOf(member: FakeMember): unknown[] {
  return member.seenOf('kv.put').map(({ params }) => {
    return (params.once as { sequence: number }).sequence;
  });
}

test('changes carry numbers under one client id, reads carry none and ask for none', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.get('a');
  assert.equal(member.seenOf('client.register').length, 0);
  await Promise.all([client.put('a', '1'), client.put('a', '2')]);
  await client.put('a', '3');
  assert.equal(member.seenOf('client.register').length, 1);
  assert.deepEqual(numbersOf(member), [
    { clientId: '1', sequence: 1, ackedBelow: 1 },
    { clientId: '1', sequence: 2, ackedBelow: 1 },
    { clientId: '1', sequence: 3, ackedBelow: 3 },
  ]);
  assert.equal(member.seenOf('kv.range')[0]?.params.once, undefined);
});

test('a change whose answer was lost is sent again under its number and runs once', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  await client.put('warm', '1');
  one.swallowNext('kv.put');
  const arrived = one.next('kv.put');
  const put = client.put('a', '1', { prevKv: true });
  await arrived;
  await one.refuse();
  const { header, prevKv } = await put;
  assert.deepEqual([header.revision, prevKv], [3, undefined]);
  assert.equal((await client.get('a'))?.version, 1);
  assert.deepEqual(numbersOf(two), [{ clientId: '1', sequence: 2, ackedBelow: 2 }]);
});

test('a change that may have been carried out is sent again to the member that said so', async (t) => {
  for (const code of ['leader_changed', 'timeout', 'server_stopped'] as const) {
    const member = await startMember(t);
    const client = connect(t, member);
    member.failNext('kv.put', code);
    await client.put('a', '1');
    assert.deepEqual(sequencesOf(member), [1, 1], code);
  }
});

test('an internal error of a member is not retried: the fate is unknown', async (t) => {
  const member = await startMember(t);
  member.failNext('kv.put', 'internal');
  await assert.rejects(connect(t, member).put('a', '1'), (error) => {
    assert.ok(error instanceof AmbiguousError);
    assert.equal((error.cause as LockstepError).code, 'internal');
    return true;
  });
});

test('a change that never gets an answer is ambiguous at its deadline, wherever it is', async (t) => {
  const member = await startMember(t);
  const clock = new FakeClock();
  clock.chance = 0.99;
  const client = connect(t, member, { clock });
  await client.put('warm', '1');
  member.failNext('kv.put', 'timeout');
  const put = client.put('a', '1', { timeoutMs: 10 });
  // Answers come in order, so after this one the refusal is there and the next try is 20 ms away.
  await client.get('a');
  clock.advance(10);
  await assert.rejects(put, (error) => {
    assert.ok(error instanceof AmbiguousError, String(error));
    assert.equal((error.cause as LockstepError).code, 'timeout');
    return true;
  });
});

test('a client id that is forgotten before a change was sent is replaced, unseen', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('a', '1');
  member.replies.forgetClients();
  await Promise.all([client.put('a', '2'), client.put('a', '3')]);
  assert.equal((await client.get('a'))?.version, 3);
  assert.deepEqual(numbersOf(member).slice(-2), [
    { clientId: '2', sequence: 1, ackedBelow: 1 },
    { clientId: '2', sequence: 2, ackedBelow: 1 },
  ]);
});

test('a client id that is forgotten while the fate of a change is unknown leaves it unknown', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('a', '1');
  member.swallowNext('kv.put');
  const arrived = member.next('kv.put');
  const put = client.put('a', '2');
  await arrived;
  member.replies.forgetClients();
  member.cut();
  await assert.rejects(put, (error) => {
    assert.ok(error instanceof AmbiguousError, String(error));
    assert.equal((error.cause as LockstepError).code, 'client_expired');
    return true;
  });
  await client.put('a', '3');
  assert.equal((await client.get('a'))?.version, 3);
});

test('after an end in order a forgotten client id is replaced: the change was not run', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('warm', '1');
  const release = member.hold();
  const arrived = member.next('kv.put');
  const put = client.put('a', '1');
  await arrived;
  const again = member.next('kv.put');
  member.replies.forgetClients();
  member.stopInOrder();
  await again;
  release();
  await put;
  assert.equal((await client.get('a'))?.value, '1');
});

test('an answer that is no longer kept says that the change was run', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('warm', '1');
  member.swallowNext('kv.put');
  const arrived = member.next('kv.put');
  const put = client.put('a', '1');
  await arrived;
  member.failNext('kv.put', 'reply_evicted');
  member.cut();
  await assert.rejects(put, (error) => {
    assert.ok(error instanceof EvictedReplyError, String(error));
    assert.deepEqual([error.code, error.ambiguous], ['reply_evicted', false]);
    return true;
  });
});

test('a refusal made before the member looked says nothing about an earlier try', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  member.failNext('kv.put', 'no_space');
  await assert.rejects(client.put('a', '1'), { code: 'no_space' });
  member.swallowNext('kv.put');
  const arrived = member.next('kv.put');
  const put = client.put('a', '1');
  await arrived;
  member.failNext('kv.put', 'no_space');
  member.cut();
  await assert.rejects(put, AmbiguousError);
});

test('no more changes are open than the cluster keeps answers for', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('warm', '1');
  member.swallowNext('kv.put');
  const stuck = assert.rejects(client.put('stuck', '1'), AmbiguousError);
  const puts = Array.from({ length: 300 }, () => client.put('a', '1').catch(() => {}));
  await Promise.all(puts.slice(0, limits.onceRepliesMax - 1));
  // A round trip more, in which the next one would have come.
  await client.get('a');
  assert.deepEqual(sequencesOf(member).at(-1), 1 + limits.onceRepliesMax);
  await client.close({ drainMs: 0 });
  await Promise.all([stuck, ...puts]);
});

test('a change is not sent before the cluster has given an id, and says so at its deadline', async (t) => {
  const member = await startMember(t);
  const clock = new FakeClock();
  const client = connect(t, member, { clock });
  member.swallowNext('client.register');
  const arrived = member.next('client.register');
  const put = client.put('a', '1', { timeoutMs: 20 });
  await arrived;
  clock.advance(20);
  await assert.rejects(put, (error) => {
    assert.ok(error instanceof DeadlineError, String(error));
    assert.match(error.message, /no answer within 20 ms/);
    return true;
  });
  assert.equal(member.seenOf('kv.put').length, 0);
});

test('a cluster that refuses to register refuses the changes that wait for it', async (t) => {
  const member = await startMember(t);
  member.failNext('client.register', 'permission_denied');
  const client = connect(t, member);
  await assert.rejects(client.put('a', '1'), { code: 'permission_denied' });
  await client.put('a', '2');
});

test('another cluster under the same address is asked for nothing, and said to be another', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('a', '1');
  member.clusterId = '78';
  const states = client.connections();
  assert.equal((await states.next()).value?.state, 'connected');
  member.cut();
  assert.equal((await states.next()).value?.state, 'connecting');
  await assert.rejects(client.put('a', '2', { timeoutMs: 1_000 }), {
    code: 'unavailable',
    message: /it belongs to cluster 78, and this client to cluster 77/,
  });
  assert.equal(member.seenOf('kv.put').length, 1);
  member.clusterId = '77';
  await client.put('a', '3');
});

test('a put and a get of one tick keep their order once the client has its id', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('a', '1');
  const [, found] = await Promise.all([client.put('a', '2'), client.get('a')]);
  assert.equal(found?.value, '2');
});

test('a transaction that only reads carries no number and is sent again without one', async (t) => {
  const { compare, op } = await import('@lockstep/client');
  const member = await startMember(t);
  const client = connect(t, member, { exactlyOnce: false });
  member.failNext('kv.txn', 'leader_changed');
  const { succeeded } = await client.txn({
    compare: [compare.missing('a')],
    success: [op.get('a')],
  });
  assert.equal(succeeded, true);
  assert.deepEqual(
    member.seenOf('kv.txn').map(({ params }) => params.once),
    [undefined, undefined],
  );
});
