import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { MemberInfo } from '@lockstep/client/protocol';
import { freePorts, lockstep, Program, temporaryDirectory, until } from '../harness/processes.ts';
import {
  type MemberProcess,
  RealCluster,
  smallFiles,
  startCluster,
} from '../harness/real-cluster.ts';
import { Load, loadPrefix } from './load.ts';
import { verify } from './verify.ts';
import { WatchRecord } from './watch-record.ts';

/** Runs a verb of `member` against members that stay. */
async function member(endpoints: readonly string[], ...words: string[]): Promise<string> {
  const args = ['member', ...words, '--endpoints', endpoints.join(',')];
  const { code, stdout, stderr } = await lockstep(args);
  assert.deepEqual([code, stderr], [0, ''], words.join(' '));
  return stdout;
}

async function list(endpoints: readonly string[]): Promise<MemberInfo[]> {
  return JSON.parse(await member(endpoints, 'list', '-w', 'json'));
}

/** The settings that a command printed, as a shell would take them. */
function settingsIn(printed: string): Record<string, string> {
  const rows = [...printed.matchAll(/^(LOCKSTEP_\w+)="(.*)"$/gm)];
  return Object.fromEntries(rows.map(([, name = '', value = '']) => [name, value]));
}

/** Starts what `member add` or `member replace` printed, on an empty disk. */
async function startPrinted(t: TestContext, printed: string): Promise<MemberProcess> {
  const variables = settingsIn(printed);
  const { LOCKSTEP_NAME: name = '', LOCKSTEP_PEER_LISTEN: peerAddress = '' } = variables;
  const [port] = await freePorts(1);
  const place = {
    ...{ name, peerAddress, clientAddress: `127.0.0.1:${port}` },
    dataDir: join(temporaryDirectory(), name),
    initialCluster: variables.LOCKSTEP_INITIAL_CLUSTER ?? '',
    flags: [...smallFiles, '--initial-cluster-state', 'existing'],
  };
  const [started] = new RealCluster([place]).members;
  assert(started !== undefined);
  t.after(() => started.kill());
  started.start();
  await started.program.serving;
  return started;
}

// Both wait most of the time, so they run at the same time.
describe('changes of the members of real processes', { concurrency: 2 }, () => {
  test('members are replaced one after the other under a write load, and no write fails', async (t) => {
    const founders = await startCluster(t, 3);
    const { leader } = await founders.leader();
    const [follower, stays] = founders.others(leader);
    assert(follower !== undefined && stays !== undefined);
    const endpoints = [stays.address];
    const watcher = new WatchRecord('watcher', founders.endpoints, { prefix: loadPrefix });
    t.after(() => watcher.close());
    await watcher.started;
    const load = new Load({ endpoints: founders.endpoints, clients: 20, pauseMs: 40 });
    t.after(() => load.stop());
    await until('there is load', () => load.acknowledged.size > 200);
    const added: MemberProcess[] = [];
    for (const [old, name] of [
      [follower, 'd'],
      [leader, 'e'],
    ] as const) {
      const [port] = await freePorts(1);
      load.watchGaps();
      const at = ['--peer-address', `127.0.0.1:${port}`];
      const printed = await member(endpoints, 'replace', old.name, '--name', name, ...at);
      added.push(await startPrinted(t, printed));
      const { code } = await old.program.ended();
      assert.equal(code, 1, old.describe());
      assert.match(old.program.stderr, /was removed from the cluster.*lockstep member add/);
      const count = load.acknowledged.size;
      await until('writes go on', () => load.acknowledged.size > count + 100);
      const what = old === leader ? 'the leader' : 'a follower';
      t.diagnostic(
        `${what} was replaced: at most ${Math.round(load.longestGapMs)} ms without a write`,
      );
      const members = await list(endpoints);
      assert.equal(members.length, 3);
      assert.deepEqual(
        members.filter(({ isLearner }) => isLearner),
        [],
      );
      assert.ok(members.some((one) => one.name === name));
    }
    await load.stop();
    const errors = [...load.errors].map(([what, times]) => `${times} x ${what}`).join('; ');
    t.diagnostic(`${load.acknowledged.size} writes acknowledged, errors: ${errors || 'none'}`);
    assert.deepEqual([[...load.refused], [...load.ambiguous]], [[], []]);
    const now = new RealCluster([stays, ...added]);
    const { lost, wrong, watcherFaults, staleReads } = await verify(now, load, [watcher]);
    assert.deepEqual([lost, wrong, watcherFaults, staleReads], [[], [], [], []]);
  });

  test('a cluster of one grows by what member add prints, and restarts with the same settings', async (t) => {
    const founders = await startCluster(t, 1);
    const { endpoints } = founders;
    const [port, nextPort] = await freePorts(2);
    const at = (it?: number): string[] => ['--peer-address', `127.0.0.1:${it}`];
    const printed = await member(endpoints, 'add', 'b', ...at(port));
    assert.match(printed, /member b \(\d+\) is added: it begins as a learner/);
    const b = await startPrinted(t, printed);
    await until('it votes', async () => (await list(endpoints)).every((one) => !one.isLearner));
    assert.deepEqual(await b.stop(), { code: 0, signal: null });
    b.start();
    await b.ready();

    // Nobody is expected there yet.
    const early = new Program([
      ...['serve', '--name', 'c', '--data-dir', join(temporaryDirectory(), 'c')],
      ...['--listen', '127.0.0.1:0', '--peer-listen', `127.0.0.1:${nextPort}`],
      ...['--join', founders.member(0).plan.peerAddress],
    ]);
    assert.equal((await early.ended()).code, 1);
    assert.match(early.stderr, /expects no member at .*lockstep member add c --peer-address/);

    const third = await member([b.address], 'add', 'c', ...at(nextPort), '--learner');
    assert.match(third, /it stays a learner until "lockstep member promote c"/);
    const c = await startPrinted(t, third);
    await until('it has caught up', async () => {
      const { code } = await lockstep(['member', 'promote', 'c', '--endpoints', b.address]);
      return code === 0;
    });
    await c.ready();
    assert.match(await member(endpoints, 'remove', 'b'), /member b \(\d+\) is removed/);
    assert.equal((await b.program.ended()).code, 1);
    const rest = await list([c.address]);
    assert.deepEqual(rest.map(({ name }) => name).sort(), ['a', 'c']);
  });
});
