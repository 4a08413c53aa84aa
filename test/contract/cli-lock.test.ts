import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { lockstep, type Outcome, startLockstep } from '../harness/command.ts';
import { FakeMember } from '../harness/fake-member.ts';

interface Rig {
  readonly member: FakeMember;
  readonly env: Record<string, string>;
  at(...args: string[]): Promise<Outcome>;
}

async function start(t: TestContext): Promise<Rig> {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  return { member, env, at: (...args) => lockstep(args, { env }) };
}

/** Somebody's place in the queue of "nightly", behind those that are there. */
function place({ member }: Rig, name: string, identity?: string, lease?: string): string {
  const value = identity === undefined ? '' : JSON.stringify({ identity, metadata: {} });
  const key = `nightly/${name}`;
  member.store.put(key, value, lease);
  return key;
}

function assertEnds(outcome: Outcome, exitCode: number, stderr: RegExp): void {
  assert.match(outcome.stderr, stderr);
  assert.deepEqual([outcome.stdout.toString(), outcome.exitCode], ['', exitCode]);
}

test('a lock without a command prints its key, and is held until a signal', async (t) => {
  const { member, env, at } = await start(t);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const holding = startLockstep(['lock', 'nightly', '--identity', 'me'], { env });
    await holding.seen('\n');
    const queue = JSON.parse(
      (await at('inspect', 'lock', 'nightly', '-w', 'json')).stdout.toString(),
    );
    assert.equal(queue.holder.identity, 'me');
    // Whoever is stopped loses it, so Ctrl-Z is not done.
    holding.stop('SIGTSTP');
    await holding.said('whoever holds a lock is not stopped');
    holding.stop(signal);
    const { stdout, exitCode } = await holding.done;
    assert.deepEqual([stdout.toString(), exitCode], [`${queue.holder.key}\n`, 0]);
    assert.equal(member.store.range({ prefix: 'nightly/' }).length, 0);
  }
});

test('-w json prints the token as well', async (t) => {
  const { member, env } = await start(t);
  const holding = startLockstep(['lock', 'nightly', '-w', 'json'], { env });
  await holding.seen('\n');
  const [kv] = member.store.range({ prefix: 'nightly/' });
  holding.stop('SIGINT');
  const shown = JSON.parse((await holding.done).stdout.toString());
  assert.deepEqual(shown, { name: 'nightly', key: kv?.key, token: kv?.createRevision });
});

test('a lock that is not free is 121: with --try at once, with --wait when that is over', async (t) => {
  const rig = await start(t);
  place(rig, 'a', 'somebody\u001b[2J');
  const before = rig.member.store.revision;
  const tried = await rig.at('lock', 'nightly', '--try', '--', 'true');
  assertEnds(tried, 121, /^lockstep: the lock "nightly" is not free: somebody\\x1b\[2J has it\n$/);
  assert.equal(rig.member.store.revision, before, '--try leaves no place in the queue');
  const waited = await rig.at('lock', 'nightly', '--wait', '50ms', '--', 'true');
  assertEnds(waited, 121, /^lockstep: the lock "nightly" was not free within 50ms: somebody/);
  assert.deepEqual(rig.member.store.range({ prefix: 'nightly/' }).length, 1);
});

test('a signal gives the place in the queue up, with 128 and its number', async (t) => {
  const rig = await start(t);
  place(rig, 'a', 'somebody');
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const watched = rig.member.next('watch.create');
    const waiting = startLockstep(['lock', 'nightly', '--', 'true'], { env: rig.env });
    await watched;
    assert.equal(rig.member.store.range({ prefix: 'nightly/' }).length, 2);
    waiting.stop(signal);
    assertEnds(await waiting.done, exitCode, /^$/);
    assert.equal(rig.member.store.range({ prefix: 'nightly/' }).length, 1);
  }
});

test('on a terminal it is said who has the lock and how many are before', async (t) => {
  const rig = await start(t);
  place(rig, 'a', 'somebody');
  place(rig, 'b');
  const options = { env: rig.env, errorIsTerminal: true };
  const waiting = startLockstep(['lock', 'nightly'], options);
  await waiting.said('waiting for the lock "nightly", 2 before: somebody has it\n');
  rig.member.store.deleteRange({ key: 'nightly/a' });
  rig.member.store.deleteRange({ key: 'nightly/b' });
  await waiting.seen('\n');
  waiting.stop('SIGINT');
  assert.equal((await waiting.done).exitCode, 0);
});

