import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Client, InvalidError } from '@lockstep/client';
import { type JobRun, type JobTask, PeriodicJob } from '@lockstep/election';
import type { TestCluster } from '@lockstep/server/testing';
import { cuttableClient, startCluster } from '../harness/contenders.ts';
import { gate } from '../harness/elections.ts';

interface Start {
  readonly by: string;
  readonly at: number;
  readonly run: JobRun;
}

/** Takes part, and notes each start. */
function join(
  t: TestContext,
  cluster: TestCluster,
  made: {
    readonly by: string;
    readonly starts: Start[];
    readonly client?: Client;
    readonly everyMs?: number;
    readonly errors?: unknown[];
    readonly task?: JobTask;
  },
): { readonly job: PeriodicJob; readonly running: Promise<void>; stop(): void } {
  const { by, starts, client = cluster.client(), everyMs = 60_000, errors = [], task } = made;
  const job = new PeriodicJob(client, 'nightly', {
    everyMs,
    identity: by,
    task: async (term, run) => {
      starts.push({ by, at: cluster.now, run });
      await task?.(term, run);
    },
  });
  const end = new AbortController();
  t.after(() => end.abort());
  const running = job.run({ signal: end.signal, onError: (error) => errors.push(error) });
  running.catch(() => {});
  return { job, running, stop: () => end.abort() };
}

function gaps(starts: readonly Start[]): number[] {
  return starts.slice(1).map(({ at }, before) => at - (starts[before]?.at ?? 0));
}

test('one of the fleet runs the job, once a period, and counts the runs', async (t) => {
  const cluster = await startCluster(t);
  const starts: Start[] = [];
  for (const by of ['a', 'b', 'c']) join(t, cluster, { by, starts });
  await cluster.advance(181_000);
  assert.deepEqual(
    starts.map(({ run }) => run.number),
    [1, 2, 3, 4],
  );
  assert.equal(new Set(starts.map(({ by }) => by)).size, 1);
  for (const gap of gaps(starts)) assert.ok(gap >= 60_000 && gap < 60_200, `${gap} ms`);
  const [first, second] = starts;
  assert.equal(first?.run.lastStartedAt, undefined);
  assert.deepEqual(second?.run.lastStartedAt, first?.run.startedAt);
});

test('a new leader runs neither early nor a second time, and what was missed is one run', async (t) => {
  const cluster = await startCluster(t);
  const starts: Start[] = [];
  const { client, cutOff } = cuttableClient(cluster);
  join(t, cluster, { by: 'a', starts, client });
  await cluster.advance(1_000);
  const second = join(t, cluster, { by: 'b', starts });
  await cluster.advance(500);
  cutOff(true);
  await cluster.advance(65_000);
  assert.deepEqual(
    starts.map(({ by, run }) => [by, run.number]),
    [
      ['a', 1],
      ['b', 2],
    ],
  );
  assert.ok((gaps(starts)[0] ?? 0) >= 60_000, `after ${gaps(starts)[0]} ms`);
  // Nobody is there for ten periods, and the one who comes then makes up for one.
  second.stop();
  await cluster.advance(600_000);
  join(t, cluster, { by: 'c', starts });
  await cluster.advance(60_500);
  assert.deepEqual(
    starts.map(({ by }) => by),
    ['a', 'b', 'c', 'c'],
  );
});

test('a run that was begun and broke off is not made up for before its period is over', async (t) => {
  const cluster = await startCluster(t);
  const starts: Start[] = [];
  const { client, cutOff } = cuttableClient(cluster);
  const stops: boolean[] = [];
  const task: JobTask = async (_, { stop }) => {
    await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()));
    stops.push(stop.aborted);
  };
  join(t, cluster, { by: 'a', starts, client, task });
  await cluster.advance(1_000);
  cutOff(true);
  join(t, cluster, { by: 'b', starts });
  await cluster.advance(40_000);
  assert.deepEqual([starts.length, stops], [1, [true]]);
  await cluster.advance(25_000);
  assert.deepEqual(
    starts.map(({ by }) => by),
    ['a', 'b'],
  );
});

