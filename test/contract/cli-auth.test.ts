import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type CommandOptions, lockstep, type Outcome } from '../harness/command.ts';
import { openDoors } from '../harness/doors.ts';
import { assertEnds, assertPrints } from '../harness/outcomes.ts';

type At = (line: string, options?: CommandOptions) => Promise<Outcome>;

async function start(t: TestContext): Promise<At> {
  const { doors } = await openDoors(t);
  return (line, { env = {}, ...options } = {}) =>
    lockstep(line.split(' '), {
      ...options,
      env: { LOCKSTEP_ENDPOINTS: doors.address, ...env },
    });
}

test('rights are set up, enforced and given up with the words of etcdctl', async (t) => {
  const at = await start(t);
  assertPrints(await at('auth status'), 'Authentication Status: false\nAuthRevision: 1\n');
  assertEnds(await at('auth enable'), 1, /root user does not exist\n {2}make it first: /);
  assertPrints(await at('user add root', { input: 'secret\nmore' }), 'User root created\n');
  assertPrints(await at('user add ada:a:b'), 'User ada created\n');
  assertPrints(await at('user add cert --no-password'), 'User cert created\n');
  assertPrints(await at('role add ops'), 'Role ops created\n');
  for (const grant of ['read config/ --prefix', 'readwrite a', 'write b d']) {
    assertPrints(await at(`role grant-permission ops ${grant}`), 'Role ops updated\n');
  }
  assertPrints(
    await at('role get ops'),
    'Role ops\nKV Read:\n\ta\n\t[config/, config0)\nKV Write:\n\ta\n\t[b, d)\n',
  );
  assertPrints(await at('user grant-role ada ops'), 'Role ops is granted to user ada\n');
  assertPrints(await at('user get ada'), 'User: ada\nRoles: ops\n');
  assertPrints(await at('auth enable'), 'Authentication Enabled\n');

  assertEnds(await at('get a'), 1, /user name is empty\n {2}rights are enforced: say who you are/);
  assertPrints(await at('--user ada:a:b put a 1'), 'OK\n');
  const env = { LOCKSTEP_USER: 'ada', LOCKSTEP_PASSWORD: 'a:b' };
  assertPrints(await at('get a --print-value-only', { env }), '1\n');
  assertEnds(await at('get b', { env }), 1, /permission denied\n {2}"lockstep user get NAME"/);
  assertPrints(await at('user list --user root:secret', { env }), 'ada\ncert\nroot\n');
  assertPrints(await at('role list --user root:secret'), 'ops\nroot\n');
  assertPrints(await at('user get ada -w json', { env }), '{"name":"ada","roles":["ops"]}\n');

  const root = { env: { LOCKSTEP_USER: 'root:secret' } };
  assertPrints(await at('role revoke-permission ops a', root), 'Role ops updated\n');
  assertEnds(
    await at('role revoke-permission ops a', root),
    1,
    /not granted to the role\n {2}"lock/,
  );
  assertEnds(await at('user delete root', root), 1, /invalid auth management/);
  assertPrints(await at('user revoke-role ada ops', root), 'Role ops is revoked from user ada\n');
  assertPrints(await at('user passwd ada', { ...root, input: 'new' }), 'Password updated\n');
  assertEnds(await at('get a', { env }), 1, /invalid user ID or password\n {2}the name or/);
  assertPrints(await at('role delete ops', root), 'Role ops deleted\n');
  assertPrints(await at('user delete ada', root), 'User ada deleted\n');
  assertPrints(await at('auth disable', root), 'Authentication Disabled\n');
  assertEnds(await at('get nothing'), 0, /^$/);
});

test('who one is, and what is missing of it, is refused before anything is asked', async (t) => {
  const at = await start(t);
  for (const [line, stderr, env] of [
    ['get a --user ada', /no password for ada: set LOCKSTEP_PASSWORD/, {}],
    ['get a --user :x', /--user names nobody/, {}],
    ['get a --user ada:a --token t', /--token and --user exclude each other/, {}],
    ['get a', /no password for ada/, { LOCKSTEP_USER: 'ada' }],
    ['user add ada', /there is no password for ada: give --new-user-password, or a line/, {}],
    ['user add ada:a --no-password', /--no-password and a password exclude each other/, {}],
    ['role grant-permission ops execute a', /"execute" is no permission; it must be read, wri/, {}],
    ['role grant-permission ops read a b --prefix', /a range end and --prefix exclude/, {}],
  ] as const) {
    const outcome = await at(line, { env });
    assertEnds(outcome, 1, stderr);
  }
});

test('no password is ever printed', async (t) => {
  const at = await start(t);
  await at('user add root --new-user-password hush-hush');
  await at('auth enable');
  for (const line of [
    'get a --user root:hush-hush -w json',
    'get a --user ada:hush-hush',
    'user add eve:hush-hush --user root:hush-hush',
    'put --user root:hush-hush',
    'user passwd nobody --new-user-password hush-hush --user root:hush-hush',
  ]) {
    const { stdout, stderr } = await at(line);
    assert.ok(!`${stdout}${stderr}`.includes('hush'), line);
  }
});
