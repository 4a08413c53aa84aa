import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { DescMethod, MessageInitShape } from '@bufbuild/protobuf';
import {
  Auth,
  Cluster,
  KV,
  Lease,
  Maintenance,
  Watch,
} from '../../server/src/api/etcd/gen/rpc_pb.ts';
import { openDoors } from '../harness/doors.ts';
import { GrpcClient } from '../harness/grpc-client.ts';

const key = Buffer.from('a');
const { method: auth } = Auth;

/** Doors with the users root and ada, who may read and write `a` alone; rights are enforced. */
async function open(t: TestContext) {
  const { doors, credentials } = await openDoors(t);
  const client = new GrpcClient(doors.address);
  t.after(() => client.close());
  const call = async <Method extends DescMethod>(
    method: Method,
    request: MessageInitShape<Method['input']>,
    token?: string,
  ) => client.call(method, request, token === undefined ? {} : { token });
  await call(auth.userAdd, { name: 'root', password: 'secret' });
  await call(auth.roleAdd, { name: 'root' });
  await call(auth.userGrantRole, { user: 'root', role: 'root' });
  await call(auth.userAdd, { name: 'ada', password: 'hers' });
  await call(auth.roleAdd, { name: 'ops' });
  await call(auth.roleGrantPermission, { name: 'ops', perm: { permType: 2, key } });
  await call(auth.userGrantRole, { user: 'ada', role: 'ops' });
  assert.equal((await call(auth.authEnable, {})).code, 0);
  const login = async (name: string, password: string): Promise<string> => {
    const { answers } = await call(auth.authenticate, { name, password }, 'a token of long ago');
    return answers[0]?.token ?? '';
  };
  return {
    client,
    call,
    credentials,
    ada: await login('ada', 'hers'),
    root: await login('root', 'secret'),
  };
}

test("etcd's clients log in once, and may do what their roles permit", async (t) => {
  const { call, ada, credentials } = await open(t);
  const before = credentials.checks;
  assert.equal((await call(KV.method.put, { key }, ada)).code, 0);
  assert.equal((await call(KV.method.range, { key }, ada)).code, 0);
  assert.equal(credentials.checks, before, 'a token costs no bcrypt');
  const denied = await call(KV.method.range, { key: Buffer.from('b') }, ada);
  assert.deepEqual([denied.code, denied.message], [7, 'etcdserver: permission denied']);
  const nested = {
    success: [
      {
        request: {
          case: 'requestTxn' as const,
          value: {
            failure: [
              { request: { case: 'requestPut' as const, value: { key: Buffer.from('b') } } },
            ],
          },
        },
      },
    ],
  };
  assert.equal((await call(KV.method.txn, nested, ada)).code, 7, 'the whole tree is looked at');
  const forged = await call(KV.method.range, { key }, 'forged');
  assert.deepEqual([forged.code, forged.message], [16, 'etcdserver: invalid auth token']);
  const wrong = await call(auth.authenticate, { name: 'ada', password: 'his' });
  assert.deepEqual(
    [wrong.code, wrong.message],
    [3, 'etcdserver: authentication failed, invalid user ID or password'],
  );
});

test('whoever says nothing may do nothing but ask how it stands', async (t) => {
  const { call } = await open(t);
  const refused = [
    await call(KV.method.put, { key }),
    await call(KV.method.range, { key, serializable: true }),
    await call(KV.method.compact, { revision: 1n }),
    await call(Lease.method.leaseGrant, { TTL: 5n }),
    await call(Lease.method.leaseLeases, {}),
    await call(Cluster.method.memberList, {}),
    await call(Cluster.method.memberRemove, { ID: '7' }),
    await call(Maintenance.method.alarm, {}),
    await call(Maintenance.method.defragment, {}),
    await call(Maintenance.method.hashKV, {}),
    await call(Maintenance.method.snapshot, {}),
    await call(auth.userList, {}),
  ];
  for (const { code, message } of refused) {
    assert.deepEqual([code, message], [3, 'etcdserver: user name is empty']);
  }
  const { answers } = await call(auth.authStatus, {});
  assert.equal(answers[0]?.enabled, true);
  assert.equal((await call(Maintenance.method.status, {})).code, 0);
});

test('what administers is for root alone', async (t) => {
  const { call, ada, root } = await open(t);
  for (const [method, request] of [
    [auth.userList, {}],
    [auth.authDisable, {}],
    [KV.method.compact, { revision: 1n }],
    [Maintenance.method.snapshot, {}],
    [Maintenance.method.hashKV, {}],
    [Maintenance.method.moveLeader, { targetID: '7' }],
    [Cluster.method.memberAdd, { peerURLs: ['http://10.0.0.9:2380'] }],
  ] as const) {
    assert.equal((await call(method as DescMethod, request, ada)).code, 7, method.name);
  }
  const { answers } = await call(auth.userList, {}, root);
  assert.deepEqual(answers[0]?.users, ['ada', 'root']);
  const role = await call(auth.roleGet, { role: 'ops' }, ada);
  assert.deepEqual(
    role.answers[0]?.perm.map(({ permType, key }) => [permType, `${key}`]),
    [[2, `${key}`]],
  );
});

test('a watch whose right is taken away ends, and says why', async (t) => {
  const { client, call, ada, root } = await open(t);
  const told: string[] = [];
  let look = (): void => {};
  const watch = client.open(
    Watch.method.watch,
    (answer) => {
      told.push(answer.canceled ? answer.cancelReason : answer.created ? 'created' : 'events');
      look();
    },
    { token: ada },
  );
  const saw = async (count: number): Promise<void> => {
    while (told.length < count) {
      await new Promise<void>((resolve) => {
        look = resolve;
      });
    }
  };
  const create = (range: Buffer) =>
    watch.send({ requestUnion: { case: 'createRequest', value: { key: range } } });
  create(Buffer.from('b'));
  create(key);
  await saw(2);
  await call(auth.roleRevokePermission, { role: 'ops', key }, root);
  await saw(3);
  const denied = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
  assert.deepEqual(told, [denied, 'created', denied]);
  watch.cancel();
  await watch.done;
});
