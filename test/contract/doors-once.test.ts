import assert from 'node:assert/strict';
import test from 'node:test';
import { limits, type MethodName } from '@lockstep/client/protocol';
import { connect, http, openDoors } from '../harness/doors.ts';
import { refuses, throughEveryDoor } from '../harness/every-door.ts';

const lost = ['leader_changed', 'etcdserver: leader changed'] as const;

throughEveryDoor((scenario) => {
  scenario('[W-75] a reply lost after the commit is got by asking again', async (door) => {
    const { call, open } = door;
    const { clientId } = await call('client.register', {});
    let sequence = 0;
    const numbered = (params: object) => ({
      ...params,
      once: { clientId, sequence: ++sequence, ackedBelow: sequence },
    });
    await call('kv.put', { key: 'kept', value: '' });
    const mutations: [MethodName, object, object][] = [
      ['kv.put', { key: 'a', value: '1' }, {}],
      ['kv.txn', { success: [{ put: { key: 'b', value: '' } }] }, { succeeded: true }],
      ['kv.deleteRange', { key: 'a' }, { deleted: 1 }],
      ['lease.grant', { id: '5', ttl: 30 }, { id: '5', ttl: 30 }],
      ['lease.revoke', { id: '5' }, {}],
      ['kv.compact', { revision: 2 }, {}],
    ];
    for (const [method, bare, expected] of mutations) {
      const params = numbered(bare);
      open.store.loseNextReply = true;
      const { data } = await refuses(door, method, params, lost);
      assert.deepEqual([data.retryable, data.ambiguous], [true, true]);
      const { revision } = open.store;
      const { header, ...again } = await call(method, params);
      assert.deepEqual({ ...again, ...expected }, again, method);
      assert.equal(header.revision, revision, method);
      assert.equal(open.store.revision, revision, `${method} ran once`);
    }
  });

  scenario('[W-75] a refusal by the store is remembered like an answer', async (door) => {
    const { call } = door;
    const { clientId } = await call('client.register', {});
    const put = { key: 'a', value: '', lease: '5', once: { clientId, sequence: 1, ackedBelow: 1 } };
    const gone = ['lease_not_found', 'etcdserver: requested lease not found'] as const;
    await refuses(door, 'kv.put', put, gone);
    await call('lease.grant', { id: '5', ttl: 30 });
    await refuses(door, 'kv.put', put, gone);
    assert.equal((await call('kv.range', { key: 'a' })).count, 0);
  });

  scenario('[W-75] what never reached the log is not remembered', async (door) => {
    const { call, open } = door;
    const { clientId } = await call('client.register', {});
    const put = { key: 'a', value: '', once: { clientId, sequence: 1, ackedBelow: 1 } };
    open.store.hasLeader = false;
    await refuses(door, 'kv.put', put, ['no_leader', 'etcdserver: no leader']);
    open.store.hasLeader = true;
    assert.equal((await call('kv.put', put)).header.revision, 2);
  });

  scenario('[W-76] 256 answers may wait for acknowledgement, and no more', async (door) => {
    const { call, open } = door;
    const { clientId } = await call('client.register', {});
    const put = (sequence: number, ackedBelow: number) => ({
      key: 'a',
      value: '',
      once: { clientId, sequence, ackedBelow },
    });
    const most = limits.onceRepliesMax;
    for (let sequence = 1; sequence <= most; sequence++) await call('kv.put', put(sequence, 1));
    const { data } = await refuses(door, 'kv.put', put(most + 1, 1), [
      'too_many_requests',
      'etcdserver: too many requests',
    ]);
    assert.equal(data.retryable, true);
    assert.equal(open.store.revision, most + 1);
    assert.equal((await call('kv.put', put(1, 1))).header.revision, 2, 'those that are kept stay');
    await call('kv.put', put(most + 1, 2));
    await refuses(door, 'kv.put', put(1, 1), ['reply_evicted', 'the request was run before']);
    assert.equal(open.store.revision, most + 2);
  });

  scenario('[W-76] the client that was idle longest is forgotten first', async (door) => {
    const { call, open } = door;
    const { clientId: active } = await call('client.register', {});
    const { clientId: idle } = await call('client.register', {});
    const put = (clientId: string, sequence: number) => ({
      key: 'a',
      value: '',
      once: { clientId, sequence, ackedBelow: 1 },
    });
    await call('kv.put', put(idle, 1));
    await call('kv.put', put(active, 1));
    for (let others = 2; others <= limits.onceClientsMax; others++) {
      await open.store.registerClient();
    }
    const expired = ['client_expired', 'the cluster does not know this client id'] as const;
    await refuses(door, 'kv.put', put(idle, 1), expired);
    await refuses(door, 'kv.put', put(idle, 2), expired);
    await call('kv.put', put(active, 2));
    await refuses(door, 'kv.put', put('99', 1), expired);
    assert.equal(open.store.revision, 4);
  });

  scenario('[W-81] without space a transaction that holds a put is refused', async (door) => {
    const { call, open } = door;
    await call('kv.put', { key: 'a', value: '' });
    open.store.raise({ memberId: '7', alarm: 'nospace' });
    const put = { put: { key: 'b', value: '' } };
    const noSpace = ['no_space', 'etcdserver: mvcc: database space exceeded'] as const;
    await refuses(door, 'kv.txn', { success: [put] }, noSpace);
    await refuses(door, 'kv.txn', { failure: [put] }, noSpace);
    await refuses(door, 'kv.txn', { success: [{ txn: { success: [put] } }] }, noSpace);
    const rest = [{ range: { key: 'a' } }, { deleteRange: { key: 'a' } }];
    assert.equal((await call('kv.txn', { success: rest })).header.revision, 3);
  });
});

test('[W-75] a mutation whose connection broke is sent again through another door', async (t) => {
  const open = await openDoors(t);
  const wire = await connect(t, open);
  const { clientId } = await wire.call('client.register', {});
  const once = { clientId, sequence: 1, ackedBelow: 1 };
  const params = { key: 'a', value: '1', prevKv: true, once };
  open.store.hold();
  const id = wire.request('kv.put', params);
  while (open.store.heldCalls < 1) await new Promise((resolve) => setImmediate(resolve));
  wire.socket.terminate();
  await wire.closed;
  open.store.release();
  assert.equal(open.store.revision, 2, 'it was run');
  assert.ok(!wire.frames.some((frame) => frame.id === id), 'and not answered');
  const again = await http(open, '/v1/kv.put', { method: 'POST', body: JSON.stringify(params) });
  assert.deepEqual([again.status, again.json.header.revision], [200, 2]);
  assert.equal(again.json.prevKv, undefined);
  assert.equal(open.store.revision, 2);
});
