import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { pathOf } from '../../cli/src/grammar/grammar.ts';
import { processIo } from '../../cli/src/io.ts';
import { buildProgram } from '../../cli/src/program.ts';
import { lockstep } from '../harness/command.ts';
import { freePortRun, http, Program, temporaryDirectory, until } from '../harness/processes.ts';

const script = fileURLToPath(new URL('../../cli/bin/lockstep.js', import.meta.url));

/** What goes on until Ctrl-C, and what it says when it has begun. */
const lasting: readonly (readonly [line: RegExp, begun: RegExp])[] = [
  [/^lockstep serve/, /serves clients at/],
  [/^lockstep dev/, /The cluster is up/],
  [/^lockstep reboot serve/, /serves FleetLock at http/],
  [/^lockstep watch|^lockstep get .*--watch$/, /config\/\w|hello/],
  [/^lockstep lease keep-alive \d+$/, /keepalived/],
  [/^lockstep lock nightly$/, /^nightly\/[0-9a-f]+\./],
  [/^lockstep semaphore acquire gpu$/, /^gpu\/permits\/[0-9a-f]+\./],
  [/^lockstep elect billing [\d.:]+$/, /^billing\/[0-9a-f]+\./],
  [/^lockstep elect billing --listen/, /"leader":/],
  [/^lockstep reboot status --watch/, /the fleet: /],
  [/^lockstep reboot history --follow/, /"kind":"group set"/],
  [/^lockstep reboot agent (?!.*--dry-run)/, /speaks for /],
];

/** The lines under "Examples:" in the help of each verb, as they stand there. */
async function examples(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const read = async (command: Command): Promise<void> => {
    const path = pathOf(command);
    const { stdout, exitCode } = await lockstep([...path, '--help']);
    assert.equal(exitCode, 0);
    const shown = /^Examples:\n((?: {2}.*\n)+)/m.exec(stdout.toString())?.[1] ?? '';
    const lines = shown.split('\n').map((line) => line.trim());
    // A group of verbs shows its verbs.
    if (command.commands.length === 0 || path.length === 0) {
      found.set(
        path.join(' '),
        lines.filter((line) => line !== '' && !line.startsWith('#')),
      );
    }
    for (const verb of command.commands) await read(verb);
  };
  await read(buildProgram(processIo).command);
  return found;
}

