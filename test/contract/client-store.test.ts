import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, op } from '@lockstep/client';
import { connect, startMember, startPair } from '../harness/clients.ts';
import { pairsPerChunk } from '../harness/fake-methods.ts';

test('options of a range reach the member, and those not given stay out', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const options = {
    limit: 5,
    sortOrder: 'descend',
    sortTarget: 'mod',
    minModRevision: 1,
    maxModRevision: 9,
    minCreateRevision: 2,
    maxCreateRevision: 8,
  } as const;
  await client.range({ prefix: 'a' }, options);
  await client.range('a', { limit: 0, sortOrder: 'none', sortTarget: 'key', minModRevision: 0 });
  assert.deepEqual(
    member.seenOf('kv.range').map(({ params }) => params),
    [{ prefix: 'a', ...options }, { key: 'a' }],
  );
});

test('a put can keep the value or the lease that is there', async (t) => {
  const client = connect(t, await startMember(t));
  const { id } = await client.leases.grant({ ttl: 60 });
  await assert.rejects(client.put('a', undefined, { ignoreValue: true }), {
    code: 'key_not_found',
  });
  await client.put('a', '1', { lease: id });
  await client.put('a', '2', { ignoreLease: true });
  const kept = await client.get('a');
  assert.deepEqual([kept?.value, kept?.lease], ['2', id]);
  await client.put('a', undefined, { ignoreValue: true });
  const detached = await client.get('a');
  assert.deepEqual([detached?.value, detached?.lease, detached?.version], ['2', '0', 3]);
});

test('a transaction runs one branch, and its results have the types of its operations', async (t) => {
  const client = connect(t, await startMember(t));
  const request = {
    compare: [compare.missing('a'), compare.version('a', '=', 0)],
    success: [op.put('a', '1'), op.get('a'), op.range({ prefix: '' }, { countOnly: true })],
    failure: [op.delete('a', { prevKv: true }), op.get('a')],
  } as const;
  const first = await client.txn(request);
  assert.ok(first.succeeded);
  const [put, got, counted] = first.results;
  // Each line compiles only if the results are typed in their order.
  assert.equal(put.prevKv, undefined);
  assert.deepEqual([got.kv?.value, counted.count], ['1', 1]);
  const second = await client.txn(request);
  assert.ok(!second.succeeded);
  const [gone, missing] = second.results;
  assert.deepEqual([gone.deleted, gone.prevKvs[0]?.value, missing.kv], [1, '1', undefined]);
  assert.deepEqual([put.revision, first.header.revision, second.header.revision], [2, 2, 3]);
});

test('every condition travels as the protocol has it, and transactions nest', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  await client.put('a', '1');
  const { results, succeeded } = await client.txn({
    compare: [
      compare.exists('a'),
      compare.createRevision('a', '<', 9),
      compare.modRevision({ prefix: 'a' }, '>', 1),
      compare.value('a', '!=', new Uint8Array([0xff])),
      compare.lease('a', '=', '0'),
    ],
    success: [op.txn({ compare: [compare.value('a', '=', '1')], success: [op.put('b', '2')] })],
  });
  assert.ok(succeeded);
  const [inner] = results;
  assert.ok(inner.succeeded);
  assert.equal(inner.results[0].revision, 3);
  assert.equal((await client.get('b'))?.value, '2');
  assert.deepEqual(member.seenOf('kv.txn')[0]?.params.compare, [
    { key: 'a', target: 'version', operator: '>', operand: 0 },
    { key: 'a', target: 'create', operator: '<', operand: 9 },
    { prefix: 'a', target: 'mod', operator: '>', operand: 1 },
    { key: 'a', target: 'value', operator: '!=', operand: { base64: '/w==' } },
    { key: 'a', target: 'lease', operator: '=', operand: '0' },
  ]);
});

test('an empty transaction is one, and tells whether its conditions hold', async (t) => {
  const client = connect(t, await startMember(t));
  const { succeeded, results } = await client.txn({ compare: [compare.exists('a')] });
  assert.deepEqual([succeeded, results], [false, []]);
});

