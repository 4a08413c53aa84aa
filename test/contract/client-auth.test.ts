import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  Auth,
  Client,
  type ClientOptions,
  DeniedError,
  Session,
  UnauthenticatedError,
} from '@lockstep/client';
import { type OpenDoors, openDoors } from '../harness/doors.ts';

/** root, and ada who may do everything below `a/`; their passwords are their names. Not enforced yet. */
function prepare({ store }: OpenDoors): void {
  for (const name of ['root', 'ada']) {
    const passwordHash = `hash of ${name}`;
    store.changeRights({ action: 'userAdd', name, passwordHash, noPassword: false });
  }
  store.changeRights({ action: 'userGrantRole', name: 'root', role: 'root' });
  store.changeRights({ action: 'roleAdd', role: 'as' });
  const permission = { kind: 'readwrite', key: 'a/' as never, rangeEnd: 'a0' as never } as const;
  store.changeRights({ action: 'roleGrantPermission', role: 'as', permission });
  store.changeRights({ action: 'userGrantRole', name: 'ada', role: 'as' });
}

function enforce({ store }: OpenDoors): void {
  store.changeRights({ action: 'authEnable', secret: 's' });
}

async function enforced(t: TestContext): Promise<OpenDoors> {
  const open = await openDoors(t);
  prepare(open);
  enforce(open);
  return open;
}

function clientOf(t: TestContext, open: OpenDoors, options: ClientOptions = {}): Client {
  const client = new Client({ endpoints: open.doors.address, learnEndpoints: false, ...options });
  t.after(() => client.close({ drainMs: 0 }));
  return client;
}

const ada = { name: 'ada', password: 'ada' };

describe('a client with a name and a password', () => {
  test('is that user from its first call on, and on each connection', async (t) => {
    const open = await enforced(t);
    const client = clientOf(t, open, { auth: ada });
    await client.put('a/1', 'x');
    await assert.rejects(client.put('b/1', 'x'), DeniedError);
    await using session = await Session.open(client, { ttl: 10 });
    await client.put('a/2', 'x', { lease: session.leaseId });
    assert.equal(open.credentials.checks, 1);
  });

  test('goes on when rights begin to be enforced under it', async (t) => {
    const open = await openDoors(t);
    prepare(open);
    const client = clientOf(t, open, { auth: ada });
    await client.put('a/1', 'x');
    enforce(open);
    await client.put('a/1', 'y');
    assert.equal((await client.get('a/1'))?.value, 'y');
  });

  test('logs in again when its token is dead, and gives up when its password is', async (t) => {
    const open = await enforced(t);
    const client = clientOf(t, open, { auth: ada });
    await client.put('a/1', 'x');
    const change = (passwordHash: string) =>
      open.store.changeRights({ action: 'userChangePassword', name: 'ada', passwordHash });
    change('hash of ada');
    await client.put('a/1', 'y');
    change('hash of another');
    await assert.rejects(client.put('a/1', 'z'), { code: 'auth_failed' });
    assert.equal(
      (await clientOf(t, open, { auth: { name: 'root', password: 'root' } }).get('a/1'))?.value,
      'y',
    );
  });

  test('is told when they are wrong, and not asked to wait', async (t) => {
    const open = await enforced(t);
    const client = clientOf(t, open, { auth: { name: 'ada', password: 'no' } });
    const error = await client.get('a/1').catch((reason: unknown) => reason);
    assert.ok(error instanceof UnauthenticatedError);
    assert.equal(error.code, 'auth_failed');
    assert.match(error.message, /invalid user ID or password/);
  });

  test('has its watch ended by an error when its right is gone', async (t) => {
    const open = await enforced(t);
    const client = clientOf(t, open, { auth: ada });
    const watch = client.watch({ prefix: 'a/' });
    await watch.ready();
    await client.put('a/1', 'x');
    const seen: string[] = [];
    await assert.rejects(async () => {
      for await (const event of watch) {
        seen.push(event.key);
        open.store.changeRights({ action: 'userRevokeRole', name: 'ada', role: 'as' });
      }
    }, DeniedError);
    assert.deepEqual(seen, ['a/1']);
  });
});

test('a client with a token is its user, and says so when the token is dead', async (t) => {
  const open = await enforced(t);
  const body = JSON.stringify(ada);
  const login = await fetch(`${open.url}/v1/auth.login`, { method: 'POST', body });
  const { token } = (await login.json()) as { token: string };
  const client = clientOf(t, open, { auth: { token } });
  await client.put('a/1', 'x');
  open.store.changeRights({ action: 'userDelete', name: 'ada' });
  await assert.rejects(client.get('a/1'), { code: 'invalid_auth_token' });
});

test('a client that says nothing is asked, and one that says nonsense is not made', async (t) => {
  const open = await enforced(t);
  await assert.rejects(clientOf(t, open).get('a/1'), UnauthenticatedError);
  for (const auth of [{}, { name: 'ada' }, { token: 't', name: 'ada' }, { password: 'p' }]) {
    assert.throws(() => new Client({ auth: auth as never }), /\{ name, password \} or \{ token \}/);
  }
});

test('rights are set up with Auth', async (t) => {
  const open = await openDoors(t);
  const auth = new Auth(clientOf(t, open, { auth: { name: 'root', password: 'r' } }));
  await auth.addUser('root', 'r');
  await auth.grantRole('root', 'root');
  await auth.addUser('cert', undefined);
  await auth.addRole('ops');
  await auth.grantPermission('ops', 'read', { prefix: 'config/' });
  await auth.grantPermission('ops', 'write', 'x');
  await auth.grantRole('cert', 'ops');
  await auth.enable();
  assert.deepEqual(await auth.users(), ['cert', 'root']);
  assert.deepEqual(await auth.roles(), ['ops']);
  assert.deepEqual(await auth.rolesOf('cert'), ['ops']);
  assert.deepEqual(await auth.permissionsOf('ops'), [
    { permission: 'read', key: 'config/', rangeEnd: 'config0' },
    { permission: 'write', key: 'x', rangeEnd: undefined },
  ]);
  await auth.revokePermission('ops', { prefix: 'config/' });
  await auth.revokeRole('cert', 'ops');
  await auth.deleteRole('ops');
  await auth.deleteUser('cert');
  await assert.rejects(auth.deleteUser('root'), { code: 'invalid_auth_management' });
  await auth.changePassword('root', 's');
  await assert.rejects(auth.users(), { code: 'auth_failed' });
  assert.ok((await auth.status()).enabled);
});