test('a command under a lock that asks for it again is refused, as it would wait for itself', async (t) => {
  const rig = await start(t);
  const key = place(rig, 'a', 'me');
  const env = { ...rig.env, LOCKSTEP_LOCK_KEY: key };
  const nested = await lockstep(['lock', 'nightly', '--', 'true'], { env });
  assertEnds(
    nested,
    125,
    /"nightly" cannot be had: this runs under it .*\n {2}the command was not run/,
  );
  const bare = await lockstep(['lock', 'nightly'], { env });
  assertEnds(bare, 1, /would wait for itself/);
  // Another lock, and the same one after it was released, are nothing special.
  assert.equal((await lockstep(['lock', 'other', '--', 'true'], { env })).exitCode, 0);
  rig.member.store.deleteRange({ key });
  assert.equal((await lockstep(['lock', 'nightly', '--', 'true'], { env })).exitCode, 0);
});

test('no member: 125 with a command, which has codes of its own, and 2 without', async (t) => {
  const { member, at } = await start(t);
  await member.refuse();
  const how = ['lock', 'nightly', '--timeout', '50ms'];
  assertEnds(
    await at(...how, '--', 'true'),
    125,
    /no member answers at [\s\S]*the command was not run/,
  );
  assertEnds(await at(...how), 2, /no member answers at/);
});

test('a refusal of the store is 125 with a command, and 1 without', async (t) => {
  const { member, at } = await start(t);
  member.failNext('lease.grant', 'no_space');
  assertEnds(await at('lock', 'nightly', '--', 'true'), 125, /make room[\s\S]*was not run/);
  member.failNext('lease.grant', 'no_space');
  assertEnds(await at('lock', 'nightly'), 1, /make room/);
});

test('a lock whose key somebody removes is lost, with 122', async (t) => {
  const { member, env } = await start(t);
  const holding = startLockstep(['lock', 'nightly'], { env });
  await holding.seen('\n');
  member.store.deleteRange({ prefix: 'nightly/' });
  const { stderr, exitCode } = await holding.done;
  assert.match(stderr, /^lockstep: the lock is lost: somebody removed its key\n$/);
  assert.equal(exitCode, 122);
});

test('inspect lock tells who has it and who waits, or that it is free', async (t) => {
  const rig = await start(t);
  const show = async (...how: string[]): Promise<string> => {
    const { stdout, stderr, exitCode } = await rig.at('inspect', 'lock', 'nightly', ...how);
    assert.deepEqual([stderr, exitCode], ['', 0]);
    return stdout.toString();
  };
  const draw = async (): Promise<string[]> =>
    (await show('-w', 'table'))
      .split('\n')
      .filter((line) => line.startsWith('│'))
      .map((line) => line.replace(/ +/g, ' '));
  const head = '│ place │ identity │ token │ lease │ remaining │';
  assert.equal(await show(), 'the lock "nightly" is free\n');
  assert.deepEqual(await draw(), [head, '│ free │ │ │ │ │']);
  assert.deepEqual(JSON.parse(await show('-w', 'json')), {
    name: 'nightly',
    holder: null,
    waiting: [],
  });

  await rig.at('lease', 'grant', '60', '--id', '7');
  place(rig, 'z', 'alice', '7');
  place(rig, 'a', 'bob\nbuilder', '8');
  place(rig, 'b', undefined, '9');
  // A key of another name is not in the queue.
  rig.member.store.put('nightly2/x', '', '7');
  assert.equal(
    await show(),
    'the lock "nightly" is held by alice\n' +
      '  token 2, lease 7, which lives for 59 s of 60 s if it is not renewed\n' +
      '2 waiting, next first:\n' +
      '  bob\\nbuilder, token 3, lease 8\n' +
      '  the owner of lease 9, token 4, lease 9\n',
  );
  assert.deepEqual(await draw(), [
    head,
    '│ holder │ alice │ 2 │ 7 │ 59 s │',
    '│ 1 │ bob\\nbuilder │ 3 │ 8 │ │',
    '│ 2 │ │ 4 │ 9 │ │',
  ]);
  const { holder, waiting } = JSON.parse(await show('-w', 'json'));
  assert.deepEqual(
    [holder.key, holder.token, holder.ttl, holder.grantedTtl, waiting.length, waiting[0].identity],
    ['nightly/z', 2, 59, 60, 2, 'bob\nbuilder'],
  );

  rig.member.store.deleteRange({ key: 'nightly/z' });
  assert.match(await show(), /token 3, lease 8, which has just ended\n1 waiting/);
  rig.member.store.deleteRange({ prefix: 'nightly/' });
  place(rig, 'c', 'stuck');
  assert.match(await show(), /held by stuck\n {2}token \d+, without a lease: its key stays until/);
});