test('leases are granted, listed, kept, looked at and revoked, with their keys', async (t) => {
  const client = connect(t, await startMember(t));
  const { leases } = client;
  const { id, ttl } = await leases.grant({ ttl: 60, id: '-7' });
  assert.deepEqual([id, ttl], ['-7', 60]);
  await assert.rejects(leases.grant({ ttl: 60, id: '-7' }), { code: 'lease_exists' });
  await assert.rejects(client.put('a', '1', { lease: '9' }), { code: 'lease_not_found' });
  await client.put('a/1', '1', { lease: id });
  assert.deepEqual(await leases.list(), ['-7']);
  assert.equal(await leases.keepAlive(id), 60);
  const info = await leases.timeToLive(id, { keys: true });
  assert.deepEqual([info?.ttl, info?.grantedTtl, info?.keys], [59, 60, ['a/1']]);
  await leases.revoke(id);
  assert.equal(await client.get('a/1'), undefined);
  assert.equal(await leases.timeToLive(id), undefined);
  await assert.rejects(leases.keepAlive(id), { code: 'lease_not_found' });
  await assert.rejects(leases.revoke(id), { code: 'lease_not_found' });
});

test('compaction, alarms and the hash answer what the member says', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, one);
  await client.put('a', '1');
  await client.compact(2, { physical: true });
  assert.equal(one.seenOf('kv.compact')[0]?.params.physical, true);
  await assert.rejects(client.compact(1), { code: 'compacted' });
  await assert.rejects(client.compact(99), { code: 'future_revision' });
  one.alarms = [{ memberId: '1', alarm: 'nospace' }];
  assert.deepEqual((await client.alarms()).alarms, [{ memberId: '1', alarm: 'nospace' }]);
  assert.equal((await client.disarm({ alarm: 'nospace' })).alarms.length, 1);
  assert.deepEqual((await client.alarms()).alarms, []);
  assert.equal((await client.hash()).compactRevision, 2);
  assert.equal((await client.hash(two.address)).header.memberId, '2');
});

test('a scan gives every key in chunks of one revision, with one chunk fetched ahead', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const keys = Array.from({ length: 3 * pairsPerChunk }, (_, at) => `k${at}`);
  for (const key of keys) member.store.put(key, key);
  const scan = client.scan({ prefix: 'k' });
  await client.get('warm');
  assert.equal(member.seenOf('kv.scan').length, 0);
  assert.equal(scan.revision, undefined);
  const chunks = scan.chunks();
  const seen: string[] = [];
  const first = await chunks.next();
  seen.push(...(first.value ?? []).map(({ key }) => key));
  assert.equal(scan.revision, 10);
  await client.get('warm');
  assert.equal(member.seenOf('kv.scan').length, 2);
  for await (const chunk of chunks) seen.push(...chunk.map(({ value }) => value));
  assert.deepEqual(seen, keys);
  assert.deepEqual(
    member.seenOf('kv.scan').map(({ params }) => [params.after, params.revision]),
    [
      [undefined, undefined],
      ['k2', 10],
      ['k5', 10],
    ],
  );
});

test('a scan takes a limit, an empty range, and ends when the loop is left', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  for (let at = 0; at < 9; at++) member.store.put(`k${at}`, '');
  const few: string[] = [];
  for await (const kv of client.scan({ prefix: 'k' }, { limit: 4, keysOnly: true })) {
    few.push(kv.key);
  }
  assert.deepEqual(few, ['k0', 'k1', 'k2', 'k3']);
  for await (const kv of client.scan({ prefix: 'x' })) assert.fail(kv.key);
  const before = member.seenOf('kv.scan').length;
  for await (const kv of client.scan({ prefix: 'k' })) {
    assert.equal(kv.key, 'k0');
    break;
  }
  await client.get('warm');
  assert.equal(member.seenOf('kv.scan').length, before + 2);
});

test('a scan whose next chunk fails says so when the loop comes to it', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  for (let at = 0; at < 9; at++) member.store.put(`k${at}`, '');
  const seen: string[] = [];
  const loop = (async () => {
    for await (const chunk of client.scan({ prefix: 'k' }).chunks()) {
      seen.push(...chunk.map(({ key }) => key));
      member.failNext('kv.scan', 'compacted');
      await client.get('warm');
    }
  })();
  await assert.rejects(loop, { code: 'compacted' });
  assert.equal(seen.length, pairsPerChunk);
  const abort = new AbortController();
  const aborted = client.scan({ prefix: 'k' }, { signal: abort.signal }).chunks();
  await aborted.next();
  abort.abort(new Error('enough'));
  await assert.rejects(aborted.next(), /enough/);
});

test('a scan that may be stale never goes back behind what it has shown', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  for (let at = 0; at < 4; at++) await client.put(`k${at}`, '');
  for await (const kv of client.scan({ prefix: 'k' }, { serializable: true })) void kv;
  assert.deepEqual(
    member.seenOf('kv.scan').map(({ params }) => [params.serializable, params.minRevision]),
    [
      [true, 5],
      [true, 5],
    ],
  );
});
