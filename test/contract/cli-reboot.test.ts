import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { FleetKeys } from '@lockstep/reboot-coordinator';
import { startLockstep } from '../harness/command.ts';
import { CommandedMember } from '../harness/commanded-member.ts';
import { assertEnds, rowsOf } from '../harness/outcomes.ts';
import { holding, waiting, writeHost } from '../harness/written-fleet.ts';

const directory = mkdtempSync(join(tmpdir(), 'lockstep-reboot-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** What it printed, when nothing was wrong. */
async function printed(member: CommandedMember, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await member.at('reboot', ...args);
  assert.deepEqual([stderr, exitCode], ['', 0], args.join(' '));
  return stdout.toString();
}

async function json(member: CommandedMember, ...args: string[]): Promise<unknown> {
  return JSON.parse(await printed(member, ...args, '-w', 'json'));
}

describe('groups and fleet', () => {
  const member = new CommandedMember();

  test('a group is declared, and what is not given later stays', async () => {
    const first = ['--limit', '2', '--gap', '90s', '--window', 'daily 02:00-04:00'];
    const shown = await printed(member, 'groups', 'set', 'web', ...first);
    assert.match(shown, /^web\n {2}limit +2\n {2}windows +daily 02:00-04:00\n/);
    assert.match(shown, /^ {2}gap +90s$/m);
    assert.match(shown, /^ {2}soak +30s \(default\)$/m);
    const more = ['--limit', '20%', '--soak', '0', '--overdue-after', '2h', '--priority', '-1'];
    await printed(member, 'groups', 'set', 'web', ...more, '--check', 'key:apps/{id}');
    assert.deepEqual(await json(member, 'groups', 'get', 'web'), {
      ...{ name: 'web', limit: { percent: 20 }, windows: ['daily 02:00-04:00'], gapMs: 90_000 },
      ...{ soakMs: 0, overdueAfterMs: 7_200_000, priority: -1, checks: ['key:apps/{id}'] },
    });
    await printed(member, 'groups', 'set', 'web', '--no-windows', '--no-checks');
    const { windows, checks, gapMs } = (await json(member, 'groups', 'get', 'web')) as never;
    assert.deepEqual([windows, checks, gapMs], [[], [], 90_000]);
    const [head = '', row = ''] = rowsOf(await printed(member, 'groups', 'get', '-w', 'table'));
    assert.match(head, /│ group │ limit │ windows │/);
    assert.match(row, /│ web │ 20% │ always │/);
  });

  test('of a token only its hash is kept, and --no-token takes it away', async () => {
    const path = file('token', 'sesame\n');
    await printed(member, 'groups', 'set', 'locked', '--limit', '1', '--token-file', path);
    const key = new FleetKeys().group('locked');
    const value = (await member.client.get(key))?.value ?? '';
    const hash = createHash('sha256').update('sesame').digest('hex');
    assert.deepEqual(JSON.parse(value), { limit: { count: 1 }, tokenSha256: hash });
    await printed(member, 'groups', 'set', 'locked', '--no-token');
    assert.deepEqual(JSON.parse((await member.client.get(key))?.value ?? ''), {
      limit: { count: 1 },
    });
  });

  test('the fleet has a policy of its own, whose limits can be taken away', async () => {
    assert.deepEqual(await json(member, 'fleet', 'get'), {});
    const limits = ['--limit', '10%', '--zone-limit', '3', '--break-after', '0'];
    const set = await printed(member, 'fleet', 'set', ...limits);
    assert.match(set, /^the fleet\n {2}limit +10%\n {2}zone limit +3\n[\s\S]*break after +never\n/);
    await printed(member, 'fleet', 'set', '--no-limit');
    const left = { zoneLimit: { count: 3 }, breakAfter: 0 };
    assert.deepEqual(await json(member, 'fleet', 'get'), left);
    assert.match(await printed(member, 'fleet', 'get', '-w', 'table'), /│ zone limit +│ 3 /);
    await printed(member, 'fleet', 'set', '--no-zone-limit', '--break-after', '3');
  });

  test('windows that never open are kept, and warned of', async () => {
    const past = ['--window', '2020-01-01 02:00-04:00'];
    const outcome = await member.at('reboot', 'groups', 'set', 'never', '--limit', '1', ...past);
    assert.equal(outcome.exitCode, 0);
    assert.match(
      outcome.stderr,
      /^lockstep: nothing in the group never will reboot: .* never opens/,
    );
    const all = ['--blackout', 'daily 00:00-24:00'];
    const fleet = await member.at('reboot', 'fleet', 'set', ...all);
    assert.match(fleet.stderr, /^lockstep: nothing in the fleet will reboot/);
    const group = await member.at('reboot', 'groups', 'set', 'dark', '--limit', '1');
    assert.match(
      group.stderr,
      /nothing in the group dark will reboot/,
      'the blackout of the fleet',
    );
    await printed(member, 'fleet', 'set', '--no-blackouts');
  });

  test('a group that is not there is told with those that are', async () => {
    const says = /^lockstep: there is no group "wbe"; there are .*web/;
    assertEnds(await member.at('reboot', 'groups', 'get', 'wbe'), 1, says);
    assertEnds(await member.at('reboot', 'pause', '--group', 'wbe'), 1, /there is no group "wbe"/);
    assertEnds(await member.at('reboot', 'status', '--group', 'wbe'), 1, says);
    const limitless = await member.at('reboot', 'groups', 'set', 'new', '--gap', '5m');
    assertEnds(
      limitless,
      1,
      /the group new needs a limit: how many of its hosts may be down at once/,
    );
  });
});

describe('status', () => {
  const member = new CommandedMember();

  async function fill(): Promise<void> {
    const { client } = member;
    await printed(member, 'groups', 'set', 'web', '--limit', '2', '--gap', '0');
    await writeHost(client, {
      id: 'w1',
      name: 'web-1',
      group: 'web',
      version: 'v1',
      ...holding('7', 'rebooting'),
    });
    const failure = { at: Date.now(), reason: 'not back in time' };
    await writeHost(
      client,
      { id: 'w2', group: 'web', ...holding('8', 'overdue'), overdueIn: 'rebooting', failure },
      { isAlive: false },
    );
    await writeHost(client, { id: 'w3', name: 'web-3', group: 'web', ...waiting('a new kernel') });
    await writeHost(
      client,
      { id: 'w4', group: 'web', ...waiting('evil \u001b[2J text') },
      { isAlive: false },
    );
    await writeHost(client, { id: 'w5', group: 'web' });
    await writeHost(client, { id: 'w6', group: 'web' }, { isAlive: false });
    await writeHost(client, { id: 'm1', group: 'wbe', ...waiting('a new kernel') });
  }

  test('one look tells who holds, who waits in which place and why, and who is down', async () => {
    await fill();
    const shown = await printed(member, 'status');
    for (const line of [
      /^the fleet: 7 hosts, 2 groups, 2 hold a slot, 3 wait, \d down$/m,
      /^web: 4 of 2 slots taken, 6 hosts, open$/m,
      /^ {2}nothing is granted: the group "web" has 4 of 2 slots \(2\) taken, over its limit, \d of them not planned$/m,
      /^ {2}rebooting +web-1 +for 1 min +v1 +a new kernel$/m,
      /^ {2}overdue \(rebooting\) +w2 +for 1 min +not back in time; for a new kernel$/m,
      /^ {2}1\. +web-3 +waits for 1 min: +held as told above$/m,
      /^ {2}- +w4 +waits for 1 min: +its agent is not connected; held as told above$/m,
      /^ {2}down +w6 +its agent gives no sign of life$/m,
      /^wbe: 0 of 0 slots taken, 1 host, not declared\n {2}nothing is granted: the group "wbe" is not declared: lockstep reboot groups set wbe --limit 1$/m,
    ]) {
      assert.match(shown, line);
    }
    assert.doesNotMatch(shown, /w5/, 'a host that is well takes no line');
    assert.ok(!shown.includes('\u001b'), 'what others write cannot command a terminal');
  });

  test('of a host it prints every reason why it does not reboot', async () => {
    const shown = await printed(member, 'status', 'w4');
    assert.match(shown, /^w4, group web: waiting for 1 min\n/);
    assert.match(shown, /asks for a reboot because of evil \\x1b\[2J text\n/);
    assert.match(
      shown,
      /why it does not reboot:\n {2}its agent is not connected\n {2}the group "web" has 4 of 2 slots .*\n$/,
    );
    assert.match(
      await printed(member, 'status', 'web-1'),
      /^web-1 \(id w1\), group web: rebooting .*\n[\s\S]*has the slot 7 for 2 min\n$/,
    );
    assert.match(
      await printed(member, 'status', 'w2'),
      /or until: lockstep reboot release w2 --reason WHY\n$/,
    );
    assert.match(await printed(member, 'status', 'w5'), /its agent sees no need for a reboot\n$/);
    assert.match(await printed(member, 'status', 'w6'), /no sign of life, so nobody knows whether/);
    const { host, group } = (await json(member, 'status', 'web-3')) as {
      readonly host: { readonly whyNot: readonly { readonly kind: string }[] };
      readonly group: { readonly name: string };
    };
    assert.deepEqual([host.whyNot.map(({ kind }) => kind), group.name], [['full'], 'web']);
    assertEnds(await member.at('reboot', 'status', 'nobody'), 1, /there is no host "nobody"/);
  });

  test('a table has the groups, the holders, the queue and who is down', async () => {
    const rows = rowsOf(await printed(member, 'status', '--group', 'web', '-w', 'table'));
    const heads = rows.filter((row) => row.startsWith('│ group'));
    assert.deepEqual(
      heads.map((head) => head.split('│')[2]?.trim()),
      ['taken', 'holder', 'place', 'down'],
    );
    assert.ok(
      rows.some((row) =>
        /│ web │ │ w4 │ 1 min │ .* │ its agent is not connected; the group/.test(row),
      ),
    );
    assert.ok(!rows.some((row) => row.includes('wbe')), 'of one group only');
  });

  test('a long queue is cut, and told in whole of one group', async () => {
    await printed(member, 'groups', 'set', 'long', '--limit', '1');
    for (let at = 0; at < 12; at++) {
      await writeHost(member.client, { id: `l${at}`, group: 'long', ...waiting('a new kernel') });
    }
    assert.match(
      await printed(member, 'status'),
      /^ {2}and 2 more wait: lockstep reboot status --group long$/m,
    );
    assert.match(
      await printed(member, 'status', '--group', 'long'),
      /^ {2}12\. +l11 .*: +11 hosts are before it in the group$/m,
    );
  });

  test('--watch prints what changes as lines, and as JSON the whole', async () => {
    const lines = startLockstep(['reboot', 'status', '--watch', '--group', 'web'], {
      env: member.env,
    });
    const whole = startLockstep(['reboot', 'status', 'w5', '--watch', '-w', 'json'], {
      env: member.env,
    });
    await lines.seen('web/w5: idle');
    await whole.seen('"state":"idle"');
    await writeHost(member.client, { id: 'w5', group: 'web', ...holding('9', 'draining') });
    await lines.seen('web/w5: draining, a new kernel');
    await whole.seen('"state":"draining"');
    await member.client.delete(new FleetKeys().host('w5'));
    await lines.seen('web/w5: gone');
    for (const running of [lines, whole]) running.stop('SIGINT');
    const { stdout, exitCode } = await lines.done;
    assert.equal(exitCode, 0);
    const told = stdout
      .toString()
      .split('\n')
      .filter((line) => line.includes('web/web-3'));
    assert.equal(told.length, 1, 'what stays as it is is told once');
    await whole.done;
  });

  test('--watch redraws a terminal, and leaves the last picture behind', async () => {
    const running = startLockstep(['reboot', 'status', '--watch', '--group', 'web'], {
      env: member.env,
      columns: 60,
    });
    await running.seen('the fleet');
    await writeHost(member.client, { id: 'w9', group: 'web', ...holding('10', 'verifying') });
    await running.seen('verifying');
    running.stop('SIGINT');
    const { stdout, exitCode } = await running.done;
    const text = stdout.toString();
    assert.equal(exitCode, 0);
    assert.ok(text.startsWith('\u001b[?1049h'), 'on a screen of its own');
    const [, left = ''] = text.split('\u001b[?25h\u001b[?1049l');
    assert.match(left, /the fleet.*[\s\S]*verifying/);
    const frames = text.slice(0, -left.length).split('\u001b[H');
    const rows = (frames.at(-1) ?? '').split('\r\n').map((row) => stripVTControlCharacters(row));
    assert.ok(rows.length <= 24 && rows.every((row) => row.length <= 60), 'it fits');
  });
});