test('a task that takes longer than a period delays the next, and runs are never two at once', async (t) => {
  const cluster = await startCluster(t, 1);
  const starts: Start[] = [];
  const long = gate();
  join(t, cluster, {
    by: 'a',
    starts,
    task: (_, { number }) => (number === 1 ? long.opened : undefined),
  });
  await cluster.advance(150_000);
  assert.equal(starts.length, 1);
  long.open();
  await cluster.advance(1_000);
  assert.equal(starts.length, 2, 'at once, and once');
  await cluster.advance(58_000);
  assert.equal(starts.length, 2);
  await cluster.advance(2_000);
  assert.equal(starts.length, 3);
});

test('what a task throws is told, and it is tried again when the next run is due', async (t) => {
  const cluster = await startCluster(t, 1);
  const starts: Start[] = [];
  const errors: unknown[] = [];
  const failure = new Error('the disk is full');
  join(t, cluster, {
    by: 'a',
    starts,
    errors,
    task: (_, { number }) => {
      if (number < 3) throw failure;
    },
  });
  await cluster.advance(130_000);
  assert.deepEqual([starts.length, errors], [3, [failure, failure]]);
  for (const gap of gaps(starts)) assert.ok(gap >= 60_000, `${gap} ms`);
});

test('a stopped job ends when its task has ended, and lets another member go on', async (t) => {
  const cluster = await startCluster(t, 1);
  const starts: Start[] = [];
  const work = gate();
  const { running, stop, job } = join(t, cluster, { by: 'a', starts, task: () => work.opened });
  join(t, cluster, { by: 'b', starts });
  await cluster.advance(1_000);
  let isOver = false;
  const over = running.then(() => {
    isOver = true;
  });
  stop();
  await cluster.advance(10_000);
  assert.deepEqual([isOver, (await job.election.leader())?.identity], [false, 'a']);
  work.open();
  await over;
  await cluster.advance(60_000);
  assert.deepEqual(
    starts.map(({ by }) => by),
    ['a', 'b'],
  );
});

test('a wall clock that was wrong delays the next run of a new leader by a period at most', async (t) => {
  const cluster = await startCluster(t, 1);
  const starts: Start[] = [];
  const first = join(t, cluster, { by: 'a', starts });
  await cluster.advance(1_000);
  first.stop();
  await first.running;
  cluster.jumpWallClock(-3_600_000);
  join(t, cluster, { by: 'b', starts });
  await cluster.advance(59_000);
  assert.equal(starts.length, 1);
  await cluster.advance(2_000);
  assert.equal(starts.length, 2);
});

test('within a term the wall clock has no say', async (t) => {
  const cluster = await startCluster(t, 1);
  const starts: Start[] = [];
  join(t, cluster, { by: 'a', starts, task: () => cluster.jumpWallClock(5_000) });
  await cluster.advance(181_000);
  assert.equal(starts.length, 4);
  for (const gap of gaps(starts)) assert.ok(gap >= 60_000 && gap < 60_200, `${gap} ms`);
});

test('a store that is away for a while delays a run, and does not double it', async (t) => {
  const cluster = await startCluster(t, 1);
  const starts: Start[] = [];
  const errors: unknown[] = [];
  join(t, cluster, { by: 'a', starts, errors });
  await cluster.advance(59_000);
  cluster.cutClients();
  await cluster.advance(7_500);
  cluster.restoreClients();
  await cluster.advance(20_000);
  assert.equal(starts.length, 2);
  await cluster.advance(60_000);
  assert.equal(starts.length, 3);
  for (const gap of gaps(starts)) assert.ok(gap >= 60_000, `${gap} ms`);
});

test('another thing in the key of the last run is written over', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  await client.put('nightly.last-run', 'yesterday');
  const starts: Start[] = [];
  join(t, cluster, { by: 'a', starts, client });
  await cluster.advance(1_000);
  assert.deepEqual(
    starts.map(({ run }) => run.number),
    [1],
  );
});

test('jobs that are wrong are refused with what would be right', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const task = (): void => {};
  for (const everyMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const make = (): unknown => new PeriodicJob(client, 'nightly', { everyMs, task });
    assert.throws(
      make,
      (error) => error instanceof InvalidError && /everyMs is/.test(error.message),
    );
  }
  const none = 'echo' as unknown as JobTask;
  assert.throws(() => new PeriodicJob(client, 'n', { everyMs: 1, task: none }), /needs a task/);
  assert.throws(() => new PeriodicJob(client, '', { everyMs: 1, task }), /is empty/);
});
