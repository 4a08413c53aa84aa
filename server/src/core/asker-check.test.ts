import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuthAction } from './auth/types.ts';
import type { Asker, Command } from './command.ts';
import { encodeCommand } from './command-codec.ts';
import { Machine } from './machine.ts';
import type { PutRequest, TxnOperation } from './mvcc/requests.ts';
import { type ByteString, noLease } from './mvcc/values.ts';

const bytes = (text: string): ByteString => text as ByteString;
const put = (key: string, lease = noLease): PutRequest => ({
  key: bytes(key),
  value: bytes('v'),
  lease,
  ...{ prevKv: true, ignoreValue: false, ignoreLease: false },
});
const putCommand = (key: string, lease?: string): Command => ({ type: 'put', ...put(key, lease) });
const change = (action: AuthAction): Command => ({ type: 'auth', change: action });
const addUser = (name: string) =>
  change({ action: 'userAdd', name, passwordHash: 'h', noPassword: false });
const grant = (role: string, key: string, rangeEnd = '') =>
  change({
    action: 'roleGrantPermission',
    role,
    permission: { kind: 'readwrite', key: bytes(key), rangeEnd: bytes(rangeEnd) },
  });

class Rig {
  machine = new Machine();
  #index = 0;

  constructor() {
    this.machine.raiseClusterVersion(2);
  }

