import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type {
  TxnOperation,
  TxnParams,
  UnaryMethodName,
  WatchEndReason,
} from '@lockstep/client/protocol';
import { anyone, type Caller } from '../../server/src/service/service.ts';
import { AuthRig } from '../harness/auth-rig.ts';

/** Every method, with params that a member would take. */
const everyCall: { readonly [Name in UnaryMethodName]: object } = {
  'kv.range': { key: 'a' },
  'kv.put': { key: 'a', value: '' },
  'kv.deleteRange': { key: 'a' },
  'kv.scan': { prefix: '' },
  'kv.txn': {},
  'kv.compact': { revision: 1 },
  'lease.grant': { ttl: 5 },
  'lease.revoke': { id: '7' },
  'lease.keepAlive': { id: '7' },
  'lease.timeToLive': { id: '7' },
  'lease.list': {},
  'client.register': {},
  'cluster.members': {},
  'cluster.memberAdd': { peerAddress: '10.0.0.9:2380' },
  'cluster.memberRemove': { memberId: '7' },
  'cluster.memberUpdate': { memberId: '7', peerAddress: '10.0.0.9:2380' },
  'cluster.memberPromote': { memberId: '7' },
  'cluster.memberReplace': { memberId: '7', peerAddress: '10.0.0.9:2380' },
  'maintenance.status': {},
  'maintenance.moveLeader': { targetId: '1' },
  'maintenance.alarms': {},
  'maintenance.disarm': {},
  'maintenance.arm': { memberId: '7', alarm: 'nospace' },
  'maintenance.hash': {},
  'maintenance.hashKv': {},
  'maintenance.defragment': {},
  'auth.status': {},
  'auth.enable': {},
  'auth.disable': {},
  'auth.login': { name: 'nobody', password: '' },
  'auth.userAdd': { name: 'eve', password: 'p' },
  'auth.userDelete': { name: 'eve' },
  'auth.userChangePassword': { name: 'root', password: 'p' },
  'auth.userGrantRole': { name: 'ada', role: 'root' },
  'auth.userRevokeRole': { name: 'ada', role: 'ada' },
  'auth.userGet': { name: 'root' },
  'auth.userList': {},
  'auth.roleAdd': { role: 'eve' },
  'auth.roleDelete': { role: 'ada' },
  'auth.roleGrantPermission': { role: 'ada', permission: 'read', prefix: '' },
  'auth.roleRevokePermission': { role: 'ada', key: 'a' },
  'auth.roleGet': { role: 'root' },
  'auth.roleList': {},
};

const methods = Object.keys(everyCall) as UnaryMethodName[];

