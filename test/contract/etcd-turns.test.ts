import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KV, Lease } from '../../server/src/api/etcd/gen/rpc_pb.ts';
import { Election } from '../../server/src/api/etcd/gen/v3election_pb.ts';
import { Lock } from '../../server/src/api/etcd/gen/v3lock_pb.ts';
import { openDoors } from '../harness/doors.ts';
import { GrpcClient, type GrpcOutcome } from '../harness/grpc-client.ts';

const { campaign, leader, observe, proclaim, resign } = Election.method;
const { lock, unlock } = Lock.method;
const name = Buffer.from('nightly');

async function open(t: TestContext) {
  const { doors, store } = await openDoors(t);
  const client = new GrpcClient(doors.address);
  t.after(() => client.close());
  for (const ID of ['1', '2', '255']) {
    await client.call(Lease.method.leaseGrant, { ID, TTL: 60n });
  }
  /** Resolves when so many watches stand: whoever waits for a turn has begun to. */
  const waiting = async (watches: number): Promise<void> => {
    // Each call is answered after those that were sent before it on the connection.
    while (store.watchers !== watches) await client.call(Lease.method.leaseLeases, {});
  };
  return { client, store, waiting };
}

function only<Answer>({ code, message, answers }: GrpcOutcome<Answer>): Answer {
  assert.equal(code, 0, message);
  const [answer] = answers;
  assert.ok(answer !== undefined);
  return answer;
}

test('a lock is a key under its lease, and goes from one to the next in the order of coming', async (t) => {
  const { client, store, waiting } = await open(t);
  const first = only(await client.call(lock, { name, lease: '255' }));
  assert.equal(Buffer.from(first.key).toString(), 'nightly/ff');
  const again = only(await client.call(lock, { name, lease: '255' }));
  assert.deepEqual(again.key, first.key, 'the same lease holds it already');
  const order: string[] = [];
  const second = client.call(lock, { name, lease: '1' }).then((end) => {
    order.push('second');
    return end;
  });
  await waiting(1);
  const third = client.call(lock, { name, lease: '2' }).then((end) => {
    order.push('third');
    return end;
  });
  await waiting(2);
  const before = store.revision;
  only(await client.call(unlock, { key: first.key }));
  const held = only(await second);
  assert.ok(Number(held.header?.revision) > before);
  assert.deepEqual(order, ['second']);
  store.expire('1');
  only(await third);
  assert.deepEqual(order, ['second', 'third']);
});

test('whoever does not wait any longer leaves the line', async (t) => {
  const { client, waiting } = await open(t);
  only(await client.call(lock, { name, lease: '1' }));
  const late = await client.call(lock, { name, lease: '2' }, { 'grpc-timeout': '40m' });
  assert.equal(late.code, 4);
  const gone = client.open(lock, () => {});
  gone.send({ name, lease: '2' });
  gone.end();
  await waiting(1);
  gone.cancel();
  await gone.done;
  await waiting(0);
  const [line] = (await client.call(KV.method.range, { key: name, rangeEnd: Buffer.from('o') }))
    .answers;
  assert.equal(line?.count, 1n);
});

test('a lock whose lease ends while it waits is not had', async (t) => {
  const { client, store, waiting } = await open(t);
  const { key } = only(await client.call(lock, { name, lease: '1' }));
  const second = client.call(lock, { name, lease: '2' });
  await waiting(1);
  store.expire('2');
  only(await client.call(unlock, { key }));
  const { code, message } = await second;
  assert.deepEqual([code, message], [2, 'mutex: session is expired']);
  const none = await client.call(lock, { name, lease: '99' });
  assert.deepEqual(
    [none.code, none.message],
    [2, 'etcdserver: requested lease not found'],
    'etcd loses the code',
  );
});

test('without a lease one is made, which ends by itself', async (t) => {
  const { client } = await open(t);
  const { key } = only(await client.call(lock, { name }));
  const { leases } = only(await client.call(Lease.method.leaseLeases, {}));
  const own = leases.find(({ ID }) => !['1', '2', '255'].includes(ID));
  assert.equal(Buffer.from(key).toString(), `nightly/${BigInt(own?.ID ?? 0).toString(16)}`);
});

test('an election has one leader, who proclaims and resigns, and whoever observes sees it', async (t) => {
  const { client, waiting } = await open(t);
  const none = await client.call(leader, { name });
  assert.deepEqual([none.code, none.message], [2, 'election: no leader']);
  const seen: string[] = [];
  let look = (): void => {};
  const observer = client.open(observe, ({ kv }) => {
    seen.push(Buffer.from(kv?.value ?? []).toString());
    look();
  });
  const saw = async (count: number): Promise<void> => {
    while (seen.length < count) {
      await new Promise<void>((resolve) => {
        look = resolve;
      });
    }
  };
  observer.send({ name });
  observer.end();
  await waiting(1);
  const one = only(await client.call(campaign, { name, lease: '1', value: Buffer.from('one') }));
  assert.equal(Buffer.from(one.leader?.key ?? []).toString(), 'nightly/1');
  await saw(1);
  const two = client.call(campaign, { name, lease: '2', value: Buffer.from('two') });
  await waiting(2);
  const key = one.leader;
  assert.ok(key !== undefined);
  only(await client.call(proclaim, { leader: key, value: Buffer.from('one again') }));
  await saw(2);
  only(await client.call(resign, { leader: key }));
  const next = only(await two);
  assert.equal(Buffer.from(next.leader?.key ?? []).toString(), 'nightly/2');
  await saw(3);
  assert.deepEqual(seen, ['one', 'one again', 'two']);
  const late = await client.call(proclaim, { leader: key, value: Buffer.from('x') });
  assert.deepEqual([late.code, late.message], [2, 'election: not leader']);
  const nobody = await client.call(proclaim, { value: Buffer.from('x') });
  assert.deepEqual([nobody.code, nobody.message], [2, '"leader" field must be provided']);
  only(await client.call(resign, { leader: key }));
  assert.equal(
    Buffer.from(only(await client.call(leader, { name })).kv?.value ?? []).toString(),
    'two',
  );
  observer.cancel();
  await observer.done;
});

test('whoever campaigns again with another value proclaims it', async (t) => {
  const { client } = await open(t);
  only(await client.call(campaign, { name, lease: '1', value: Buffer.from('old') }));
  only(await client.call(campaign, { name, lease: '1', value: Buffer.from('new') }));
  const { kv } = only(await client.call(leader, { name }));
  assert.deepEqual([Buffer.from(kv?.value ?? []).toString(), kv?.version], ['new', 2n]);
});
