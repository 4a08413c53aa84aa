import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anyone, type Caller, createService } from '../../server/src/service/service.ts';
import { FakeCredentials } from '../harness/fake-credentials.ts';
import { MemoryStore } from '../harness/memory-store.ts';

const minute = 60_000;

class Rig {
  readonly store = new MemoryStore();
  readonly credentials = new FakeCredentials();
  now = 1_000_000;
  readonly service = createService({
    store: this.store,
    version: '0',
    credentials: this.credentials,
    wallMs: () => this.now,
  });

  /** root and ada, whose passwords are `r` and `a`; rights are enforced. */
  async begin(): Promise<this> {
    const { service } = this;
    const context = { caller: anyone };
    await service.call('auth.userAdd', { name: 'root', password: 'r' }, context);
    await service.call('auth.userGrantRole', { name: 'root', role: 'root' }, context);
    await service.call('auth.userAdd', { name: 'ada', password: 'a' }, context);
    await service.call('auth.userAdd', { name: 'cert', noPassword: true }, context);
    await service.call('auth.enable', {}, context);
    return this;
  }

  async login(name: string, password: string) {
    return this.service.call('auth.login', { name, password }, { caller: anyone });
  }

  async root(): Promise<{ caller: Caller }> {
    const { token } = await this.login('root', 'r');
    return { caller: await this.service.callers.of({ token }) };
  }

  /** Whether the caller is still who it proved to be. */
  async isGood(caller: Caller): Promise<boolean> {
    try {
      await this.service.call('lease.list', {}, { caller });
      return true;
    } catch (error) {
      assert.equal((error as { code: string }).code, 'invalid_auth_token');
      return false;
    }
  }
}

const failed = { code: 'auth_failed' };
const badToken = { code: 'invalid_auth_token' };

describe('[W-104] a login', () => {
  test('answers a token that says who one is, for as long as it lasts', async () => {
    const rig = await new Rig().begin();
    const { name, token, expiresInMs } = await rig.login('ada', 'a');
    assert.deepEqual([name, expiresInMs], ['ada', 5 * minute]);
    const caller = await rig.service.callers.of({ token });
    assert.equal(caller.name, 'ada');
    rig.now += minute;
    const again = await rig.service.call('auth.login', { token }, { caller: anyone });
    assert.deepEqual([again.name, again.token, again.expiresInMs], ['ada', token, 4 * minute]);
    rig.now += 4 * minute - 1;
    assert.ok(await rig.isGood(caller));
    rig.now += 1;
    assert.ok(!(await rig.isGood(caller)), 'a connection that is open does not keep it alive');
    assert.throws(() => rig.service.callers.of({ token }), badToken);
  });

  test('with a wrong password, of nobody, or of one without a password is refused alike', async () => {
    const rig = await new Rig().begin();
    for (const [name, password] of [
      ['ada', 'b'],
      ['nobody', 'a'],
      ['cert', ''],
      ['', ''],
    ] as const) {
      const before = rig.credentials.checks;
      await assert.rejects(rig.login(name, password), failed);
      assert.equal(rig.credentials.checks, before + 1, `${name} takes as long as the others`);
    }
  });

  test('needs a name and a password, or a token', async () => {
    const rig = await new Rig().begin();
    for (const params of [{}, { name: 'ada' }, { password: 'a' }, { name: 'ada', token: 't' }]) {
      await assert.rejects(async () => rig.service.call('auth.login', params, { caller: anyone }), {
        code: 'invalid_params',
        message: /name and password, or token alone/,
      });
    }
  });

  test('is no matter while rights are not enforced', async () => {
    const rig = new Rig();
    await assert.rejects(rig.login('ada', 'a'), { code: 'auth_not_enabled' });
    assert.equal(rig.service.callers.of({ token: 'whatever' }), anyone);
  });

  test('of a user who logged in before costs no bcrypt, nor does a request with the password', async () => {
    const rig = await new Rig().begin();
    await rig.login('ada', 'a');
    assert.equal(rig.credentials.checks, 1);
    await rig.login('ada', 'a');
    const basic = { name: 'ada', password: 'a' };
    assert.equal((await rig.service.callers.of({ basic })).name, 'ada');
    assert.equal(rig.credentials.checks, 1);
    await assert.rejects(rig.login('ada', 'b'), failed);
    await rig.service.call(
      'auth.userChangePassword',
      { name: 'ada', password: 'b' },
      await rig.root(),
    );
    await assert.rejects(rig.login('ada', 'a'), failed);
    await rig.login('ada', 'b');
  });

  test('waits in no long line: beyond 64 that are checked it is refused', async () => {
    const rig = await new Rig().begin();
    rig.credentials.hold();
    const logins = Array.from({ length: 64 }, () => rig.login('ada', 'a'));
    await assert.rejects(rig.login('ada', 'a'), { code: 'too_many_requests' });
    rig.credentials.release();
    assert.equal((await Promise.all(logins)).length, 64);
    await rig.login('ada', 'a');
  });
});

