import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connect, type OpenDoors, openDoors, type WireClient } from '../harness/doors.ts';

/** root and ada, who may read and write `a`; their passwords are their names. */
function enforce({ store }: OpenDoors): void {
  for (const name of ['root', 'ada']) {
    const passwordHash = `hash of ${name}`;
    store.changeRights({ action: 'userAdd', name, passwordHash, noPassword: false });
  }
  store.changeRights({ action: 'userGrantRole', name: 'root', role: 'root' });
  store.changeRights({ action: 'roleAdd', role: 'as' });
  const permission = { kind: 'readwrite', key: 'a' as never, rangeEnd: '' as never } as const;
  store.changeRights({ action: 'roleGrantPermission', role: 'as', permission });
  store.changeRights({ action: 'userGrantRole', name: 'ada', role: 'as' });
  store.changeRights({ action: 'authEnable', secret: 's' });
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

async function post(open: OpenDoors, path: string, params: object, authorization?: string) {
  const headers = authorization === undefined ? {} : { authorization };
  const body = JSON.stringify(params);
  const response = await fetch(`${open.url}${path}`, { method: 'POST', body, headers });
  const answer = (await response.json()) as {
    token?: string;
    error?: { data: { code: string } };
  };
  return { status: response.status, response, answer, code: answer.error?.data.code };
}

describe('[W-104] over HTTP', () => {
  test('a token, alone or as Bearer, or a name and password come with each request', async (t) => {
    const open = await openDoors(t);
    enforce(open);
    const login = await post(open, '/v1/auth.login', { name: 'ada', password: 'ada' });
    const token = login.answer.token ?? '';
    for (const authorization of [token, `Bearer ${token}`, `bearer ${token}`, basic('ada:ada')]) {
      const read = await post(open, '/v1/kv.range', { key: 'a' }, authorization);
      assert.equal(read.status, 200, authorization);
      const other = await post(open, '/v1/kv.range', { key: 'b' }, authorization);
      assert.deepEqual([other.status, other.code], [403, 'permission_denied']);
    }
    assert.equal(open.credentials.checks, 1, 'one bcrypt for all of them');
  });

  test('what proves nothing is refused with 401', async (t) => {
    const open = await openDoors(t);
    enforce(open);
    for (const [authorization, code] of [
      [undefined, 'user_name_empty'],
      ['Bearer x.y', 'invalid_auth_token'],
      ['Bearer', 'invalid_auth_token'],
      ['Basic %', 'invalid_auth_token'],
      [basic('no colon'), 'invalid_auth_token'],
      [basic('ada:wrong'), 'auth_failed'],
      [basic(':'), 'auth_failed'],
    ] as const) {
      const refused = await post(open, '/v1/kv.range', { key: 'a' }, authorization);
      assert.deepEqual([refused.status, refused.code], [401, code], authorization);
      const challenge = refused.response.headers.get('www-authenticate');
      assert.equal(challenge, 'Bearer realm="lockstep"', 'browsers open no window for it');
    }
  });

  test('short paths and watches ask as the methods do, and health asks nobody [W-100]', async (t) => {
    const open = await openDoors(t);
    enforce(open);
    const status = async (path: string, method = 'GET', authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      const abort = new AbortController();
      const init = {
        method,
        headers,
        signal: abort.signal,
        ...(method === 'PUT' && { body: '1' }),
      };
      const response = await fetch(open.url + path, init);
      abort.abort();
      return response.status;
    };
    for (const [path, method] of [
      ['/v1/kv/a', 'PUT'],
      ['/v1/kv/a', 'GET'],
      ['/v1/watch?key=a', 'GET'],
      ['/v1/kv/a', 'DELETE'],
    ] as const) {
      assert.equal(await status(path, method), 401, path);
      assert.equal(await status(path, method, basic('ada:ada')), 200, path);
    }
    assert.equal(await status('/v1/watch?prefix=a', 'GET', basic('ada:ada')), 403);
    for (const path of ['/health', '/livez', '/readyz', '/version', '/metrics']) {
      assert.equal(await status(path), 200, path);
    }
  });

  test('without rights that are enforced, whatever is brought along is no matter', async (t) => {
    const open = await openDoors(t);
    const read = await post(open, '/v1/kv.range', { key: 'a' }, 'Bearer x.y');
    assert.equal(read.status, 200);
  });
});

describe('[W-104] on a WebSocket', () => {
  const read = (client: WireClient, key: string) => client.request('kv.range', { key });
  const refusalOf = async (client: WireClient, id: number) =>
    (await client.answer(id)).error?.data.code;

  test('a login says who asks from then on, and calls that come with it wait for it', async (t) => {
    const open = await openDoors(t);
    enforce(open);
    const client = await connect(t, open);
    assert.equal(await refusalOf(client, read(client, 'a')), 'user_name_empty');
    open.credentials.hold();
    const login = client.request('auth.login', { name: 'ada', password: 'ada' });
    const [own, other] = [read(client, 'a'), read(client, 'b')];
    // Another connection is somebody else, and does not wait.
    const second = await connect(t, open);
    assert.ok((await second.call('auth.status', {})).enabled);
    open.credentials.release();
    const { token } = (await client.answer(login)).result;
    assert.equal(await refusalOf(client, own), undefined);
    assert.equal(await refusalOf(client, other), 'permission_denied');
    assert.equal(await refusalOf(second, read(second, 'a')), 'user_name_empty');
    assert.equal((await second.call('auth.login', { token })).name, 'ada');
    assert.equal(await refusalOf(second, read(second, 'a')), undefined);
  });

  test('a login that fails leaves the connection with who it was', async (t) => {
    const open = await openDoors(t);
    enforce(open);
    const client = await connect(t, open);
    await client.call('auth.login', { name: 'ada', password: 'ada' });
    const failed = await client.refusal('auth.login', { name: 'root', password: 'x' });
    assert.equal(failed.data.code, 'auth_failed');
    assert.equal(await refusalOf(client, read(client, 'a')), undefined);
  });

  test('an upgrade may bring along what proves it, and is refused when that proves nothing', async (t) => {
    const open = await openDoors(t);
    enforce(open);
    const upgrade = (authorization: string) => connect(t, open, { headers: { authorization } });
    const client = await upgrade(basic('ada:ada'));
    assert.equal(await refusalOf(client, read(client, 'a')), undefined);
    await assert.rejects(upgrade(basic('ada:x')), /HTTP 401: .*auth_failed/);
    await assert.rejects(upgrade('Bearer x.y'), /HTTP 401: .*invalid_auth_token/);
  });
});

test('[W-102] a watch that may not go on tells why it ends, and the connection goes on', async (t) => {
  const open = await openDoors(t);
  enforce(open);
  const client = await connect(t, open);
  await client.call('auth.login', { name: 'ada', password: 'ada' });
  const { watchId } = await client.call('watch.create', { key: 'a' });
  open.store.changeRights({ action: 'userRevokeRole', name: 'ada', role: 'as' });
  const end = await client.frame(({ method }) => method === 'watch.end');
  assert.deepEqual(end.params, { watchId, reason: 'permission_denied', resumeRevision: 2 });
  assert.deepEqual((await client.call('auth.userGet', { name: 'ada' })).roles, []);
});

test('[W-106] rights are set up and enforced by calls alone', async (t) => {
  const open = await openDoors(t);
  const client = await connect(t, open);
  const enabling = await client.refusal('auth.enable', {});
  assert.equal(enabling.data.code, 'root_user_missing');
  await client.call('auth.userAdd', { name: 'root', password: 'r' });
  assert.equal((await client.refusal('auth.enable', {})).data.code, 'root_role_missing');
  await client.call('auth.userGrantRole', { name: 'root', role: 'root' });
  await client.call('auth.roleAdd', { role: 'ops' });
  const prefix = { role: 'ops', prefix: 'config/' };
  await client.call('auth.roleGrantPermission', { ...prefix, permission: 'read' });
  await client.call('auth.roleGrantPermission', { role: 'ops', permission: 'write', key: 'x' });
  await client.call('auth.enable', {});
  assert.equal(
    (await client.refusal('auth.roleGet', { role: 'ops' })).data.code,
    'user_name_empty',
  );
  await client.call('auth.login', { name: 'root', password: 'r' });
  assert.deepEqual((await client.call('auth.roleGet', { role: 'ops' })).permissions, [
    { permission: 'read', key: 'config/', rangeEnd: 'config0' },
    { permission: 'write', key: 'x' },
  ]);
  await client.call('auth.roleRevokePermission', prefix);
  assert.deepEqual((await client.call('auth.userList', {})).users, ['root']);
  assert.deepEqual((await client.call('auth.roleList', {})).roles, ['ops']);
  const { enabled, authRevision } = await client.call('auth.status', {});
  assert.deepEqual([enabled, authRevision], [true, 7]);
  const taken = await client.refusal('auth.userDelete', { name: 'root' });
  assert.equal(taken.data.code, 'invalid_auth_management');
});