describe('[W-100] while rights are enforced', () => {
  test('whoever does not say who it is may call nothing but what tells how to, and monitoring', async () => {
    const rig = new AuthRig().user('ada').enforce();
    const calls = rig.store.calls;
    const open: UnaryMethodName[] = [];
    for (const method of methods) {
      const outcome = await rig.call(anyone, method, everyCall[method]);
      if (outcome !== 'user_name_empty') open.push(method);
    }
    assert.deepEqual(open, ['maintenance.status', 'auth.status', 'auth.login']);
    assert.equal(rig.store.calls, calls + 1, 'the store was asked for the status of rights alone');
  });

  test('what administers the cluster or the rights needs the role root, call by call', async () => {
    const rig = new AuthRig().user('ada', ['readwrite', '\0', '\0']).enforce();
    const denied: UnaryMethodName[] = [];
    for (const method of methods) {
      const outcome = await rig.call(rig.as('ada'), method, everyCall[method]);
      if (outcome === 'permission_denied') denied.push(method);
    }
    assert.deepEqual(denied, [
      'kv.compact',
      'cluster.memberAdd',
      'cluster.memberRemove',
      'cluster.memberUpdate',
      'cluster.memberPromote',
      'cluster.memberReplace',
      'maintenance.moveLeader',
      'maintenance.alarms',
      'maintenance.disarm',
      'maintenance.arm',
      'maintenance.hash',
      'maintenance.hashKv',
      'maintenance.defragment',
      ...methods.filter(
        (method) => method.startsWith('auth.') && !['auth.status', 'auth.login'].includes(method),
      ),
    ]);
    assert.equal(await rig.call(rig.as('root'), 'maintenance.hash', {}), 'ok');
    const unknown = rig.service.callers.of({ commonName: 'stranger' }) as Caller;
    assert.equal(await rig.call(unknown, 'maintenance.hash', {}), 'user_not_found');
    assert.equal(await rig.call(unknown, 'kv.range', { key: 'a' }), 'permission_denied');
  });

  test('everybody may look at himself and at the roles he has', async () => {
    const rig = new AuthRig().user('ada').user('bob').enforce();
    assert.equal(await rig.call(rig.as('ada'), 'auth.userGet', { name: 'ada' }), 'ok');
    assert.equal(await rig.call(rig.as('ada'), 'auth.roleGet', { role: 'ada' }), 'ok');
    const denied = 'permission_denied';
    assert.equal(await rig.call(rig.as('ada'), 'auth.userGet', { name: 'bob' }), denied);
    assert.equal(await rig.call(rig.as('ada'), 'auth.roleGet', { role: 'bob' }), denied);
  });

  test('a certificate says who its connection is, and a token beside it counts more', async () => {
    const rig = new AuthRig().user('ada', ['read', 'a']).user('bob').enforce();
    const ada = rig.service.callers.of({ commonName: 'ada' }) as Caller;
    assert.equal(await rig.call(ada, 'kv.range', { key: 'a' }), 'ok');
    assert.equal(await rig.call(ada, 'kv.range', { key: 'b' }), 'permission_denied');
    const token = rig.credentials.tokens.issue(
      { user: 'bob', revision: rig.store.auth().revision, expiresAtMs: rig.now + 1 },
      's',
    );
    const bob = rig.service.callers.of({ commonName: 'ada', token }) as Caller;
    assert.equal(await rig.call(bob, 'kv.range', { key: 'a' }), 'permission_denied');
    assert.throws(() => rig.service.callers.of({ commonName: 'ada', token: 'x' }), {
      code: 'invalid_auth_token',
    });
  });
});

