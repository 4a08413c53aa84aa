import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AmbiguousError,
  Client,
  ClosedError,
  CompactedError,
  DeadlineError,
  LockstepError,
  UnavailableError,
} from '@lockstep/client';
import { connect, iterate, startMember, startPair, swift, take } from '../harness/clients.ts';
import { FakeClock } from '../harness/fake-clock.ts';

test('put, get, range and delete give what the store holds', async (t) => {
  const client = connect(t, await startMember(t));
  await client.put('a/1', 'one');
  const { prevKv } = await client.put('a/1', 'uno', { prevKv: true });
  assert.equal(prevKv?.value, 'one');
  await client.put('a/2', 'two');
  const found = await client.get('a/1');
  assert.equal(found?.value, 'uno');
  assert.equal(found?.version, 2);
  assert.equal(await client.get('nowhere'), undefined);
  const { kvs, count, more } = await client.range({ prefix: 'a/' }, { limit: 1 });
  assert.deepEqual([kvs.map(({ key }) => key), count, more], [['a/1'], 2, true]);
  const gone = await client.delete({ prefix: 'a/' }, { prevKv: true });
  assert.deepEqual([gone.deleted, gone.prevKvs.map(({ value }) => value)], [2, ['uno', 'two']]);
});

test('bytes that are not text go in and come out unharmed, and are no text', async (t) => {
  const client = connect(t, await startMember(t));
  const key = new Uint8Array([0xff, 0]);
  const value = new Uint8Array([0x80, 0x81]);
  await client.put(key, value);
  const kv = await client.get(key);
  assert.deepEqual([kv?.keyBytes, kv?.valueBytes], [key, value]);
  assert.throws(() => kv?.value, { code: 'not_text' });
  await client.put('text', new TextEncoder().encode('grüße'));
  assert.equal((await client.get('text'))?.value, 'grüße');
});

test('a key from which all are read may be empty', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('z', '1');
  assert.equal((await client.range({ fromKey: '' })).count, 1);
  assert.deepEqual(member.seenOf('kv.range')[0]?.params, { key: '\0', rangeEnd: '\0' });
});

test('a refusal of the table comes with its code and traits', async (t) => {
  const client = connect(t, await startMember(t));
  await assert.rejects(client.put('', 'v'), (error) => {
    assert.ok(error instanceof LockstepError);
    assert.deepEqual([error.code, error.retryable, error.ambiguous], ['empty_key', false, false]);
    return true;
  });
});

test('a read of a compacted revision is a CompactedError', async (t) => {
  const member = await startMember(t);
  member.failNext('kv.range', 'compacted');
  await assert.rejects(connect(t, member).get('a', { revision: 1 }), CompactedError);
});

test('the calls of one tick are answered, far beyond the number in flight', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await Promise.all(Array.from({ length: 1000 }, (_, at) => client.put(`k${at}`, 'v')));
  assert.equal((await client.range({ prefix: 'k' }, { countOnly: true })).count, 1000);
});

test('no more than 256 calls are in flight', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.get('warm');
  const release = member.hold();
  const all = Promise.all(Array.from({ length: 300 }, () => client.get('a')));
  const marker = member.next('kv.range');
  await marker;
  // The held ones are all in one burst, so the first to arrive says that the burst is on its way.
  while (member.seenOf('kv.range').length < 257) await member.next('kv.range');
  assert.equal(member.seenOf('kv.range').length, 257);
  release();
  await all;
  assert.equal(member.seenOf('kv.range').length, 301);
});

test('a client with no member to reach says so by its deadline, and why', async (t) => {
  const member = await startMember(t);
  await member.refuse();
  const client = connect(t, member, { callTimeoutMs: 500 });
  await assert.rejects(client.put('a', '1'), (error) => {
    assert.ok(error instanceof UnavailableError, String(error));
    assert.equal(error.ambiguous, false);
    assert.ok(error.message.includes(`${member.address}: connection refused`), error.message);
    return true;
  });
});

test('a call made before the member is there is answered once it is', async (t) => {
  const member = await startMember(t);
  await member.refuse();
  const client = connect(t, member);
  const put = client.put('a', '1');
  await member.listenAgain();
  await put;
  assert.equal((await client.get('a'))?.value, '1');
});

test('a read is sent again after a lost connection', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('a', '1');
  const release = member.hold();
  const arrived = member.next('kv.range');
  const read = client.get('a');
  await arrived;
  const again = member.next('kv.range');
  member.cut();
  await again;
  release();
  assert.equal((await read)?.value, '1');
  assert.equal(member.connectionsMade, 2);
});