describe('what help shows works when it is typed', () => {
  const home = temporaryDirectory();
  let cluster: Program;
  /** What answers the examples that ask a FleetLock server, at the default place for their reader. */
  let fleetLock: Program;
  let fleetLockPort = 0;
  let endpoints: readonly string[] = [];

  /** A shell as a reader has it: with `lockstep` on its path, and the members at the default place. */
  function shell(line: string, variables: Readonly<Record<string, string>> = {}): ChildProcess {
    const env = {
      ...{ HOME: home, PATH: `${home}:${process.env.PATH ?? ''}` },
      ...{ LOCKSTEP_ENDPOINTS: endpoints.join(','), LOCKSTEP_WAL_SEGMENT_BYTES: '1048576' },
      ...variables,
    };
    return spawn('bash', ['-c', line], { cwd: home, env, stdio: 'pipe', detached: true });
  }

  const from = process.cwd();
  before(async () => {
    // Some examples write files where they are typed.
    process.chdir(home);
    writeFileSync(
      join(home, 'lockstep'),
      `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`,
    );
    chmodSync(join(home, 'lockstep'), 0o755);
    mkdirSync(join(home, '.zsh'));
    const base = await freePortRun(6);
    endpoints = [0, 2, 4].map((offset) => `127.0.0.1:${base + offset}`);
    cluster = new Program(['dev', '--base-port', String(base)], {
      variables: { LOCKSTEP_WAL_SEGMENT_BYTES: '1048576' },
    });
    await cluster.said(/The cluster is up/);
    await until('there is a leader', async () => {
      const answers = await Promise.all(endpoints.map((at) => http(at, '/readyz')));
      return answers.every(({ status }) => status === 200);
    });
    const [first = ''] = endpoints;
    const policy = { method: 'PUT', body: '{"limit":{"count":1}}' };
    await http(first, '/v1/kv/reboot/groups/jobs', policy);
    fleetLockPort = await freePortRun(1);
    const listen = `127.0.0.1:${fleetLockPort}`;
    fleetLock = new Program(['reboot', 'serve', '--listen', listen, '--endpoints', first]);
    await fleetLock.said(/FleetLock at/);
  });
  after(async () => {
    process.chdir(from);
    fleetLock.kill('SIGINT');
    assert.equal((await fleetLock.ended()).code, 0, fleetLock.describe());
    cluster.kill('SIGINT');
    assert.deepEqual(await cluster.ended(), { code: 0, signal: null }, cluster.describe());
  });

  test('every example of every verb, one after the other', async () => {
    const shown = await examples();
    const withNone = [...shown].filter(([, lines]) => lines.length === 0).map(([verb]) => verb);
    assert.deepEqual(withNone, [], 'every verb has an example');
    assert.ok(shown.size > 20, [...shown.keys()].join(', '));
    const typed = new Set<string>();
    const typeAll = async (verbs: readonly string[]): Promise<void> => {
      for (const [verb, line] of verbs.flatMap((one) =>
        (shown.get(one) ?? []).map((line) => [one, line] as const),
      )) {
        // What two verbs show need not be typed twice.
        if (typed.has(line)) continue;
        typed.add(line);
        await type(verb, line);
      }
    };
    // What needs no key that another example has written goes on beside the others.
    const apart = ['serve', 'dev', 'completion', 'help'];
    const others = [...shown.keys()].filter((verb) => !apart.includes(verb));
    await Promise.all([typeAll(apart), typeAll(others)]);
  });

  /** Runs what needs no shell in this process, which takes a tenth of the time. */
  async function run(verb: string, line: string): Promise<void> {
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
    const args = words.slice(1).map((word) => word ?? '');
    const env = { LOCKSTEP_ENDPOINTS: endpoints.join(',') };
    const { exitCode, stderr } = await lockstep(args, { env });
    // Nobody has started the learner that it would promote.
    if (verb === 'member promote') return assert.match(stderr, /there is no member "d"/);
    assert.deepEqual([exitCode, stderr], [0, ''], `${verb}: ${line}`);
  }

  async function type(verb: string, told: string): Promise<void> {
    const shown = told.replace('http://127.0.0.1:3333', `http://127.0.0.1:${fleetLockPort}`);
    const begun = lasting.find(([pattern]) => pattern.test(shown))?.[1];
    // Files are where the shell is.
    const isPlain = /^lockstep (?!.* import )[\w /',.:-]+$/.test(shown);
    if (begun === undefined && isPlain) return run(verb, shown);
    // The default port of a member is most likely taken on the machine of a test; and so are others.
    const port = await freePortRun(10);
    const line = shown
      .replace('127.0.0.1:4001', `127.0.0.1:${port}`)
      .replace(/port 4000$/, `port ${port}`);
    const at =
      line === 'lockstep dev'
        ? `${line} --base-port ${port}`
        : line === 'lockstep reboot serve'
          ? `${line} --listen 127.0.0.1:${port}`
          : line.replace('--listen 0.0.0.0:3333', `--listen 0.0.0.0:${port}`);
    const variables = line === 'lockstep serve' ? { LOCKSTEP_LISTEN: `127.0.0.1:${port}` } : {};
    const child = shell(begun === undefined ? at : `exec ${at}`, { ...variables });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.stdin?.end();
    const exit = new Promise<string>((resolve) => {
      child.once('close', (code, signal) => resolve(`${code ?? signal}`));
    });
    const describe = () => `${verb}: ${at}\n${output}`;
    if (begun !== undefined) {
      const [first = ''] = endpoints;
      await until(
        `it says ${begun}`,
        async () => {
          const watches = /watch/.test(shown) && !/reboot/.test(shown);
          if (watches && !/--rev/.test(shown)) {
            await http(first, '/v1/kv/config/a', { method: 'PUT', body: 'seen' });
          }
          return begun.test(output) || child.exitCode !== null;
        },
        { describe },
      );
      child.kill('SIGINT');
    }
    assert.equal(await exit, '0', describe());
    // Ctrl-C may have met the command that a watch runs.
    const complaint = /lockstep: (?!stopping|the command failed .* signal SIGINT)/;
    assert.doesNotMatch(output, complaint, describe());
  }
});
