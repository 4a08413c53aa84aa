import assert from 'node:assert/strict';
import { before, describe, type TestContext, test } from 'node:test';
import { lockstep, startLockstep } from '../harness/command.ts';
import { CommandedMember } from '../harness/commanded-member.ts';
import { FakeMember } from '../harness/fake-member.ts';
import { assertEnds, rowsOf } from '../harness/outcomes.ts';

describe('lock and inspect lock', () => {
  const member = new CommandedMember();
  const { at } = member;
  const newName = (): string => member.newName('lock');
  before(async () => void (await member.client.leases.grant({ ttl: 600, id: '8' })));

  /** Somebody's place in a queue, behind those that are there. */
  async function place(name: string, who: string, identity?: string): Promise<string> {
    const key = `${name}/${who}`;
    const value = identity === undefined ? '' : JSON.stringify({ identity, metadata: {} });
    await member.client.put(key, value, { lease: '8' });
    return key;
  }

  async function places(name: string): Promise<number> {
    return (await member.client.range({ prefix: `${name}/` })).count;
  }

  /** Resolves when so many have places; from now on, or already. */
  async function untilPlaces(name: string, count: number): Promise<void> {
    const { kvs, header } = await member.client.range({ prefix: `${name}/` });
    if (kvs.length === count) return;
    const watch = member.client.watch({ prefix: `${name}/`, startRevision: header.revision + 1 });
    for await (const _ of watch) if ((await places(name)) === count) return;
  }

  test('a lock without a command prints its key, and is held until a signal', async () => {
    const name = newName();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const holding = startLockstep(['lock', name, '--identity', 'me'], { env: member.env });
      await holding.seen('\n');
      const { stdout: shown } = await at('inspect', 'lock', name, '-w', 'json');
      const { holder } = JSON.parse(shown.toString());
      assert.equal(holder.identity, 'me');
      // Whoever is stopped loses it, so Ctrl-Z is not done.
      holding.stop('SIGTSTP');
      await holding.said('whoever holds a lock is not stopped');
      holding.stop(signal);
      const { stdout, exitCode } = await holding.done;
      assert.deepEqual([stdout.toString(), exitCode], [`${holder.key}\n`, 0]);
      assert.equal(await places(name), 0);
    }
  });

  test('-w json prints the token as well', async () => {
    const name = newName();
    const holding = startLockstep(['lock', name, '-w', 'json'], { env: member.env });
    await holding.seen('\n');
    const [kv] = (await member.client.range({ prefix: `${name}/` })).kvs;
    holding.stop('SIGINT');
    const shown = JSON.parse((await holding.done).stdout.toString());
    assert.deepEqual(shown, { name, key: kv?.key, token: kv?.createRevision });
  });

  test('a lock that is not free is 121: with --try at once, with --wait when that is over', async () => {
    const name = newName();
    await place(name, 'a', 'somebody\u001b[2J');
    const tried = await at('lock', name, '--try', '--', 'true');
    assertEnds(
      tried,
      121,
      /^lockstep: the lock "lock-\d+" is not free: somebody\\x1b\[2J has it\n$/,
    );
    const waited = await at('lock', name, '--wait', '50ms', '--', 'true');
    assertEnds(waited, 121, /^lockstep: the lock "lock-\d+" was not free within 50ms: somebody/);
    assert.equal(await places(name), 1, 'neither is left in the queue');
  });

  test('a signal gives the place in the queue up, with 128 and its number', async () => {
    const name = newName();
    await place(name, 'a', 'somebody');
    for (const [signal, exitCode] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      const waiting = startLockstep(['lock', name, '--', 'true'], { env: member.env });
      await untilPlaces(name, 2);
      waiting.stop(signal);
      assertEnds(await waiting.done, exitCode, /^$/);
      assert.equal(await places(name), 1);
    }
  });

  test('on a terminal it is said who has the lock and how many are before', async () => {
    const name = newName();
    const first = await place(name, 'a', 'somebody');
    const second = await place(name, 'b');
    const waiting = startLockstep(['lock', name], { env: member.env, errorIsTerminal: true });
    await waiting.said(`waiting for the lock "${name}", 2 before: somebody has it\n`);
    await member.client.delete(first);
    await member.client.delete(second);
    await waiting.seen('\n');
    waiting.stop('SIGINT');
    assert.equal((await waiting.done).exitCode, 0);
  });

  test('a command under a lock that asks for it again is refused: it would wait for itself', async () => {
    const name = newName();
    const key = await place(name, 'a', 'me');
    const under = { env: { ...member.env, LOCKSTEP_LOCK_KEY: key } };
    const nested = await lockstep(['lock', name, '--', 'true'], under);
    assertEnds(nested, 125, /cannot be had: this runs under it .*\n {2}the command was not run/);
    assertEnds(await lockstep(['lock', name], under), 1, /would wait for itself/);
    // Another lock, and the same one after it was released, are nothing special.
    assert.equal((await lockstep(['lock', newName(), '--', 'true'], under)).exitCode, 0);
    await member.client.delete(key);
    assert.equal((await lockstep(['lock', name, '--', 'true'], under)).exitCode, 0);
  });

  test('a lock whose key somebody removes is lost, with 122', async () => {
    const name = newName();
    const holding = startLockstep(['lock', name], { env: member.env });
    await holding.seen('\n');
    await member.client.delete({ prefix: `${name}/` });
    const { stderr, exitCode } = await holding.done;
    assert.match(stderr, /^lockstep: the lock is lost: somebody removed .+\n$/);
    assert.equal(exitCode, 122);
  });

  test('inspect lock tells who has it and who waits, or that it is free', async () => {
    const name = newName();
    const show = async (...how: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await at('inspect', 'lock', name, ...how);
      assert.deepEqual([stderr, exitCode], ['', 0]);
      return stdout.toString();
    };
    const draw = async (): Promise<string[]> => rowsOf(await show('-w', 'table'));
    const head = '│ place │ identity │ token │ lease │ remaining │';
    assert.equal(await show(), `the lock "${name}" is free\n`);
    assert.deepEqual(await draw(), [head, '│ free │ │ │ │ │']);
    assert.deepEqual(JSON.parse(await show('-w', 'json')), { name, holder: null, waiting: [] });

    await member.client.leases.grant({ ttl: 600, id: '7' });
    const put = async (who: string, value: string): Promise<number> => {
      const reply = await member.client.put(`${name}/${who}`, value, { lease: '7' });
      return reply.header.revision;
    };
    const alice = await put('z', '{"identity":"alice"}');
    const bob = await put('a', '{"identity":"bob\\nbuilder"}');
    const nobody = await put('b', 'of another program');
    // A key of another name is not in the queue.
    await member.client.put(`${name}2/x`, '');
    assert.match(
      await show(),
      new RegExp(
        `^the lock "${name}" is held by alice\n` +
          ` {2}token ${alice}, lease 7, which lives for (599|600) s of 600 s if it is not renewed\n` +
          '2 waiting, next first:\n' +
          ` {2}bob\\\\nbuilder, token ${bob}, lease 7\n` +
          ` {2}the owner of lease 7, token ${nobody}, lease 7\n$`,
      ),
    );
    const rows = await draw();
    assert.match(rows[1] ?? '', new RegExp(`^│ holder │ alice │ ${alice} │ 7 │ (599|600) s │$`));
    assert.deepEqual(rows.slice(2), [
      `│ 1 │ bob\\nbuilder │ ${bob} │ 7 │ │`,
      `│ 2 │ │ ${nobody} │ 7 │ │`,
    ]);
    const { holder, waiting } = JSON.parse(await show('-w', 'json'));
    assert.deepEqual(
      [holder.key, holder.token, holder.lease, holder.grantedTtl, waiting.length],
      [`${name}/z`, alice, '7', 600, 2],
    );
    assert.equal(waiting[0].identity, 'bob\nbuilder');

    await member.client.delete({ prefix: `${name}/` });
    // A key that no lease ends is something that somebody keeps there, and nobody's place.
    await member.client.put(`${name}/c`, '{"identity":"stuck"}');
    assert.equal(await show(), `the lock "${name}" is free\n`);
  });
});

async function fake(t: TestContext): Promise<FakeMember> {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  return member;
}

test('no member: 125 with a command, which has codes of its own, and 2 without', async (t) => {
  const member = await fake(t);
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  await member.refuse();
  const how = ['lock', 'nightly', '--wait', '1ms', '--timeout', '50ms'];
  const under = await lockstep([...how, '--', 'true'], { env });
  assertEnds(under, 125, /no member answers at [\s\S]*the command was not run/);
  assertEnds(await lockstep(how, { env }), 2, /no member answers at/);
});

test('a refusal of the store is 125 with a command, and 1 without', async (t) => {
  const member = await fake(t);
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  member.failNext('lease.grant', 'no_space');
  const under = await lockstep(['lock', 'nightly', '--', 'true'], { env });
  assertEnds(under, 125, /make room[\s\S]*the command was not run/);
  member.failNext('lease.grant', 'no_space');
  assertEnds(await lockstep(['lock', 'nightly'], { env }), 1, /make room/);
});
