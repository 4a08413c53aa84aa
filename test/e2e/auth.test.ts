import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Auth, Client, type ClientAuth } from '@lockstep/client';
import { type RealCluster, startCluster } from '../harness/real-cluster.ts';

type Code = string | undefined;

/** What a member answers to a read of a key, as the code of its refusal. */
async function read(address: string, key: string, authorization: string): Promise<Code> {
  const response = await fetch(`http://${address}/v1/kv.range`, {
    method: 'POST',
    body: JSON.stringify({ key }),
    headers: { authorization },
  });
  const { error } = (await response.json()) as { error?: { data: { code: string } } };
  return error?.data.code;
}

async function login(address: string, name: string, password: string): Promise<string> {
  const body = JSON.stringify({ name, password });
  const response = await fetch(`http://${address}/v1/auth.login`, { method: 'POST', body });
  const { token } = (await response.json()) as { token?: string };
  assert.ok(token !== undefined, `${name} logs in at ${address}`);
  return `Bearer ${token}`;
}

test('three members agree on who may do what, at once, and through kills and snapshots', async (t) => {
  const cluster: RealCluster = await startCluster(t, 3);
  const client = (auth?: ClientAuth, endpoints = cluster.endpoints): Client => {
    const made = new Client({ endpoints, learnEndpoints: false, auth });
    t.after(() => made.close({ drainMs: 0 }));
    return made;
  };
  const setUp = new Auth(client());
  await setUp.addUser('root', 'secret');
  await setUp.grantRole('root', 'root');
  await setUp.addUser('ada', 'a password');
  await setUp.addRole('ops');
  await setUp.grantPermission('ops', 'readwrite', { prefix: 'a/' });
  await setUp.grantRole('ada', 'ops');
  await setUp.enable();
  const auth = new Auth(client({ name: 'root', password: 'secret' }));

  // A token that one member made is good at each.
  const [first = ''] = cluster.endpoints;
  const token = await login(first, 'ada', 'a password');
  for (const address of cluster.endpoints) {
    assert.equal(await read(address, 'a/1', token), undefined);
    assert.equal(await read(address, 'b', token), 'permission_denied');
  }

  // A right that was taken away is gone at every member as soon as that was answered, whoever was asked.
  const ada = client({ name: 'ada', password: 'a password' });
  await ada.put('a/1', 'x');
  for (let round = 0; round < 8; round++) {
    await auth.revokePermission('ops', { prefix: 'a/' });
    const answers = await Promise.all(cluster.endpoints.map((at) => read(at, 'a/1', token)));
    assert.deepEqual(new Set(answers), new Set(['permission_denied']), `round ${round}`);
    await assert.rejects(ada.put('a/1', 'never'), { code: 'permission_denied' });
    await auth.grantPermission('ops', 'readwrite', { prefix: 'a/' });
    await ada.put('a/1', 'x');
  }

  // Changes of rights under load: every write is either refused or done, and members stay equal.
  const writes = Array.from({ length: 300 }, (_, at) =>
    ada.put(`a/${at % 7}`, String(at)).then(
      () => 'ok',
      (error: { code: string }) => error.code,
    ),
  );
  for (let round = 0; round < 10; round++) await auth.addUser(`eve ${round}`, undefined);
  assert.deepEqual(new Set(await Promise.all(writes)), new Set(['ok']));

  // The state comes back from disk and from others.
  const { leader } = await cluster.leader();
  await leader.kill();
  await cluster.leader();
  await auth.changePassword('ada', 'another password');
  leader.start();
  await leader.ready();
  await cluster.caughtUp();
  for (const address of cluster.endpoints) {
    assert.equal(await read(address, 'a/1', token), 'invalid_auth_token');
  }
  const again = await login(leader.address, 'ada', 'another password');
  for (const address of cluster.endpoints)
    assert.equal(await read(address, 'a/1', again), undefined);
  const root = { name: 'root', password: 'secret' };
  const hashes = new Map<number, Set<number>>();
  for (const address of cluster.endpoints) {
    const { appliedIndex, hash } = await client(root, [address]).hash();
    hashes.set(appliedIndex, (hashes.get(appliedIndex) ?? new Set()).add(hash));
  }
  for (const [index, seen] of hashes) assert.equal(seen.size, 1, `the states at ${index} differ`);
});