describe('[W-101] rights are looked for in the whole request', () => {
  const txn = (operation: TxnOperation): TxnParams => ({ success: [operation] });
  const nested = (operation: TxnOperation): TxnParams => ({
    failure: [{ txn: { failure: [{ txn: txn(operation) }] } }],
  });

  test('a transaction inside of another needs the rights of its operations', async () => {
    const rig = new AuthRig().user('ada', ['readwrite', 'a']).enforce();
    for (const operation of [
      { range: { key: 'b' } },
      { put: { key: 'b', value: '' } },
      { deleteRange: { key: 'b' } },
      { txn: { compare: [{ key: 'b', target: 'mod', operator: '=', operand: 0 }] } },
    ] satisfies TxnOperation[]) {
      for (const params of [txn(operation), nested(operation)]) {
        const outcome = await rig.call(rig.as('ada'), 'kv.txn', params);
        assert.equal(outcome, 'permission_denied', JSON.stringify(params));
      }
    }
    assert.equal(await rig.call(rig.as('ada'), 'kv.txn', nested({ range: { key: 'a' } })), 'ok');
  });

  test('the pair before a put or a delete is read, and so is a value that is kept', async () => {
    const rig = new AuthRig().user('ada', ['write', 'a']).enforce();
    const put = { key: 'a', value: '' };
    const denied = 'permission_denied';
    assert.equal(await rig.call(rig.as('ada'), 'kv.put', put), 'ok');
    for (const reads of [
      { ...put, prevKv: true },
      { key: 'a', ignoreValue: true },
    ]) {
      assert.equal(await rig.call(rig.as('ada'), 'kv.put', reads), denied);
      assert.equal(await rig.call(rig.as('ada'), 'kv.txn', nested({ put: reads })), denied);
    }
    const deletes = { key: 'a', prevKv: true };
    assert.equal(await rig.call(rig.as('ada'), 'kv.deleteRange', deletes), denied);
    assert.equal(await rig.call(rig.as('ada'), 'kv.txn', nested({ deleteRange: deletes })), denied);
    assert.equal(await rig.call(rig.as('ada'), 'kv.deleteRange', { key: 'a' }), 'ok');
  });

  test('a lease is the matter of who may write its keys', async () => {
    const rig = new AuthRig()
      .user('ada', ['readwrite', 'a', 'b'])
      .user('bob', ['read', 'z'])
      .enforce();
    const root = rig.as('root');
    await rig.call(root, 'lease.grant', { ttl: 60, id: '7' });
    await rig.call(root, 'kv.put', { key: 'z', value: '', lease: '7' });
    const denied = 'permission_denied';
    const put = { key: 'a', value: '', lease: '7' };
    assert.equal(await rig.call(rig.as('ada'), 'kv.put', put), denied);
    assert.equal(await rig.call(rig.as('ada'), 'kv.txn', nested({ put })), denied);
    assert.equal(await rig.call(rig.as('ada'), 'lease.revoke', { id: '7' }), denied);
    assert.equal(await rig.call(rig.as('ada'), 'lease.keepAlive', { id: '7' }), denied);
    assert.equal(await rig.call(rig.as('ada'), 'lease.timeToLive', { id: '7' }), 'ok');
    const keys = { id: '7', keys: true };
    assert.equal(await rig.call(rig.as('ada'), 'lease.timeToLive', keys), denied);
    assert.equal(await rig.call(rig.as('bob'), 'lease.timeToLive', keys), 'ok');
    await rig.call(root, 'kv.deleteRange', { key: 'z' });
    assert.equal(await rig.call(rig.as('ada'), 'kv.put', put), 'ok');
    assert.equal(await rig.call(rig.as('ada'), 'lease.keepAlive', { id: '7' }), 'ok');
    assert.equal(await rig.call(rig.as('ada'), 'lease.revoke', { id: '7' }), 'ok');
  });
});

/** One watch, and what it was told. */
class Watching {
  readonly seen: string[] = [];
  readonly #watches: ReturnType<AuthRig['service']['openWatches']>;

