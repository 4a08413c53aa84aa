import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
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
