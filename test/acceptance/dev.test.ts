import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  freePortRun,
  http,
  lockstep,
  Program,
  temporaryDirectory,
  until,
} from '../harness/processes.ts';

/** Small files, so that members start fast; they get this with the environment. */
const variables = { LOCKSTEP_WAL_SEGMENT_BYTES: '1048576' };

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('lockstep dev', { concurrency: 2 }, () => {
  test('three members serve, a killed one is named and restarted, Ctrl-C stops all', async (t) => {
    const base = await freePortRun(6);
    const dev = new Program(['dev', '--members', '3', '--base-port', String(base)], { variables });
    t.after(async () => {
      // Its members notice that it is gone.
      dev.kill('SIGKILL');
      await dev.exited;
    });
    await dev.said(/The cluster is up/);
    const endpoints = [0, 2, 4].map((offset) => `127.0.0.1:${base + offset}`);
    assert.match(dev.stdout, new RegExp(`export LOCKSTEP_ENDPOINTS=${endpoints.join(',')}`));
    const [, dataDir = ''] = await dev.said(/data in (\S+) \(removed at the end\)/);
    const pids = () =>
      [...dev.stdout.matchAll(/^ {2}([abc]) .* pid (\d+)/gm)].map(([, name, pid]) => ({
        name,
        pid: Number(pid),
      }));
    assert.deepEqual(
      pids()
        .map(({ name }) => name)
        .sort(),
      ['a', 'b', 'c'],
    );

    const to = ['--endpoints', endpoints.join(',')];
    await until(
      'there is a leader',
      async () => (await http(endpoints[0] ?? '', '/readyz')).status === 200,
    );
    assert.deepEqual(await lockstep(['put', 'hello', 'etcd', ...to]), {
      code: 0,
      stdout: 'OK\n',
      stderr: '',
    });

    const victim = pids().find(({ name }) => name === 'b');
    assert(victim !== undefined);
    process.kill(victim.pid, 'SIGKILL');
    await dev.said(/member b ended \(signal SIGKILL\); it is restarted in 1 s/);
    const two = await lockstep(['get', 'hello', ...to]);
    assert.deepEqual(two, { code: 0, stdout: 'hello\netcd\n', stderr: '' });
    await until('b runs again', () => pids().length === 4, { describe: () => dev.describe() });
    const again = endpoints[1] ?? '';
    await until('b is ready', async () => (await http(again, '/readyz')).status === 200);
    assert.equal((await http(again, '/v1/kv/hello')).body, 'etcd');

    dev.kill('SIGINT');
    assert.deepEqual(await dev.ended(), { code: 0, signal: null }, dev.describe());
    assert.match(dev.stdout, /Stopping all members\./);
    assert.deepEqual(
      pids().filter(({ pid }) => isAlive(pid)),
      [],
      'no member is left',
    );
    assert.equal(existsSync(dataDir), false, 'the temporary data is removed');
  });

  test('it says which port is taken, and leaves no member behind', async (t) => {
    const base = await freePortRun(6);
    const first = new Program([
      'serve',
      '--listen',
      `127.0.0.1:${base + 4}`,
      '--data-dir',
      temporaryDirectory(),
    ]);
    t.after(async () => {
      first.kill('SIGKILL');
      await first.exited;
    });
    await first.serving;
    const { code, stderr } = await lockstep(['dev', '--base-port', String(base)], { variables });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${base + 4}|127\\.0\\.0\\.1:${base + 5}`));
    await assert.rejects(http(`127.0.0.1:${base}`, '/livez'), /ECONNREFUSED/);
  });
});
