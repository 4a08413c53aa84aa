import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { FleetKeys, type HistoryEntry } from '@lockstep/reboot-coordinator';
import { startLockstep } from '../harness/command.ts';
import { CommandedMember } from '../harness/commanded-member.ts';
import { assertEnds, rowsOf } from '../harness/outcomes.ts';
import { holding, readHost, waiting, writeHost } from '../harness/written-fleet.ts';

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

describe('orders and history', () => {
  const member = new CommandedMember();

  async function entries(...args: string[]): Promise<HistoryEntry[]> {
    const text = await printed(member, 'history', ...args, '-w', 'json');
    return text
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  test('a pause is of a host, a group or all, is told with its reason, and ends', async () => {
    await printed(member, 'groups', 'set', 'web', '--limit', '1');
    await writeHost(member.client, {
      id: 'w1',
      name: 'web-1',
      group: 'web',
      ...waiting('a new kernel'),
    });
    for (const target of [['--host', 'web-1'], ['--group', 'web'], ['--all']]) {
      const what = target[1] ?? 'the fleet';
      const paused = await printed(member, 'pause', ...target, '--reason', 'the sale');
      assert.match(paused, new RegExp(`^${what} is paused`));
      assert.match(await printed(member, 'status', 'w1'), /is paused by \S+@\S+: the sale/);
      assert.equal(await printed(member, 'resume', ...target), `${what} goes on\n`);
      assert.match(await printed(member, 'status', 'w1'), /it is next/);
    }
    const kinds = (await entries()).map(({ kind, host, group }) => [kind, host ?? group ?? 'all']);
    const both = (what: string) => [
      ['paused', what],
      ['resumed', what],
    ];
    assert.deepEqual(kinds.slice(1), [...both('w1'), ...both('web'), ...both('all')]);
  });

  test('now puts a host before the others of its group, whether it needs a reboot or not', async () => {
    await writeHost(member.client, { id: 'w2', name: 'web-2', group: 'web' });
    assert.match(
      await printed(member, 'now', 'web-2', '--reason', 'a try'),
      /^web-2 reboots as the next/,
    );
    assert.match(
      await printed(member, 'status', 'w2'),
      /place 1 in line[\s\S]*ordered by \S+: a try/,
    );
    assert.match(await printed(member, 'status', 'w1'), /1 host is before it in the group/);
  });

  test('release takes the slot of a host, with a reason', async () => {
    await writeHost(member.client, { id: 'w3', group: 'web', ...holding('41', 'overdue') });
    const without = await member.at('reboot', 'release', 'w3');
    assertEnds(without, 1, /a slot is released with a --reason, which is kept in the history/);
    assert.notEqual((await readHost(member.client, 'w3'))?.grant, undefined);
    assert.equal(
      await printed(member, 'release', 'w3', '--reason', 'its board is broken'),
      'w3 holds no slot any more\n',
    );
    assert.equal((await readHost(member.client, 'w3'))?.grant, undefined);
    const [row] = await entries('--host', 'w3', '--limit', '1');
    assert.deepEqual(
      [row?.kind, row?.grant, row?.reason],
      ['released', '41', 'its board is broken'],
    );
    const again = await member.at('reboot', 'release', 'w3', '--reason', 'x');
    assertEnds(again, 1, /w3 holds no slot: it is idle/);
  });

  test('decommission removes a host with its slot', async () => {
    await writeHost(member.client, { id: 'w4', group: 'web', ...holding('42', 'rebooting') });
    assert.deepEqual(await json(member, 'decommission', 'w4'), {
      order: 'decommission',
      host: 'w4',
      reason: '',
    });
    assert.equal(await readHost(member.client, 'w4'), undefined);
    assertEnds(await member.at('reboot', 'decommission', 'w4'), 1, /there is no host "w4"/);
  });

  test('a name that two hosts share is refused with their ids', async () => {
    for (const id of ['t1', 't2'])
      await writeHost(member.client, { id, name: 'twin', group: 'web' });
    assertEnds(
      await member.at('reboot', 'now', 'twin'),
      1,
      /2 hosts are named twin: give an id \(t1, t2\)/,
    );
  });

  test('history is filtered, cut to the newest, drawn as a table, and followed', async () => {
    const newest = await entries('--limit', '2');
    assert.deepEqual(
      newest.map(({ kind }) => kind),
      ['released', 'decommissioned'],
    );
    assert.match(
      await printed(member, 'history', '--host', 'w3'),
      /^\S+Z {2}released {2}web\/w3 {2}\(slot 41, .*by .*\): its board is broken\n$/,
    );
    const rows = rowsOf(
      await printed(member, 'history', '--group', 'web', '--limit', '1', '-w', 'table'),
    );
    assert.match(rows[1] ?? '', /│ decommissioned │ web │ w4 │ 42 │/);
    const follow = ['reboot', 'history', '--follow', '--limit', '1', '--group', 'web'];
    const running = startLockstep(follow, { env: member.env });
    await running.seen('decommissioned');
    await printed(member, 'pause', '--all');
    await printed(member, 'pause', '--group', 'web', '--reason', 'later');
    await running.seen('later');
    running.stop('SIGINT');
    const { stdout, exitCode } = await running.done;
    const kinds = stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.split('  ')[1]);
    assert.deepEqual([kinds, exitCode], [['decommissioned', 'paused'], 0], 'of this group only');
  });
});

