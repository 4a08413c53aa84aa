import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client } from '@lockstep/client';
import { Coordinator, type HostStatus, Operator } from '@lockstep/reboot-coordinator';
import { Program, temporaryDirectory, until } from '../harness/processes.ts';
import { type RealCluster, startCluster } from '../harness/real-cluster.ts';

/** The steps at which an agent is killed. */
type Step = 'waiting' | 'granted' | 'draining' | 'rebooting' | 'verifying';

/**
 * A host whose reboot is a script: it notes that it was called, and gives the host another boot id. Each command of the agent says
 * that it has begun, and goes on when it is let.
 */
class ScriptedHost {
  readonly id: string;
  readonly directory = temporaryDirectory();
  readonly #endpoints: string;
  #agent: Program | undefined;

  constructor(id: string, endpoints: string) {
    this.id = id;
    this.#endpoints = endpoints;
    mkdirSync(join(this.directory, 'gates'));
    this.boot('boot-1');
    this.#script(
      'hook',
      `#!/bin/sh
# What the agent has begun is told, and its end waits for leave.
echo "$1" >> '${this.#path('calls')}'
until [ -e '${this.#path('gates')}'/"$1" ]; do sleep 0.02; done
case $1 in
reboot) echo boot-2 > '${this.#path('boot-id')}'; rm -f '${this.#path('need')}' ;;
esac
`,
    );
  }

  get agent(): Program {
    assert(this.#agent !== undefined, 'the agent was started');
    return this.#agent;
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  #script(name: string, text: string): void {
    writeFileSync(this.#path(name), text);
    chmodSync(this.#path(name), 0o755);
  }

  boot(id: string): void {
    writeFileSync(this.#path('boot-id'), `${id}\n`);
  }

  needs(): void {
    writeFileSync(this.#path('need'), 'a new kernel\n');
  }

  /** Lets a command end, now and whenever it is run again. */
  let(command: 'drain' | 'reboot' | 'check'): void {
    writeFileSync(join(this.#path('gates'), command), '');
  }

  /** How often a command was begun. */
  calls(command: string): number {
    if (!existsSync(this.#path('calls'))) return 0;
    const lines = readFileSync(this.#path('calls'), 'utf8').split('\n');
    return lines.filter((line) => line === command).length;
  }

  start(...more: string[]): Program {
    const hook = this.#path('hook');
    this.#agent = new Program(
      [
        ...['reboot', 'agent', '--group', 'web', '--id', this.id, '--name', this.id],
        ...['--state-dir', this.#path('state'), '--boot-id-file', this.#path('boot-id')],
        ...['--source', `file:${this.#path('need')}`, '--poll', '100ms', '--ttl', '5s'],
        ...['--drain', `${hook} drain`, '--reboot-command', `${hook} reboot`],
        ...['--check', `command:test -e '${join(this.#path('gates'), 'check')}'`, ...more],
      ],
      { variables: { LOCKSTEP_ENDPOINTS: this.#endpoints } },
    );
    return this.#agent;
  }

  async kill(): Promise<void> {
    this.agent.kill('SIGKILL');
    await this.agent.ended();
  }
}

describe('an agent on a host of its own', { concurrency: 3 }, () => {
  const undo: (() => Promise<void>)[] = [];
  let cluster: RealCluster;
  const over = new AbortController();
  let client: Client;
  let operator: Operator;
  let coordinating: Promise<void>;
  before(async () => {
    cluster = await startCluster({ after: (run) => undo.push(run) }, 1);
    client = new Client({ endpoints: cluster.endpoints });
    operator = new Operator(client, { by: 'test' });
    await operator.setGroup('web', { limit: { count: 20 }, soakMs: 0 });
    // Grants go on while the agents are dead.
    coordinating = new Coordinator(client).run(over.signal);
  });
  after(async () => {
    over.abort();
    await coordinating;
    await client.close();
    for (const run of undo) await run();
  });

  function endpoints(): string {
    return cluster.endpoints.join(',');
  }

  async function statusOf(id: string): Promise<HostStatus | undefined> {
    return (await operator.status()).hosts.find((host) => host.id === id);
  }

  async function isIn(host: ScriptedHost, state: HostStatus['state']): Promise<HostStatus> {
    return until(
      `${host.id} is ${state}`,
      async () => {
        const found = await statusOf(host.id);
        return found?.state === state ? found : undefined;
      },
      { describe: () => host.agent.describe() },
    );
  }

  async function historyOf(id: string): Promise<string[]> {
    return (await operator.history({ host: id })).map(({ kind }) => kind);
  }

  /** Kills the agent and starts it again at each of some steps; the rest goes through. */
  async function reboots(host: ScriptedHost, killedAt: ReadonlySet<Step>): Promise<void> {
    const again = async (step: Step): Promise<void> => {
      if (!killedAt.has(step)) return;
      await host.kill();
      host.start();
    };
    await isIn(host, 'idle');
    await operator.pause({ host: host.id }, '');
    host.needs();
    await isIn(host, 'waiting');
    await again('waiting');
    // One that stands still takes no step of what it is granted.
    if (killedAt.has('granted')) host.agent.kill('SIGSTOP');
    await operator.resume({ host: host.id });
    if (killedAt.has('granted')) await isIn(host, 'granted');
    await again('granted');
    await isIn(host, 'draining');
    await until('it drains', () => host.calls('drain') > 0);
    if (killedAt.has('draining')) {
      await again('draining');
      await until('it drains again', () => host.calls('drain') > 1, {
        describe: () => host.agent.describe(),
      });
    }
    host.let('drain');
    await isIn(host, 'rebooting');
    await until('it reboots', () => host.calls('reboot') > 0);
    if (killedAt.has('rebooting')) {
      await again('rebooting');
      await until('it asks again', () => host.calls('reboot') > 1, {
        describe: () => host.agent.describe(),
      });
    }
    host.let('reboot');
    const bootId = join(host.directory, 'boot-id');
    await until('the host went down', () => readFileSync(bootId, 'utf8').trim() === 'boot-2');
    // A host that goes down takes its agent with it.
    await host.kill();
    host.start();
    await isIn(host, 'verifying');
    await again('verifying');
    host.let('check');
  }

  const once = ['granted', 'draining', 'rebooting', 'verifying', 'done'];

  for (const steps of [
    ['granted'],
    ['rebooting'],
    ['waiting', 'granted', 'draining', 'rebooting', 'verifying'],
  ] as const) {
    test(`killed with SIGKILL while it is ${steps.join(' and ')}, it goes on, with one slot released once`, async () => {
      const host = new ScriptedHost(`killed-${steps.join('-')}`, endpoints());
      host.start();
      await reboots(host, new Set(steps));
      const { grant, bootId } = await isIn(host, 'done');
      assert.deepEqual([grant, bootId], [undefined, 'boot-2']);
      const kinds = (await historyOf(host.id)).filter((kind) => !/paused|resumed/.test(kind));
      assert.deepEqual(kinds, once);
      host.agent.kill('SIGTERM');
      const { code } = await host.agent.ended();
      assert.deepEqual([code, host.agent.stderr], [0, ''], host.agent.describe());
    });
  }

  test('its secret is for itself alone, and a second agent of the directory is told of the first', async () => {
    const host = new ScriptedHost('second', endpoints());
    const first = host.start();
    await isIn(host, 'idle');
    const secret = statSync(join(host.directory, 'state', 'secret'));
    assert.equal(secret.mode & 0o777, 0o600);
    const second = host.start();
    assert.equal((await second.ended()).code, 1);
    assert.match(
      second.stderr,
      new RegExp(
        `^lockstep: another agent runs on this host, from .*state \\(process ${first.pid}\\): one is enough\n$`,
      ),
    );
    first.kill('SIGTERM');
    assert.deepEqual(await first.ended(), { code: 0, signal: null }, first.describe());
    assert.match(
      first.stdout,
      /^\S+Z {2}speaks for second \(id second\) of the group web, boot boot-1\n/,
    );
  });

  test('another machine with the same id is refused, and told what would be right', async () => {
    const mine = new ScriptedHost('shared', endpoints());
    mine.start();
    await isIn(mine, 'idle');
    mine.agent.kill('SIGTERM');
    await mine.agent.ended();
    const theirs = new ScriptedHost('shared', endpoints());
    const { stderr, code } = await (async () => {
      const agent = theirs.start();
      const exit = await agent.ended();
      return { ...exit, stderr: agent.stderr };
    })();
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^lockstep: the id shared belongs to another machine: .* lockstep reboot decommission shared\n/,
    );
    const rehearsal = theirs.start('--dry-run');
    assert.equal((await rehearsal.ended()).code, 1);
    assert.match(rehearsal.stderr, /the id shared belongs to another machine/);
  });

  test('a dry run tells all and leaves nothing behind', async () => {
    const host = new ScriptedHost('rehearsed', endpoints());
    host.needs();
    const rehearsal = host.start('--dry-run');
    assert.equal((await rehearsal.ended()).code, 0, rehearsal.describe());
    for (const line of [
      /^dry run {2}nothing is written, drained or rebooted, no slot is held$/m,
      /^boot {5}boot-1, version /m,
      /^sources {2}file:.*need: yes, .*need: a new kernel$/m,
      /^drain {4}would run .*hook drain$/m,
      /^policy {3}limit: 20$/m,
      /^checks {3}red: command:test -e /m,
      /^slot {5}it would be granted one at once$/m,
    ]) {
      assert.match(rehearsal.stdout, line);
    }
    assert.equal(await statusOf(host.id), undefined, 'it is not registered');
    assert.equal(host.calls('drain') + host.calls('reboot'), 0);
    assert.ok(!existsSync(join(host.directory, 'state')));
  });
});
