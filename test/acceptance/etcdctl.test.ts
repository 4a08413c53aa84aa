import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { planMembers, RealCluster } from '../harness/real-cluster.ts';
import { EtcdProcess } from './etcd-comparison/etcd-process.ts';
import { memoryDirectory } from './etcd-comparison/processes.ts';
import { script } from './etcdctl/script.ts';
import { runShell, type ShellCommand } from './etcdctl/shell-command.ts';

const has = (program: string): boolean => spawnSync(program, ['version']).error === undefined;
/** Skipped where there is no etcdctl; in CI, which installs it, a skipped test is a failure. */
const skip = has('etcdctl') ? false : "etcdctl is missing; Debian's package is etcd-client";
const skipEtcd = has('etcd') ? skip : "etcd is missing; Debian's package is etcd-server";

/** Where the script is run. */
interface Scene {
  readonly endpoints: readonly string[];
  stop(): Promise<void>;
}

async function members(count: number): Promise<Scene> {
  const cluster = new RealCluster(await planMembers(count, []));
  await cluster.start();
  return { endpoints: cluster.endpoints, stop: () => cluster.kill() };
}

async function etcd(): Promise<Scene> {
  const process = await EtcdProcess.start(join(memoryDirectory(), 'etcd'));
  return { endpoints: [process.address], stop: () => process.kill() };
}

function matches(output: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? output === expected : expected.test(output);
}

async function check(command: ShellCommand, variables: Record<string, string>): Promise<void> {
  const { line, prints, exits = 0, meanwhile, saves } = command;
  let beside: ReturnType<typeof runShell> | undefined;
  const { output, code } = await runShell(line, variables, (printed) => {
    if (meanwhile?.[0].test(printed)) beside ??= runShell(meanwhile[1], variables);
    return exits === 'never' && matches(printed, prints) ? 'interrupt' : 'go on';
  });
  if (typeof prints === 'string') assert.equal(output, prints, line);
  else assert.match(output, prints, line);
  if (exits !== 'never') assert.equal(code, exits, `the exit code of ${line}; ${output}`);
  if (beside !== undefined) assert.equal((await beside).code, 0, meanwhile?.[1]);
  if (saves !== undefined && typeof prints !== 'string') {
    variables[saves] = prints.exec(output)?.[1] ?? '';
  }
}

/** The id of a member that does not lead, as etcdctl takes it. */
async function followerOf(variables: Record<string, string>): Promise<string> {
  const { output } = await runShell('etcdctl endpoint status', variables);
  const row = output.split('\n').find((each) => each.split(', ')[4] === 'false');
  return row?.split(', ')[1] ?? '';
}

function suite(count: number, start: () => Promise<Scene>): void {
  let scene: Scene;
  let variables: Record<string, string>;
  before(async () => {
    scene = await start();
    // With http:// before it etcdctl 3.4 sends an authority that Node refuses: see etcd-compatibility.md.
    const endpoints = scene.endpoints.join(',');
    variables = {
      ETCDCTL_API: '3',
      ETCDCTL_ENDPOINTS: endpoints,
      ONE: scene.endpoints[0] ?? '',
      DIRECTORY: memoryDirectory(),
    };
  });
  after(() => scene?.stop());

  for (const [name, commands] of Object.entries(script)) {
    test(name, async () => {
      for (const command of commands) {
        if (command.notWith === count) continue;
        if (command.line.includes('$FOLLOWER')) {
          variables.FOLLOWER = await followerOf(variables);
        }
        await check(command, variables);
      }
    });
  }
}

test('the script has enough commands to be worth something', () => {
  assert.ok(Object.values(script).flat().length >= 80);
});

describe('etcdctl with one member', { skip }, () => suite(1, () => members(1)));
describe('etcdctl with the endpoints of three members', { skip }, () => suite(3, () => members(3)));
describe('etcdctl with etcd itself, of which the same script is true', { skip: skipEtcd }, () =>
  suite(1, etcd),
);