describe('import', () => {
  const member = new CommandedMember();
  const machine = '1c09ca98649c4c7abc779cd04c96812e';
  const hashed = '978a225b3d7b40e9acd7ce9b62f68444';
  const dump = file(
    'dump.json',
    JSON.stringify({
      'coreos.com/updateengine/rebootlock/semaphore': `{"semaphore":1,"max":2,"holders":["${machine}"]}`,
      'coreos.com/updateengine/rebootlock/groups/db/semaphore':
        '{"semaphore":-1,"max":0,"holders":["named"]}',
    }),
  );
  const locksmith = ['import', 'locksmith', dump, '--group-map', '=web'];

  test('it tells first, and writes nothing', async () => {
    const { revision } = (await member.client.status()).header;
    const told = await printed(member, ...locksmith);
    assert.equal(
      told,
      `web (there ""): declared with limit 2
  ${hashed} (machine id ${machine}): holds a slot, rebooting
db: declared with limit 1, and paused, since its limit there is 0
  named: holds a slot, rebooting
nothing was written: --apply does it
`,
    );
    assert.equal((await member.client.status()).header.revision, revision);
  });

  test('--apply declares groups, takes over holders, and turns a freeze into a pause', async () => {
    await writeHost(member.client, { id: 'named', group: 'db', version: 'v1' });
    const guard = await member.client.get(new FleetKeys().guard);
    assert.equal(guard, undefined);
    const told = await printed(member, ...locksmith, '--apply');
    assert.match(told, /\n {2}named: has a record already, which is kept\ndone\n$/);
    const host = await readHost(member.client, hashed);
    assert.deepEqual(
      [host?.via, host?.state, host?.group, host?.grant?.id],
      ['fleetlock', 'rebooting', 'web', '1'],
    );
    assert.equal((await readHost(member.client, 'named'))?.version, 'v1', 'not written over');
    assert.equal((await member.client.get(new FleetKeys().guard))?.value, '1');
    const shown = await printed(member, 'status');
    assert.match(shown, /^web: 1 of 2 slots taken/m);
    assert.match(
      shown,
      /^db: .*paused\n {2}nothing is granted: the group "db" is paused by .*: imported from locksmith, where its limit was 0$/m,
    );
    const history = await printed(member, 'history', '--host', hashed);
    assert.match(history, /imported {2}web\/978a\w+ {2}\(slot 1, .*\): imported from locksmith\n$/);
    const again = await printed(member, ...locksmith, '--apply');
    assert.match(
      again,
      /declared already, and kept\n {2}978a.*: has a record already, which is kept/,
    );
  });

  test('a semaphore of airlock is taken over, more holders than one transaction takes', async () => {
    const holders = Array.from({ length: 90 }, (_, at) => `h${at}`);
    const path = file('one.json', JSON.stringify({ total_slots: 100, holders }));
    const air = ['import', 'airlock', path, '--group', 'big', '--apply'];
    const { groups } = (await json(member, ...air)) as never as {
      groups: { imported: string[] }[];
    };
    assert.deepEqual(groups[0]?.imported, holders);
    assert.match(await printed(member, 'status', '--group', 'big'), /^big: 90 of 100 slots taken/m);
    const grants = await Promise.all(
      holders.map(async (id) => (await readHost(member.client, id))?.grant?.id),
    );
    assert.equal(new Set(grants).size, 90, 'each slot has an id of its own');
  });
});