test('without exactlyOnce a write whose answer was lost is ambiguous, and is not sent again', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member, { exactlyOnce: false });
  member.swallowNext('kv.put');
  const arrived = member.next('kv.put');
  const put = client.put('a', '1');
  await arrived;
  member.cut();
  await assert.rejects(put, (error) => error instanceof AmbiguousError && error.ambiguous);
  assert.equal((await client.get('a'))?.value, '1');
  assert.equal(member.seenOf('kv.put').length, 1);
});

test('a write without an answer by its deadline is ambiguous, a read is not', async (t) => {
  const member = await startMember(t);
  const clock = new FakeClock();
  const client = connect(t, member, { clock });
  await client.put('warm', '1');
  member.swallowNext('kv.put');
  member.swallowNext('kv.range');
  const arrived = Promise.all([member.next('kv.put'), member.next('kv.range')]);
  const put = assert.rejects(client.put('a', '1', { timeoutMs: 20 }), AmbiguousError);
  const read = assert.rejects(client.get('a', { timeoutMs: 30 }), DeadlineError);
  await arrived;
  clock.advance(20);
  await put;
  clock.advance(10);
  await read;
});

test('a write that was surely not carried out is sent again', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  member.failNext('kv.put', 'no_leader');
  member.failNext('kv.put', 'too_many_requests');
  await client.put('a', '1');
  assert.equal(member.seenOf('kv.put').length, 3);
});

test('[W-13] a write without an answer from a member that stopped in order is sent again', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  member.swallowNext('kv.put');
  const arrived = member.next('kv.put');
  const put = client.put('a', '1');
  await arrived;
  member.stopInOrder();
  await put;
  assert.equal(member.seenOf('kv.put').length, 2);
});

test('without exactlyOnce a write that may have been carried out is ambiguous, a read is sent again', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member, { exactlyOnce: false });
  for (const code of ['leader_changed', 'timeout', 'server_stopped', 'internal'] as const) {
    member.failNext('kv.put', code);
    await assert.rejects(client.put('a', '1'), (error) => {
      assert.ok(error instanceof AmbiguousError);
      assert.equal((error.cause as LockstepError).code, code);
      return true;
    });
  }
  member.failNext('kv.range', 'leader_changed');
  assert.equal(await client.get('a'), undefined);
});

test('a refusal that lasts ends at the deadline with its reason, and is not ambiguous', async (t) => {
  const member = await startMember(t);
  const clock = new FakeClock();
  clock.chance = 0.99;
  const client = connect(t, member, { clock });
  await client.put('warm', '1');
  member.failNext('kv.put', 'no_leader');
  const put = client.put('a', '1', { timeoutMs: 10 });
  // Answers come in order, so after this one the refusal is there and the next try is 20 ms away.
  await client.get('a');
  clock.advance(10);
  await assert.rejects(put, (error) => {
    assert.ok(error instanceof DeadlineError, String(error));
    assert.equal((error.cause as LockstepError).code, 'no_leader');
    return true;
  });
});

test('an aborted call rejects with the reason of its signal', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  member.hold();
  const abort = new AbortController();
  const arrived = member.next('kv.range');
  const read = client.get('a', { signal: abort.signal });
  await arrived;
  abort.abort(new Error('enough'));
  await assert.rejects(read, /enough/);
  await assert.rejects(client.get('a', { signal: abort.signal }), /enough/);
});

test('a closed client refuses calls and settles open ones', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('warm', '1');
  member.hold();
  const arrived = member.next('kv.put');
  const read = assert.rejects(client.get('a'), ClosedError);
  const put = assert.rejects(client.put('a', '1'), AmbiguousError);
  const watching = assert.rejects(take(iterate(client.watch({ prefix: '' })), 1), ClosedError);
  await arrived;
  await client.close({ drainMs: 0 });
  await Promise.all([read, put, watching]);
  await assert.rejects(client.get('a'), ClosedError);
});

test('a call too many is refused at once', async (t) => {
  const member = await startMember(t);
  await member.refuse();
  const client = connect(t, member, { waitingCallsMax: 1, callTimeoutMs: 20 });
  const first = assert.rejects(client.get('a'), UnavailableError);
  await assert.rejects(client.get('b'), { code: 'too_many_requests' });
  await first;
});

