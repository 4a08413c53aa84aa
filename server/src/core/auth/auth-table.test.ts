import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ByteString } from '@lockstep/client/protocol';
import { Reader, Writer } from '../base/codec.ts';
import { readAuth, writeAuth } from './auth-codec.ts';
import { AuthTable } from './auth-table.ts';
import type { AuthAction, AuthRefusal } from './types.ts';

const user = (name: string): AuthAction => ({
  action: 'userAdd',
  name,
  passwordHash: `hash of ${name}`,
  noPassword: false,
});
const grantRole = (name: string, role: string): AuthAction => ({
  action: 'userGrantRole',
  name,
  role,
});
const range = (key: string, rangeEnd = '') => ({
  key: key as ByteString,
  rangeEnd: rangeEnd as ByteString,
});
const permit = (role: string, key: string, rangeEnd = ''): AuthAction => ({
  action: 'roleGrantPermission',
  role,
  permission: { kind: 'read', ...range(key, rangeEnd) },
});
const enable: AuthAction = { action: 'authEnable', secret: 's1' };
const disable: AuthAction = { action: 'authDisable' };

class Rig {
  readonly table = new AuthTable();

  do(...actions: AuthAction[]): this {
    for (const action of actions) {
      assert.equal(this.table.apply(action), undefined, JSON.stringify(action));
    }
    return this;
  }

  refuses(action: AuthAction, code: AuthRefusal): this {
    const before = this.table.state;
    assert.equal(this.table.apply(action), code);
    assert.equal(this.table.state, before, 'a refusal changes nothing');
    return this;
  }

  get revision(): number {
    return this.table.state.revision;
  }
}

const enabled = () => new Rig().do(user('root'), grantRole('root', 'root'), enable);

describe('rights', () => {
  test('are enforced only when there is a root user that has the root role', () => {
    const rig = new Rig().refuses(enable, 'root_user_missing').do(user('root'));
    rig.refuses(enable, 'root_role_missing').do(grantRole('root', 'root'), enable);
    assert.ok(rig.table.state.enabled && rig.table.state.secret === 's1');
    rig.do({ action: 'authEnable', secret: 's2' });
    assert.equal(rig.table.state.secret, 's1', 'enabling again keeps the tokens');
    rig.do(disable, { action: 'authEnable', secret: 's2' });
    assert.equal(rig.table.state.secret, 's2', 'and after they were off there are new ones');
  });

  test('begin at auth revision 1, and each change but enabling is one more', () => {
    const rig = new Rig();
    assert.equal(rig.revision, 1);
    rig.do(user('root'), grantRole('root', 'root'));
    assert.equal(rig.revision, 3);
    rig.do(enable);
    assert.equal(rig.revision, 3);
    rig.do(grantRole('root', 'root'));
    assert.equal(rig.revision, 3, 'what is so already is no change');
    rig.do(disable, disable);
    assert.equal(rig.revision, 4);
  });
});

describe('root, while rights are enforced,', () => {
  test('stays, with its role', () => {
    enabled()
      .do({ action: 'roleAdd', role: 'root' })
      .refuses({ action: 'userDelete', name: 'root' }, 'invalid_auth_management')
      .refuses({ action: 'roleDelete', role: 'root' }, 'invalid_auth_management')
      .refuses({ action: 'userRevokeRole', name: 'root', role: 'root' }, 'invalid_auth_management')
      .do(disable, { action: 'userDelete', name: 'root' });
  });
});

