import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Election, inspectElection } from '@lockstep/election';
import { startLockstep } from '../harness/command.ts';
import { CommandedMember } from '../harness/commanded-member.ts';
import { rawCandidate } from '../harness/elections.ts';

describe('elect and inspect election', () => {
  const member = new CommandedMember();
  const { at } = member;
  const newName = (): string => member.newName('election');

  async function untilWaiting(name: string, count: number): Promise<void> {
    const isSo = async (): Promise<boolean> =>
      (await inspectElection(member.client, name)).waiting.length === count;
    const watch = member.client.watch({ prefix: `${name}/` });
    await watch.ready();
    if (await isSo()) return;
    for await (const _ of watch) if (await isSo()) return;
  }

  /** Somebody who leads, for the rest of the test. */
  async function leads(t: TestContext, name: string, identity: string): Promise<void> {
    const term = await new Election(member.client, name, { identity }).campaign();
    t.after(() => term.resign());
  }

  test('without a command it prints the key of its term, and leads until a signal', async () => {
    const name = newName();
    for (const how of [[], ['-w', 'json']]) {
      const args = ['elect', name, '10.0.0.1', '--identity', 'me', '--priority', '-3', ...how];
      const leading = startLockstep(args, { env: member.env });
      await leading.seen('\n');
      const { leader } = await inspectElection(member.client, name);
      assert.deepEqual([leader?.value, leader?.identity, leader?.priority], ['10.0.0.1', 'me', -3]);
      leading.stop('SIGINT');
      const { stdout, exitCode } = await leading.done;
      const { key, token } = leader ?? {};
      const printed = how.length === 0 ? `${key}\n` : `${JSON.stringify({ name, key, token })}\n`;
      assert.deepEqual([stdout.toString(), exitCode], [printed, 0]);
      assert.equal((await member.client.range({ prefix: name })).count, 0);
    }
  });

  test('the exit code is that of the command, and the term ends with it', async () => {
    const name = newName();
    const check = `test "$LOCKSTEP_ELECTION" = ${name} && test -n "$LOCKSTEP_TOKEN" && exit 7`;
    assert.equal((await at('elect', name, 'x', '--', 'sh', '-c', check)).exitCode, 7);
    const { exitCode, stderr } = await at('elect', name, 'x', '--', 'no-such-command');
    assert.equal(exitCode, 127);
    assert.match(stderr, /no-such-command/);
    assert.equal((await member.client.range({ prefix: name })).count, 0);
  });

  test('an office that is not vacant in time is 121, and an office that is lost 122', async (t) => {
    const name = newName();
    const leading = startLockstep(['elect', name, 'x'], { env: member.env });
    await leading.seen('\n');
    const late = await at('elect', name, 'y', '--wait', '50ms', '--', 'true');
    assert.deepEqual(
      [late.stderr, late.exitCode],
      [`lockstep: "${name}" was not to be led within 50ms\n`, 121],
    );
    await member.client.delete({ prefix: `${name}/` });
    const { stderr, exitCode } = await leading.done;
    assert.match(stderr, /somebody removed/);
    assert.equal(exitCode, 122);
    await leads(t, name, 'a');
    const waiting = startLockstep(['elect', name, 'z', '--', 'true'], { env: member.env });
    await untilWaiting(name, 1);
    waiting.stop('SIGTERM');
    assert.equal((await waiting.done).exitCode, 143);
  });

  test('--listen prints each leader and value, and that nobody leads', async () => {
    const name = newName();
    const plain = startLockstep(['elect', name, '--listen'], { env: member.env });
    const inJson = startLockstep(['elect', name, '--listen', '-w', 'json'], { env: member.env });
    await Promise.all([plain.said('nobody leads'), inJson.seen('null')]);
    const term = await new Election(member.client, name, { identity: 'me', value: 'a' }).campaign();
    await Promise.all([plain.seen('\na\n'), inJson.seen('"a"')]);
    await term.proclaim('b');
    await Promise.all([plain.seen('\nb\n'), inJson.seen('"b"')]);
    for (const each of [plain, inJson]) each.stop('SIGINT');
    const { key, token } = term;
    const lease = (await member.client.get(key))?.lease;
    const shown = await plain.done;
    assert.deepEqual(
      [shown.stdout.toString(), shown.stderr, shown.exitCode],
      [`${key}\na\n${key}\nb\n`, `lockstep: nobody leads "${name}"\n`, 0],
    );
    const rows = (await inJson.done).stdout.toString().trim().split('\n');
    const leader = { key, token, lease, identity: 'me' };
    assert.deepEqual(
      rows.map((row) => JSON.parse(row)),
      [null, { ...leader, value: 'a' }, { ...leader, value: 'b' }].map((one) => ({
        name,
        leader: one,
      })),
    );
    await term.resign();
  });

  test('inspect election tells who leads and who waits, or that nobody does', async (t) => {
    const name = newName();
    const show = async (...how: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await at('inspect', 'election', name, ...how);
      assert.deepEqual([stderr, exitCode], ['', 0]);
      return stdout.toString();
    };
    assert.equal(await show(), `nobody leads "${name}"\n`);
    assert.deepEqual(JSON.parse(await show('-w', 'json')), { name, leader: null, waiting: [] });
    assert.match(await show('-w', 'table'), /nobody/);
    await leads(t, name, 'alice\u001b[2J');
    const { lease } = await rawCandidate(member.client, name, 'bob:1');
    const text = await show();
    assert.match(text, new RegExp(`^"${name}" is led by alice\\\\x1b\\[2J\n {2}token \\d+, lease`));
    assert.match(text, / {2}it proposes: alice\\x1b\[2J\n1 waiting, in line:\n/);
    assert.match(text, new RegExp(`the owner of lease ${lease}, token \\d+, .*priority 0\n$`));
    const table = (await show('-w', 'table')).replace(/ +/g, ' ');
    assert.match(table, /│ place │ identity │ value │ priority │ token │ lease │ since │/);
    assert.match(table, /│ 1 │ │ bob:1 │ 0 │/);
    const { leader, waiting } = JSON.parse(await show('-w', 'json'));
    assert.deepEqual([leader.inOffice, waiting[0].value, waiting[0].lease], [true, 'bob:1', lease]);
    await member.client.leases.revoke(lease);
  });

  test('the candidate with the higher priority runs first when the office is vacant', async () => {
    const name = newName();
    const first = startLockstep(['elect', name, 'first'], { env: member.env });
    await first.seen('\n');
    const low = startLockstep(['elect', name, 'low'], { env: member.env });
    const high = startLockstep(['elect', name, 'high', '--priority', '1'], { env: member.env });
    await untilWaiting(name, 2);
    first.stop('SIGINT');
    await high.seen('\n');
    high.stop('SIGINT');
    await low.seen('\n');
    low.stop('SIGINT');
    for (const each of [first, low, high]) assert.equal((await each.done).exitCode, 0);
  });
});
