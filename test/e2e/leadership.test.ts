import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../harness/processes.ts';
import {
  type MemberProcess,
  type RealCluster,
  smallFiles,
  startCluster,
} from '../harness/real-cluster.ts';
import { Load, loadPrefix } from './load.ts';
import * as pause from './pause.ts';
import { verify } from './verify.ts';
import { WatchRecord } from './watch-record.ts';

/** So long that whoever leads sooner was handed the leadership. */
const electionMs = 3_000;

// Both wait most of the time, so they run at the same time.
describe('changes of the leader under load', { concurrency: 2 }, () => {
  test('a rolling restart under load: leadership is handed over, and no write fails', async (t) => {
    const cluster = await startCluster(t, 3, [...smallFiles, '--election-ms', String(electionMs)]);
    const watcher = new WatchRecord('watcher', cluster.endpoints, { prefix: loadPrefix });
    t.after(() => watcher.close());
    await watcher.started;
    const load = new Load({ endpoints: cluster.endpoints, clients: 10, pauseMs: 40 });
    t.after(() => load.stop());
    await until('there is load', () => load.acknowledged.size > 100);

    // The leader first, so that one handover is certain; then the rest, whoever leads.
    const { leader } = await cluster.leader();
    for (const member of [leader, ...cluster.others(leader)]) {
      const gapMs = await restart(cluster, load, member);
      t.diagnostic(`${member.name} restarted: at most ${Math.round(gapMs)} ms without a write`);
    }
    await load.stop();
    t.diagnostic(`${load.acknowledged.size} writes acknowledged, errors: ${errorsOf(load)}`);
    assert.deepEqual([...load.failed], []);
    // Members that stop in order leave no write in doubt (PROTOCOL [W-13]).
    assert.deepEqual([...load.ambiguous], []);
    const { lost, wrong, watcherFaults, staleReads } = await verify(cluster, load, [watcher]);
    assert.deepEqual([lost, wrong, watcherFaults, staleReads], [[], [], [], []]);
  });

  test('a leader that is paused for 5 s is replaced, steps down, loses nothing and answers nothing stale', async (t) => {
    const result = await pause.pauseLeader(5_000, 10);
    t.diagnostic(pause.describe(result));
    assert.deepEqual(pause.faultsOf(result), []);
    assert.equal(result.lateAnswers.length, 20);
  });
});

async function restart(cluster: RealCluster, load: Load, member: MemberProcess): Promise<number> {
  const before = await cluster.leader();
  load.watchGaps();
  assert.deepEqual(await member.stop(), { code: 0, signal: null }, member.describe());
  const after = await cluster.leader();
  if (before.leader === member) {
    assert.equal(after.term, before.term + 1, 'one election, and by handover');
    const count = load.acknowledged.size;
    await until('writes go on', () => load.acknowledged.size > count + 20, cluster);
    assert.ok(load.longestGapMs < electionMs, `no write for ${load.longestGapMs} ms`);
  } else assert.equal(after.term, before.term, 'a follower leaves without an election');
  const gapMs = load.longestGapMs;
  member.start();
  await member.ready();
  await cluster.caughtUp();
  return gapMs;
}

function errorsOf({ errors }: Load): string {
  return JSON.stringify(Object.fromEntries(errors));
}