  constructor(rig: AuthRig) {
    this.#watches = rig.service.openWatches({
      ready: () => true,
      events: (_, revision) => this.seen.push(`event ${revision}`),
      progress: () => {},
      ended: (_, { reason }: { reason: WatchEndReason }) => this.seen.push(`end ${reason}`),
    });
  }

  create(caller: Caller, params: object): string {
    try {
      void this.#watches.create(params, { caller }, () => {});
      return 'ok';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  get size(): number {
    return this.#watches.size;
  }
}

describe('[W-102] a watch', () => {
  test('on everything from a key on needs more than that key', () => {
    const rig = new AuthRig().user('ada', ['read', 'a']).enforce();
    const watching = new Watching(rig);
    assert.equal(watching.create(rig.as('ada'), { key: 'a' }), 'ok');
    for (const more of [
      { key: 'a', rangeEnd: '\0' },
      { key: 'a', rangeEnd: 'b' },
      { prefix: 'a' },
      { ranges: [{ key: 'a' }, { key: 'b' }] },
    ]) {
      assert.equal(watching.create(rig.as('ada'), more), 'permission_denied', JSON.stringify(more));
    }
    assert.equal(watching.create(anyone, { key: 'a' }), 'user_name_empty');
  });

  test('ends when its right is taken away, before the next event and even if there is none', async () => {
    const rig = new AuthRig().user('ada', ['read', 'a']).user('bob', ['read', 'a']).enforce();
    const [one, other] = [new Watching(rig), new Watching(rig)];
    one.create(rig.as('ada'), { key: 'a' });
    other.create(rig.as('bob'), { key: 'a' });
    await rig.call(rig.as('root'), 'kv.put', { key: 'a', value: '1' });
    rig.revoke('ada', 'a');
    assert.deepEqual(one.seen, ['event 2', 'end permission_denied']);
    assert.equal(one.size, 0);
    await rig.call(rig.as('root'), 'kv.put', { key: 'a', value: '2' });
    assert.deepEqual(one.seen, ['event 2', 'end permission_denied']);
    assert.deepEqual(other.seen, ['event 2', 'event 3']);
  });

  test('of nobody in particular ends when rights begin to be enforced', () => {
    const rig = new AuthRig();
    const watching = new Watching(rig);
    watching.create(anyone, { prefix: '' });
    rig.enforce();
    assert.deepEqual(watching.seen, ['end permission_denied']);
  });

  test('of a user who is deleted, or changes the password, ends; a token that runs out does not end it', () => {
    for (const change of [
      { action: 'userDelete', name: 'ada' },
      { action: 'userChangePassword', name: 'ada', passwordHash: 'other' },
    ] as const) {
      const rig = new AuthRig().user('ada', ['read', 'a']).enforce();
      const watching = new Watching(rig);
      watching.create(rig.as('ada'), { key: 'a' });
      rig.now += 10 * 300_000;
      rig.addUser('eve');
      assert.deepEqual(watching.seen, []);
      rig.store.changeRights(change);
      assert.deepEqual(watching.seen, ['end permission_denied']);
    }
  });
});

describe('[W-103] a right that is taken away while a call is under way', () => {
  test('is not used by a change: it is decided anew', async () => {
    const rig = new AuthRig().user('ada', ['write', 'a']).enforce();
    const ada = rig.as('ada');
    rig.store.meanwhile = () => rig.revoke('ada', 'a');
    assert.equal(await rig.call(ada, 'kv.put', { key: 'a', value: '' }), 'permission_denied');
    assert.equal(rig.store.revision, 1);
  });

  test('does not hinder a change that stays allowed: it is run, once', async () => {
    const rig = new AuthRig().user('ada', ['write', 'a']).enforce();
    const ada = rig.as('ada');
    rig.store.meanwhile = () => rig.addUser('eve');
    assert.equal(await rig.call(ada, 'kv.put', { key: 'a', value: '' }), 'ok');
    assert.equal(rig.store.revision, 2);
  });

  test('is not used by a read: its answer is not given', async () => {
    const reads = [
      ['kv.range', { key: 'a' }],
      ['kv.scan', { key: 'a' }],
      ['kv.txn', { success: [{ range: { key: 'a' } }] }],
      ['auth.userGet', { name: 'ada' }],
    ] as const;
    for (const [method, params] of reads) {
      const rig = new AuthRig().user('ada', ['read', 'a']).enforce();
      rig.store.hold();
      const outcome = rig.call(rig.as('ada'), method, params);
      rig.revoke('ada', 'a');
      if (method === 'auth.userGet') rig.store.changeRights({ action: 'userDelete', name: 'ada' });
      rig.store.release();
      const code = method === 'auth.userGet' ? 'invalid_auth_token' : 'permission_denied';
      assert.equal(await outcome, code, method);
    }
  });

  test('does not let a change pass that was asked for before rights were enforced', async () => {
    const rig = new AuthRig();
    rig.store.hold();
    const read = rig.call(anyone, 'kv.range', { key: 'a' });
    rig.enforce();
    rig.store.release();
    assert.equal(await read, 'user_name_empty');
  });

  test('is given up on after some tries, if rights change without an end', async () => {
    const rig = new AuthRig().user('ada', ['write', 'a']).enforce();
    const ada = rig.as('ada');
    let changes = 0;
    const again = () => {
      rig.addUser(`eve ${++changes}`);
      rig.store.meanwhile = again;
    };
    rig.store.meanwhile = again;
    assert.equal(await rig.call(ada, 'kv.put', { key: 'a', value: '' }), 'auth_revision_old');
    assert.equal(changes, 8);
  });
});