test('a request larger than a frame may be is refused before it is sent', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await assert.rejects(client.put('a', 'x'.repeat(5 * 1024 * 1024)), { code: 'request_too_large' });
  assert.equal(member.seen.length, 0);
});

test('bad endpoints and timeouts are refused with what would be right', async (t) => {
  for (const endpoints of ['', 'a b:1', 'ftp://x', '127.0.0.1:99999']) {
    assert.throws(() => new Client({ endpoints }), { code: 'invalid_params' }, endpoints);
  }
  const client = connect(t, await startMember(t));
  await assert.rejects(client.get('a', { timeoutMs: 0 }), /above 0/);
});

test('when a member stops, the next endpoint serves', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  await client.put('a', '1');
  await one.refuse();
  assert.equal((await client.get('a'))?.value, '1');
  assert.equal(client.endpoint, two.address);
});

test('members that the cluster names are tried as well', async (t) => {
  const [one, two] = await startPair(t);
  one.memberAddresses = [one.address, two.address];
  const client = connect(t, one, { learnEndpoints: true });
  const asked = one.next('cluster.members');
  await client.put('a', '1');
  await asked;
  // A second round trip: the answer that names them is there before this one's.
  await client.get('a');
  await one.refuse();
  assert.equal((await client.get('a'))?.value, '1');
  assert.equal(client.endpoint, two.address);
});

test('a member that hangs at connecting is left for the next one', async (t) => {
  const { createServer } = await import('node:net');
  const deaf = createServer(() => {});
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  t.after(() => deaf.close());
  const address = deaf.address();
  assert.ok(address !== null && typeof address === 'object');
  const member = await startMember(t);
  const client = new Client({
    endpoints: [`127.0.0.1:${address.port}`, member.address],
    ...swift,
    connectTimeoutMs: 20,
  });
  t.after(() => client.close());
  await client.put('a', '1');
  assert.equal(client.endpoint, member.address);
});

test('a connection that is silent for 5 s is given up', async (t) => {
  const [one, two] = await startPair(t);
  const clock = new FakeClock();
  const client = connect(t, [one, two], { clock });
  await client.put('a', '1');
  for (let step = 0; step < 4; step++) clock.advance(1_000);
  assert.equal(client.endpoint, one.address);
  clock.advance(1_000);
  assert.equal((await client.get('a'))?.value, '1');
  assert.equal(client.endpoint, two.address);
});

test('heartbeats without a leader move the client to another member', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  await client.put('a', '1');
  one.heartbeat(false);
  one.heartbeat(true);
  one.heartbeat(false);
  await client.get('a');
  assert.equal(client.endpoint, one.address);
  const asked = two.next('kv.range');
  one.heartbeat(false);
  // Whether this read was sent before the heartbeat arrived or after: it is answered by the other one.
  const release = one.hold();
  const read = client.get('a');
  await asked;
  release();
  assert.equal((await read)?.value, '1');
});

test('a serializable read names the newest revision seen, a linearizable one need not', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  const { header } = await client.put('a', '1');
  await one.refuse();
  await client.get('a', { serializable: true });
  await client.get('a');
  const [first, second] = two.seenOf('kv.range');
  assert.equal(first?.params.minRevision, header.revision);
  assert.equal(second?.params.minRevision, undefined);
});

test('a member that does not speak the protocol is left', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  await client.put('a', '1');
  const release = one.hold();
  const arrived = one.next('kv.range');
  const read = client.get('a');
  await arrived;
  one.sendRaw('{nonsense');
  assert.equal((await read)?.value, '1');
  release();
});

test('status of one endpoint comes from that member, members from the cluster', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, one);
  assert.equal((await client.status()).name, 'm1');
  assert.equal((await client.status(two.address)).name, 'm2');
  assert.deepEqual(
    (await client.members()).map(({ name }) => name),
    ['m1'],
  );
});

test('leadership is handed over by the leader, whichever member is asked', async (t) => {
  const [one, two] = await startPair(t);
  one.memberAddresses = [one.address, two.address];
  one.leaderId = '2';
  two.leaderId = '2';
  await connect(t, one).moveLeader('1');
  assert.equal(two.leaderId, '1');
  assert.equal(one.seenOf('maintenance.moveLeader').length, 0);
});

test('a member that is no leader any more is not asked again to hand over', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  member.failNext('maintenance.moveLeader', 'not_leader');
  await assert.rejects(client.moveLeader('2'), { code: 'not_leader' });
  assert.equal(member.seenOf('maintenance.moveLeader').length, 1);
});
