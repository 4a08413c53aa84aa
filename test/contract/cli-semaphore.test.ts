import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Session } from '@lockstep/client';
import { inspectRwLock, inspectSemaphore, RwLock, Semaphore } from '@lockstep/locks';
import { lockstep, type Outcome, type Running, startLockstep } from '../harness/command.ts';
import { CommandedMember } from '../harness/commanded-member.ts';
import { assertEnds, rowsOf } from '../harness/outcomes.ts';

describe('semaphore, inspect semaphore and inspect rwlock', () => {
  const member = new CommandedMember();
  const { at } = member;
  const newName = (): string => member.newName('sem');

  /** Resolves when the command holds a permit. */
  async function holding(...args: string[]): Promise<Running> {
    const running = startLockstep(['semaphore', 'acquire', ...args], { env: member.env });
    await running.seen('\n');
    return running;
  }

  async function ends(running: Running): Promise<Outcome> {
    running.stop('SIGINT');
    const outcome = await running.done;
    assert.deepEqual([outcome.stderr, outcome.exitCode], ['', 0]);
    return outcome;
  }

  async function until(prefix: string, isSo: () => Promise<boolean>): Promise<void> {
    const watch = member.client.watch({ prefix });
    await watch.ready();
    if (await isSo()) return;
    for await (const _ of watch) if (await isSo()) return;
  }

  async function untilWaiting(name: string, count: number): Promise<void> {
    await until(
      name,
      async () => (await inspectSemaphore(member.client, name)).waiting.length === count,
    );
  }

  /** A session of this process, for the rest of the test. */
  async function sessionOf(t: TestContext): Promise<Session> {
    const session = await Session.open(member.client, { ttl: 60 });
    t.after(() => session.close());
    return session;
  }

  async function show(...args: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await at('inspect', ...args);
    assert.deepEqual([stderr, exitCode], ['', 0]);
    return stdout.toString();
  }

  test('without a command it prints the key of its permit, and holds it until a signal', async () => {
    const name = newName();
    for (const how of [
      ['--limit', '2', '--weight', '2', '--identity', 'me'],
      ['-w', 'json'],
    ]) {
      const running = await holding(name, ...how);
      const { limit, inUse, holders } = await inspectSemaphore(member.client, name);
      const { key, token, identity } = holders[0] ?? {};
      const isFirst = how.length > 2;
      assert.deepEqual([limit, inUse], [2, isFirst ? 2 : 1]);
      if (isFirst) assert.equal(identity, 'me');
      const printed = isFirst ? `${key}\n` : `${JSON.stringify({ name, key, token })}\n`;
      assert.equal((await ends(running)).stdout.toString(), printed);
      assert.equal((await inspectSemaphore(member.client, name)).inUse, 0);
    }
  });

  test('the exit code is that of the command, which has the permit in its environment', async () => {
    const name = newName();
    const check = `test "$LOCKSTEP_SEMAPHORE" = ${name} && test -n "$LOCKSTEP_TOKEN" &&
      case $LOCKSTEP_SEMAPHORE_KEY in ${name}/permits/?*) exit 7;; esac`;
    const run = (...command: string[]) =>
      at('semaphore', 'acquire', name, '--limit', '1', '--', ...command);
    assertEnds(await run('sh', '-c', check), 7, /^$/);
    assertEnds(await run('no-such-command'), 127, /no-such-command/);
    assert.equal((await inspectSemaphore(member.client, name)).inUse, 0);
  });

  test('permits are held side by side up to the limit, and then 121 tells who has them', async () => {
    const name = newName();
    const first = await holding(name, '--limit', '2', '--identity', 'alice\u001b[2J');
    const second = await holding(name, '--identity', 'bob');
    const who = '2 of 2 in use; held by alice\\\\x1b\\[2J, bob\n$';
    const title = `^lockstep: a permit of "${name}"`;
    const tried = await at('semaphore', 'acquire', name, '--try', '--', 'true');
    assertEnds(tried, 121, new RegExp(`${title} is not free: ${who}`));
    const waited = await at('semaphore', 'acquire', name, '--wait', '50ms', '--', 'true');
    assertEnds(waited, 121, new RegExp(`${title} was not free within 50ms: ${who}`));
    const heavy = await at('semaphore', 'acquire', name, '--weight', '2', '--try');
    assertEnds(heavy, 121, /a permit of weight 2 of "sem-\d+" is not free/);
    assert.equal(
      (await inspectSemaphore(member.client, name)).waiting.length,
      0,
      'none is left in line',
    );
    await ends(first);
    assertEnds(await at('semaphore', 'acquire', name, '--try', '--', 'true'), 0, /^$/);
    await ends(second);
  });

  test('resize lets a waiting one in while permits are held, and 0 is a pause', async () => {
    const name = newName();
    const first = await holding(name, '--limit', '1');
    const waiting = startLockstep(['semaphore', 'acquire', name], { env: member.env });
    await untilWaiting(name, 1);
    const passing = await at('semaphore', 'acquire', name, '--try');
    assertEnds(passing, 121, /1 of 1 in use; held by .+; 1 waiting\n$/);
    const resized = await at('semaphore', 'resize', name, '2');
    assert.deepEqual(
      [resized.stdout.toString(), resized.stderr, resized.exitCode],
      [`${name}: limit 2\n`, '', 0],
    );
    await waiting.seen('\n');
    const { limit, declared, inUse } = await inspectSemaphore(member.client, name);
    assert.deepEqual([limit, declared, inUse], [2, 1, 2]);
    const paused = await at('semaphore', 'resize', name, '0', '-w', 'json');
    assert.deepEqual(JSON.parse(paused.stdout.toString()), { name, limit: 0 });
    await ends(first);
    await ends(waiting);
    const tried = await at('semaphore', 'acquire', name, '--try', '--', 'true');
    assertEnds(tried, 121, /is not free: the limit is 0, a pause\n$/);
  });

  test('resize makes a semaphore where there is none', async () => {
    const name = newName();
    assert.equal((await at('semaphore', 'resize', name, '3')).exitCode, 0);
    const { limit, declared } = await inspectSemaphore(member.client, name);
    assert.deepEqual([limit, declared], [3, 3]);
  });

  test('a limit that is missing, that others declare differently, or that is too small is refused', async () => {
    const name = newName();
    const refused = async (how: readonly string[], says: RegExp): Promise<void> => {
      const under = await at('semaphore', 'acquire', name, ...how, '--', 'true');
      assertEnds(under, 125, new RegExp(`${says.source}[\\s\\S]*\\n {2}the command was not run\n`));
      assertEnds(await at('semaphore', 'acquire', name, ...how), 1, says);
    };
    await refused([], /there is no semaphore "sem-\d+" yet: .*\n {2}.* declares one with --limit/);
    await at('semaphore', 'resize', name, '2');
    await refused(
      ['--limit', '3'],
      /the limit of "sem-\d+" is declared as 3 here, but others declare 2: .*\n {2}without --limit/,
    );
    await refused(
      ['--weight', '3'],
      /a permit of weight 3 can never be had: the limit of "sem-\d+" is 2/,
    );
    assert.equal((await inspectSemaphore(member.client, name)).waiting.length, 0);
  });

  test('a signal gives the place in line up, and a permit whose key is removed is lost', async () => {
    const name = newName();
    const first = await holding(name, '--limit', '1');
    const waiting = startLockstep(['semaphore', 'acquire', name, '--', 'true'], {
      env: member.env,
    });
    await untilWaiting(name, 1);
    waiting.stop('SIGTERM');
    assertEnds(await waiting.done, 143, /^$/);
    await member.client.delete({ prefix: `${name}/permits/` });
    const { stderr, exitCode } = await first.done;
    assert.match(stderr, /somebody removed/);
    assert.equal(exitCode, 122);
  });

  test('on a terminal it is said who has permits and which place in line this is', async () => {
    const name = newName();
    const first = await holding(name, '--limit', '1', '--identity', 'somebody');
    const waiting = startLockstep(['semaphore', 'acquire', name], {
      env: member.env,
      errorIsTerminal: true,
    });
    await waiting.said(`waiting for a permit of "${name}", place 1 in line: 1 of 1 in use; held`);
    await ends(first);
    await waiting.seen('\n');
    waiting.stop('SIGINT');
    assert.equal((await waiting.done).exitCode, 0);
  });

  test('a command with a permit that would wait for a second one is refused', async () => {
    const name = newName();
    const first = await holding(name, '--limit', '1');
    const [held] = (await inspectSemaphore(member.client, name)).holders;
    const under = { env: { ...member.env, LOCKSTEP_SEMAPHORE_KEY: held?.key ?? '' } };
    const nested = await lockstep(
      ['semaphore', 'acquire', name, '--wait', '9s', '--', 'true'],
      under,
    );
    assertEnds(nested, 125, /cannot be had: this runs under it already .*, with --weight\n/);
    // Where it need not wait, it may.
    await at('semaphore', 'resize', name, '2');
    const second = await lockstep(['semaphore', 'acquire', name, '--', 'true'], under);
    assert.equal(second.exitCode, 0);
    await ends(first);
  });

  test('inspect semaphore tells the limit, what is in use, who holds and who waits', async (t) => {
    const name = newName();
    const head = '│ limit │ declared │ in use │ holders │ waiting │';
    await at('semaphore', 'resize', name, '3');
    assert.equal(await show('semaphore', name), `the semaphore "${name}": 0 of 3 in use\n`);
    const empty = [head, '│ 3 │ 3 │ 0 │ 0 │ 0 │'];
    assert.deepEqual(rowsOf(await show('semaphore', name, '-w', 'table')), empty);

    const session = await sessionOf(t);
    const semaphore = new Semaphore(session, name, { identity: 'alice\nbuilder' });
    const permit = await semaphore.acquire({ weight: 2 });
    const bob = startLockstep(
      ['semaphore', 'acquire', name, '--weight', '2', '--identity', 'bob'],
      { env: member.env },
    );
    await untilWaiting(name, 1);
    const [waiter] = (await inspectSemaphore(member.client, name)).waiting;
    const { leaseId: lease } = session;
    const { token } = permit;
    assert.equal(
      await show('semaphore', name),
      `the semaphore "${name}": 2 of 3 in use\n1 holding:\n` +
        `  alice\\nbuilder, weight 2, token ${token}, lease ${lease}\n1 waiting, next first:\n` +
        `  bob, weight 2, token ${waiter?.token}, lease ${waiter?.lease}\n`,
    );
    assert.deepEqual(rowsOf(await show('semaphore', name, '-w', 'table')), [
      ...[head, '│ 3 │ 3 │ 2 │ 1 │ 1 │'],
      '│ place │ identity │ weight │ token │ lease │',
      `│ holder │ alice\\nbuilder │ 2 │ ${token} │ ${lease} │`,
      `│ 1 │ bob │ 2 │ ${waiter?.token} │ ${waiter?.lease} │`,
    ]);
    const { holders, waiting, ...rest } = JSON.parse(await show('semaphore', name, '-w', 'json'));
    assert.deepEqual(rest, { name, limit: 3, declared: 3, inUse: 2 });
    const { key } = permit;
    const alice = { key, token, lease, identity: 'alice\nbuilder', metadata: {}, weight: 2 };
    assert.deepEqual([holders, waiting], [[alice], [waiter]]);
    await at('semaphore', 'resize', name, '0');
    const paused = /2 of 0 in use\n {2}a pause: nobody .*\n {2}programs declare 3; it was resized/;
    assert.match(await show('semaphore', name), paused);
    bob.stop('SIGINT');
    await bob.done;
    await permit.release();
  });

  test('inspect rwlock tells who reads or writes and who waits, or that it is free', async (t) => {
    const name = newName();
    assert.equal(await show('rwlock', name), `the lock "${name}" is free\n`);
    assert.deepEqual(rowsOf(await show('rwlock', name, '-w', 'table')), ['│ place │', '│ free │']);
    const session = await sessionOf(t);
    const locks = new RwLock(session, name, { identity: 'alice' });
    const read = await locks.read.acquire();
    const writing = new RwLock(await sessionOf(t), name, { identity: 'bob' });
    const write = writing.write.acquire();
    await until(name, async () => (await inspectRwLock(member.client, name)).waiting.length === 1);
    const text = await show('rwlock', name);
    const { token } = read;
    assert.match(
      text,
      new RegExp(
        `^the lock "${name}" is held for reading:\n {2}alice, mode read, token ${token}, lease ` +
          `${session.leaseId}\n1 waiting, next first:\n {2}bob, mode write, token \\d+, lease \\d+\n$`,
      ),
    );
    const rows = rowsOf(await show('rwlock', name, '-w', 'table'));
    assert.equal(rows[0], '│ place │ identity │ mode │ token │ lease │');
    assert.equal(rows[1], `│ holder │ alice │ read │ ${token} │ ${session.leaseId} │`);
    assert.match(rows[2] ?? '', /^│ 1 │ bob │ write │ \d+ │ \d+ │$/);
    const shown = JSON.parse(await show('rwlock', name, '-w', 'json'));
    assert.deepEqual({ name, ...(await inspectRwLock(member.client, name)) }, shown);
    await read.release();
    const written = await write;
    assert.match(await show('rwlock', name), /is held for writing:\n {2}bob, mode write/);
    await written.release();
  });
});
