/** What a comparison with etcd found, held without etcd. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errorTable } from '@lockstep/client/protocol';
import { KV, Lease, Watch, type WatchResponse } from '../../server/src/api/etcd/gen/rpc_pb.ts';
import { Election } from '../../server/src/api/etcd/gen/v3election_pb.ts';
import { Lock } from '../../server/src/api/etcd/gen/v3lock_pb.ts';
import { openDoors } from '../harness/doors.ts';
import { GrpcClient, type GrpcStream } from '../harness/grpc-client.ts';

const unknown = 2;
const lease = '-3';
const bytes = (text: string): Uint8Array => Buffer.from(text);

async function connected(t: TestContext): Promise<GrpcClient> {
  const { doors } = await openDoors(t);
  const client = new GrpcClient(doors.address);
  t.after(() => client.close());
  return client;
}

/** The watch stream, and what it is told, one after the other. */
function watching(client: GrpcClient) {
  const told: WatchResponse[] = [];
  let look = (): void => {};
  const stream: GrpcStream<typeof Watch.method.watch> = client.open(
    Watch.method.watch,
    (answer) => {
      told.push(answer);
      look();
    },
  );
  const next = async (): Promise<WatchResponse> => {
    for (;;) {
      const first = told.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        look = resolve;
      });
    }
  };
  return { stream, next };
}

test('a lease may have an id below zero, in calls and in events', async (t) => {
  const client = await connected(t);
  const { stream, next } = watching(client);
  stream.send({ requestUnion: { case: 'createRequest', value: { key: bytes('a') } } });
  assert.equal((await next()).created, true);
  const granted = await client.call(Lease.method.leaseGrant, { ID: lease, TTL: 100n });
  assert.equal(granted.answers[0]?.ID, lease);
  assert.equal((await client.call(KV.method.put, { key: bytes('a'), lease })).code, 0);
  const { answers } = await client.call(KV.method.range, { key: bytes('a') });
  assert.equal(answers[0]?.kvs[0]?.lease, lease);
  assert.equal((await next()).events[0]?.kv?.lease, lease);
  assert.equal((await client.call(Lease.method.leaseRevoke, { ID: lease })).code, 0);
  stream.cancel();
  await stream.done;
});

test('Lock and Election tell an error by its sentence, and lose its code as etcd does', async (t) => {
  const client = await connected(t);
  const name = bytes('a');
  const { text } = errorTable.lease_not_found;
  for (const ended of [
    await client.call(Lock.method.lock, { name, lease: '404' }),
    await client.call(Election.method.campaign, { name, lease: '404' }),
  ]) {
    assert.deepEqual(
      { code: ended.code, message: ended.message },
      { code: unknown, message: text },
    );
  }
  const { code, message } = await client.call(Lock.method.unlock, {});
  assert.deepEqual({ code, message }, { code: unknown, message: errorTable.empty_key.text });
});

test('who campaigns anew with another value is told when the place was found', async (t) => {
  const client = await connected(t);
  await client.call(Lease.method.leaseGrant, { ID: '7', TTL: 100n });
  const campaign = (value: string) =>
    client.call(Election.method.campaign, { name: bytes('a'), lease: '7', value: bytes(value) });
  const first = (await campaign('one')).answers[0];
  const again = (await campaign('two')).answers[0];
  assert.equal(again?.header?.revision, first?.header?.revision);
  const { answers } = await client.call(Election.method.leader, { name: bytes('a') });
  assert.equal(Buffer.from(answers[0]?.kv?.value ?? []).toString(), 'two');
});

test('a watch from before the first revision is refused and takes no id', async (t) => {
  const client = await connected(t);
  const { stream, next } = watching(client);
  const create = (startRevision: bigint): void =>
    stream.send({
      requestUnion: { case: 'createRequest', value: { key: bytes('a'), startRevision } },
    });
  create(-1n);
  const { watchId, created, canceled, cancelReason, compactRevision } = await next();
  assert.deepEqual(
    { watchId, created, canceled, cancelReason, compactRevision },
    {
      ...{ watchId: -1n, created: true, canceled: true },
      ...{ cancelReason: errorTable.compacted.text, compactRevision: 0n },
    },
  );
  create(0n);
  assert.equal((await next()).watchId, 0n);
  stream.cancel();
  await stream.done;
});

test('the id of a watch that a compaction ended is free when it was canceled', async (t) => {
  const client = await connected(t);
  const key = bytes('a');
  for (const value of ['1', '2', '3']) {
    await client.call(KV.method.put, { key, value: bytes(value) });
  }
  await client.call(KV.method.compact, { revision: 3n });
  const { stream, next } = watching(client);
  const create = (startRevision: bigint): void =>
    stream.send({
      requestUnion: { case: 'createRequest', value: { key, watchId: 5n, startRevision } },
    });
  create(1n);
  assert.equal((await next()).created, true);
  assert.equal((await next()).compactRevision, 3n);
  create(0n);
  assert.match((await next()).cancelReason, /duplicate watch ID/);
  stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId: 5n } } });
  assert.equal((await next()).canceled, true);
  create(0n);
  const { watchId, canceled } = await next();
  assert.deepEqual({ watchId, canceled }, { watchId: 5n, canceled: false });
  stream.cancel();
  await stream.done;
});

test('an operation of no kind is refused in its turn', async (t) => {
  const client = await connected(t);
  const key = bytes('a');
  const both = { key, value: key, ignoreValue: true };
  const put = { request: { case: 'requestPut' as const, value: both } };
  const refused = async (success: object[]) =>
    (await client.call(KV.method.txn, { success })).message;
  assert.equal(await refused([{}, put]), errorTable.key_not_found.text);
  assert.equal(await refused([put, {}]), errorTable.value_provided.text);
  assert.equal(await refused(Array(129).fill({})), errorTable.too_many_operations.text);
});

test('a negative revision is the newest for a range, and compacted within a transaction', async (t) => {
  const client = await connected(t);
  const key = bytes('a');
  for (const value of ['1', '2', '3'])
    await client.call(KV.method.put, { key, value: bytes(value) });
  await client.call(KV.method.compact, { revision: 3n });
  const range = { key, revision: -1n };
  const alone = await client.call(KV.method.range, range);
  assert.equal(Buffer.from(alone.answers[0]?.kvs[0]?.value ?? []).toString(), '3');
  const inside = await client.call(KV.method.txn, {
    success: [{ request: { case: 'requestRange', value: range } }],
  });
  const { grpc, text } = errorTable.compacted;
  assert.deepEqual({ code: inside.code, message: inside.message }, { code: grpc, message: text });
});