describe('users', () => {
  test('have a name, once', () => {
    new Rig()
      .refuses(user(''), 'user_name_empty')
      .do(user('ada'))
      .refuses(user('ada'), 'user_exists')
      .refuses({ action: 'userDelete', name: 'bob' }, 'user_not_found')
      .refuses({ action: 'userChangePassword', name: 'bob', passwordHash: '' }, 'user_not_found');
  });

  test('have roles that there are, each once', () => {
    const rig = new Rig().do(user('ada'));
    rig.refuses(grantRole('bob', 'ops'), 'user_not_found');
    rig.refuses(grantRole('ada', 'ops'), 'role_not_found');
    rig.do({ action: 'roleAdd', role: 'ops' }, grantRole('ada', 'ops'), grantRole('ada', 'root'));
    assert.deepEqual(rig.table.state.user('ada')?.roles, ['ops', 'root']);
    rig.do({ action: 'userRevokeRole', name: 'ada', role: 'root' });
    rig.refuses({ action: 'userRevokeRole', name: 'ada', role: 'root' }, 'role_not_granted');
    rig.do({ action: 'roleDelete', role: 'ops' });
    assert.deepEqual(rig.table.state.user('ada')?.roles, [], 'a role that is gone is nobody’s');
  });

  test('who come back under an old name, or change their password, are told from who they were', () => {
    const rig = new Rig().do(user('ada'));
    const since = () => rig.table.state.user('ada')?.passwordRevision;
    assert.equal(since(), 2);
    rig.do({ action: 'userChangePassword', name: 'ada', passwordHash: 'other' });
    assert.equal(since(), 3);
    rig.do({ action: 'userDelete', name: 'ada' }, user('ada'));
    assert.equal(since(), 5);
    assert.deepEqual(rig.table.state.user('ada')?.roles, []);
  });

  test('without a password never get one', () => {
    const rig = new Rig().do({ ...user('ada'), noPassword: true, passwordHash: '' } as AuthAction);
    rig.do({ action: 'userChangePassword', name: 'ada', passwordHash: 'hash' });
    assert.equal(rig.table.state.user('ada')?.passwordHash, '');
  });
});

describe('roles', () => {
  const role: AuthAction = { action: 'roleAdd', role: 'ops' };
  const revoke = (key: string, rangeEnd = ''): AuthAction => ({
    action: 'roleRevokePermission',
    role: 'ops',
    range: range(key, rangeEnd),
  });

  test('have a name, once', () => {
    new Rig()
      .refuses({ action: 'roleAdd', role: '' }, 'role_name_empty')
      .do(role)
      .refuses(role, 'role_exists')
      .refuses({ action: 'roleDelete', role: 'dev' }, 'role_not_found')
      .refuses(permit('dev', 'a'), 'role_not_found');
  });

  test('have one permission for a range, in the order of the ranges', () => {
    const rig = new Rig().do(role, permit('ops', 'b'), permit('ops', 'a', 'c'), permit('ops', 'a'));
    const write = { kind: 'write' as const, ...range('b') };
    rig.do({ action: 'roleGrantPermission', role: 'ops', permission: write });
    const shown = rig.table.state.role('ops')?.permissions;
    assert.deepEqual(
      shown?.map(({ kind, key, rangeEnd }) => `${kind} ${key}-${rangeEnd}`),
      ['read a-', 'read a-c', 'write b-'],
    );
    rig.refuses(revoke('a', 'b'), 'permission_not_granted').do(revoke('a'));
    rig.refuses(revoke('a'), 'permission_not_granted');
    rig.refuses(permit('ops', 'c', 'b'), 'invalid_auth_management');
    const none: AuthAction = { action: 'roleGrantPermission', role: 'ops', permission: undefined };
    rig.refuses(none, 'permission_not_given');
  });

  test('change the rights of all who have them, and a view that was taken stays as it was', () => {
    const rig = new Rig().do(role, user('ada'), grantRole('ada', 'ops'), permit('ops', 'a'));
    const { state } = rig.table;
    assert.ok(state.rights('ada').permits('read', range('a')));
    rig.do(revoke('a'));
    assert.ok(!rig.table.state.rights('ada').permits('read', range('a')));
    assert.ok(state.rights('ada').permits('read', range('a')));
    assert.ok(!state.rights('nobody').permits('read', range('a')));
  });
});

test('the bytes of a state depend on what is in it, and not on how it came about', () => {
  const bytesOf = (rig: Rig): Uint8Array => {
    const writer = new Writer();
    writeAuth(writer, rig.table.state);
    return writer.finish();
  };
  const one = new Rig().do(user('ada'), { action: 'roleAdd', role: 'b' }, permit('b', 'x', 'z'));
  const other = new Rig().do(user('ada'), { action: 'roleAdd', role: 'b' }, permit('b', 'x', 'z'));
  assert.deepEqual(bytesOf(one), bytesOf(other));
  const table = new AuthTable();
  table.restore(readAuth(new Reader(bytesOf(one))));
  assert.deepEqual(table.state, one.table.state);
  one.do({ action: 'roleAdd', role: 'c' }, { action: 'roleAdd', role: 'a' });
  other.do({ action: 'roleAdd', role: 'a' }, { action: 'roleAdd', role: 'c' });
  assert.deepEqual(bytesOf(one), bytesOf(other));
});