  run(command: Command, asker?: Asker, once?: Parameters<typeof encodeCommand>[2]) {
    const origin = { incarnation: 1, sequence: ++this.#index };
    const payload = encodeCommand(origin, command, once, 2, asker);
    return this.machine.apply(payload, this.#index).reply;
  }

  /** As one who was asked just now. */
  runAs(user: string, command: Command, once?: Parameters<typeof encodeCommand>[2]) {
    return this.run(command, this.asker(user), once);
  }

  asker(user: string): Asker {
    return { user, authRevision: this.machine.auth.state.revision };
  }

  /** ada may do everything below a/, bob below b/. */
  enforce(): this {
    for (const name of ['root', 'ada', 'bob']) this.run(addUser(name));
    for (const [name, role, key, end] of [
      ['ada', 'as', 'a/', 'a0'],
      ['bob', 'bs', 'b/', 'b0'],
    ] as const) {
      this.run(change({ action: 'roleAdd', role }));
      this.run(grant(role, key, end));
      this.run(change({ action: 'userGrantRole', name, role }));
    }
    this.run(change({ action: 'userGrantRole', name: 'root', role: 'root' }));
    this.run(change({ action: 'authEnable', secret: 's' }));
    assert.ok(this.machine.auth.state.enabled);
    return this;
  }
}

const old = { type: 'refused', code: 'auth_revision_old' };
const denied = { type: 'refused', code: 'permission_denied' };

describe('a command that was allowed by rights of before', () => {
  test('is refused by every member alike, changes nothing, and may be asked for again', () => {
    const rig = new Rig().enforce();
    const before = rig.asker('ada');
    rig.runAs('root', change({ action: 'userRevokeRole', name: 'ada', role: 'as' }));
    const { revision } = rig.machine.store;
    assert.deepEqual(rig.run(putCommand('a/1'), before), old);
    assert.equal(rig.machine.store.revision, revision);
    assert.equal(rig.runAs('ada', putCommand('a/1')).type, 'put');
  });

  test('is not remembered as its answer, so that it runs once when it is asked for again', () => {
    const rig = new Rig().enforce();
    const client = rig.runAs('ada', { type: 'registerClient' });
    assert.ok(client.type === 'registerClient');
    const once = { clientId: client.clientId, sequence: 1, ackedBelow: 1 };
    const before = rig.asker('ada');
    rig.runAs('root', addUser('eve'));
    assert.deepEqual(rig.run(putCommand('a/1'), before, once), old);
    assert.equal(rig.runAs('ada', putCommand('a/1'), once).type, 'put');
  });

  test('is refused when there were no rights yet; what members do by themselves is not', () => {
    const rig = new Rig().enforce();
    for (const command of [
      putCommand('a/1'),
      { type: 'deleteRange', key: bytes('a'), rangeEnd: bytes(''), prevKv: false },
      { type: 'txn', compares: [], success: [], failure: [] },
      { type: 'leaseGrant', id: '7', ttl: 10 },
      { type: 'leaseRevoke', id: '7' },
      { type: 'registerClient' },
      addUser('eve'),
      change({ action: 'authDisable' }),
    ] satisfies Command[]) {
      assert.deepEqual(rig.run(command), old, command.type);
    }
    for (const command of [
      { type: 'leaseRenew', ids: ['7'] },
      { type: 'leaseExpire', marks: [] },
      { type: 'hashCheck' },
      { type: 'raiseAlarm', memberId: '1', alarm: 'nospace' },
      { type: 'clearAlarm', memberId: '1', alarm: 'nospace' },
    ] satisfies Command[]) {
      assert.notEqual(rig.run(command).type, 'refused', command.type);
    }
  });

  test('is applied once rights are no longer enforced', () => {
    const rig = new Rig().enforce();
    const before = rig.asker('ada');
    rig.runAs('root', change({ action: 'authDisable' }));
    assert.equal(rig.run(putCommand('a/1'), before).type, 'put');
    assert.equal(rig.run(putCommand('b/1')).type, 'put');
  });
});

describe('a lease with keys that its user may not write', () => {
  const nested = (operation: TxnOperation): Command => ({
    type: 'txn',
    compares: [],
    success: [],
    failure: [{ type: 'txn', request: { compares: [], success: [operation], failure: [] } }],
  });

  test('is neither revoked by him nor given another key, in a nested transaction either', () => {
    const rig = new Rig().enforce();
    rig.runAs('root', { type: 'leaseGrant', id: '7', ttl: 10 });
    assert.equal(rig.runAs('ada', putCommand('a/1', '7')).type, 'put');
    assert.deepEqual(rig.runAs('bob', putCommand('b/1', '7')), denied);
    rig.runAs('root', putCommand('b/1', '7'));
    assert.deepEqual(rig.runAs('ada', { type: 'leaseRevoke', id: '7' }), denied);
    assert.deepEqual(rig.runAs('ada', putCommand('a/2', '7')), denied);
    const inside = nested({ type: 'put', request: put('a/2', '7') });
    assert.deepEqual(rig.runAs('ada', inside), denied);
    assert.equal(rig.runAs('ada', nested({ type: 'put', request: put('a/2') })).type, 'txn');
    assert.equal(rig.runAs('root', { type: 'leaseRevoke', id: '7' }).type, 'done');
  });

  test('is revoked by who may write all of them', () => {
    const rig = new Rig().enforce();
    rig.runAs('ada', { type: 'leaseGrant', id: '7', ttl: 10 });
    rig.runAs('ada', putCommand('a/1', '7'));
    assert.equal(rig.runAs('ada', { type: 'leaseRevoke', id: '7' }).type, 'done');
  });
});

test('the remembered answers of one user are nobody else’s', () => {
  const rig = new Rig().enforce();
  const client = rig.runAs('ada', { type: 'registerClient' });
  assert.ok(client.type === 'registerClient');
  const once = { clientId: client.clientId, sequence: 1, ackedBelow: 1 };
  rig.runAs('ada', putCommand('a/1'));
  const first = rig.runAs('ada', putCommand('a/1'), once);
  assert.ok(first.type === 'put' && first.prevKv?.key === 'a/1');
  assert.deepEqual(rig.runAs('bob', putCommand('b/1'), once), {
    type: 'refused',
    code: 'client_expired',
    revision: undefined,
  });
  assert.deepEqual(rig.runAs('ada', putCommand('a/1'), once), first);
});

test('rights and whose client is whose are part of the state: of its hash and of a snapshot', () => {
  const rig = new Rig().enforce();
  rig.runAs('ada', { type: 'registerClient' });
  const before = rig.machine.hash();
  const restorer = Machine.restorer();
  for (const chunk of rig.machine.image().chunks()) restorer.push(chunk);
  const restored = restorer.finish();
  assert.equal(restored.hash(), before);
  assert.deepEqual(restored.auth.state, rig.machine.auth.state);
  assert.deepEqual(restored.replies.view(), rig.machine.replies.view());
  rig.runAs('root', addUser('eve'));
  assert.notEqual(rig.machine.hash(), before);
});

test('rights wait for the cluster version that brought them', () => {
  const machine = new Machine();
  const apply = (command: Command, index: number) =>
    machine.apply(encodeCommand({ incarnation: 1, sequence: index }, command, undefined, 2), index)
      .reply;
  const before = machine.hash();
  assert.deepEqual(apply(addUser('ada'), 1), { type: 'refused', code: 'cluster_too_old' });
  assert.equal(machine.hash(), before);
  assert.deepEqual(machine.build.firstVersionOf(addUser('ada')), 2);
});