describe('[W-105] a token dies', () => {
  const changes = {
    'with its user': ['auth.userDelete', { name: 'ada' }],
    'when its user gets another password': [
      'auth.userChangePassword',
      { name: 'ada', password: 'a' },
    ],
  } as const;
  for (const [claim, [method, params]] of Object.entries(changes)) {
    test(claim, async () => {
      const rig = await new Rig().begin();
      const { token } = await rig.login('ada', 'a');
      const caller = await rig.service.callers.of({ token });
      await rig.service.call(method, params as never, await rig.root());
      assert.throws(() => rig.service.callers.of({ token }), badToken);
      assert.ok(!(await rig.isGood(caller)));
    });
  }

  test('and is not that of another user who comes under the same name', async () => {
    const rig = await new Rig().begin();
    const { token } = await rig.login('ada', 'a');
    const root = await rig.root();
    await rig.service.call('auth.userDelete', { name: 'ada' }, root);
    await rig.service.call('auth.userAdd', { name: 'ada', password: 'a' }, root);
    assert.throws(() => rig.service.callers.of({ token }), badToken);
  });

  test('with all others when rights are no longer enforced', async () => {
    const rig = await new Rig().begin();
    const { token } = await rig.login('ada', 'a');
    await rig.service.call('auth.disable', {}, await rig.root());
    await rig.service.call('auth.enable', {}, { caller: anyone });
    assert.throws(() => rig.service.callers.of({ token }), badToken);
  });

  test('if its password was changed while it was checked', async () => {
    const rig = await new Rig().begin();
    const root = await rig.root();
    rig.credentials.hold();
    const login = rig.login('ada', 'a');
    await rig.service.call('auth.userChangePassword', { name: 'ada', password: 'b' }, root);
    rig.credentials.release();
    const { token } = await login;
    assert.throws(() => rig.service.callers.of({ token }), badToken);
  });

  test('but lives on when other rights change', async () => {
    const rig = await new Rig().begin();
    const { token } = await rig.login('ada', 'a');
    await rig.service.call('auth.roleAdd', { role: 'ops' }, await rig.root());
    assert.equal((await rig.service.callers.of({ token })).name, 'ada');
  });
});

test('names and passwords that cannot be are refused with what would be right', async () => {
  const rig = new Rig();
  const refuses = async (method: 'auth.userAdd' | 'auth.roleAdd', params: object, error: object) =>
    assert.rejects(
      async () => rig.service.call(method, params as never, { caller: anyone }),
      error,
    );
  await refuses('auth.userAdd', { name: '', password: 'p' }, { code: 'user_name_empty' });
  await refuses('auth.roleAdd', { role: '' }, { code: 'role_name_empty' });
  await refuses('auth.userAdd', { name: 'ada' }, { code: 'invalid_params', message: /noPassword/ });
  const long = 'ä'.repeat(37);
  await refuses(
    'auth.userAdd',
    { name: 'ada', password: long },
    { code: 'invalid_params', message: /74 bytes; bcrypt looks at 72/ },
  );
  await refuses(
    'auth.roleAdd',
    { role: 'r'.repeat(1025) },
    { code: 'invalid_params', message: /1024 characters/ },
  );
});
