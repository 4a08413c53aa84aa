import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lockstep, startLockstep } from '../harness/command.ts';
import { FakeMember } from '../harness/fake-member.ts';
import { rowsOf } from '../harness/outcomes.ts';

test('keys, leases and alarms are tables, with what bytes are not text escaped', async (t) => {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  const draw = async (...args: string[]): Promise<string[]> => {
    const { stdout, stderr, exitCode } = await lockstep([...args, '-w', 'table'], { env });
    assert.deepEqual([stderr, exitCode], ['', 0]);
    return rowsOf(stdout.toString());
  };
  await lockstep(['lease', 'grant', '60', '--id', '7'], { env });
  await lockstep(['put', 'a', 'one', '--lease', '7'], { env });
  await lockstep(['put', 'b'], { env, input: Buffer.from([0xff, 0x0a]) });
  assert.deepEqual(await draw('get', '', '--prefix'), [
    '│ key │ value │ created │ changed │ version │ lease │',
    '│ a │ one │ 2 │ 2 │ 1 │ 7 │',
    '│ b │ \\xff\\n │ 3 │ 3 │ 1 │ │',
  ]);
  assert.deepEqual(await draw('get', 'a', '--keys-only'), [
    '│ key │ created │ changed │ version │ lease │',
    '│ a │ 2 │ 2 │ 1 │ 7 │',
  ]);
  assert.equal((await draw('get', 'a', '--print-value-only'))[1], '│ one │ 2 │ 2 │ 1 │ 7 │');
  assert.deepEqual(await draw('get', '', '--prefix', '--count-only'), ['│ count │', '│ 2 │']);
  assert.deepEqual(await draw('lease', 'list'), ['│ lease │', '│ 7 │']);
  assert.deepEqual(await draw('lease', 'timetolive', '7', '--keys'), [
    '│ lease │ granted │ remaining │ keys │',
    '│ 7 │ 60 s │ 59 s │ a │',
  ]);
  assert.equal((await draw('lease', 'timetolive', '8'))[1], '│ 8 │ │ expired │');
  member.alarms = [{ memberId: '1', alarm: 'nospace' }];
  assert.deepEqual(await draw('alarm', 'list'), ['│ member │ alarm │', '│ 1 │ NOSPACE │']);
  assert.equal(
    (await draw('endpoint', 'health'))[1]?.startsWith(`│ ${member.address} │ true │`),
    true,
  );
  assert.equal((await draw('member', 'list'))[1]?.startsWith('│ 1 │ started │ m1 │'), true);
});

test('a table fits its terminal, and is whole elsewhere', async (t) => {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  const env = { LOCKSTEP_ENDPOINTS: member.address, NO_COLOR: '1' };
  member.store.put('config/long', 'v'.repeat(300));
  const args = ['get', '', '--prefix', '-w', 'table'];
  const widths = async (columns?: number): Promise<number> => {
    const { stdout } = await lockstep(args, columns === undefined ? { env } : { env, columns });
    return Math.max(
      ...stdout
        .toString()
        .split('\n')
        .map((line) => line.length),
    );
  };
  assert.deepEqual([await widths(90), await widths(60)], [90, 60]);
  assert.ok((await widths()) > 300);
});

test('endpoint status and health are status and health', async (t) => {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  for (const how of [[], ['--cluster'], ['-w', 'json'], ['-w', 'table']]) {
    const long = await lockstep(['endpoint', 'status', ...how], { env });
    assert.deepEqual(long, await lockstep(['status', ...how], { env }));
    assert.equal(long.exitCode, 0);
  }
  const health = await lockstep(['endpoint', 'health', '--cluster'], { env });
  assert.match(health.stdout.toString(), /is healthy: a linearizable read took/);
});

test('colours are for terminals, and not for those who want none', async (t) => {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  member.store.put('a', '1');
  const watched = async (options: object): Promise<string> => {
    const running = startLockstep(['watch', 'a', '--rev', '2'], { env, ...options });
    await running.seen('1\n');
    running.stop('SIGINT');
    return (await running.done).stdout.toString();
  };
  assert.equal(await watched({ columns: 80 }), '\u001b[32mPUT\u001b[39m\na\n1\n');
  assert.equal(await watched({}), 'PUT\na\n1\n');
  assert.equal(await watched({ columns: 80, env: { ...env, NO_COLOR: '1' } }), 'PUT\na\n1\n');
  const { stdout } = await lockstep(['health'], { env, columns: 80 });
  assert.ok(stdout.toString().includes('\u001b[32mhealthy\u001b[39m'));
});
