import assert from 'node:assert/strict';
import test from 'node:test';
import type { DriverName, Row, Run, Scenario, SystemName } from './model.ts';
import { formatTable, summarize } from './table.ts';

const scenario: Scenario = { operation: 'put', members: 1, connections: 10, perConnection: 10 };

function run(operationsPerSecond: number, isVoid = false, isNoisy = false): Run {
  return {
    ...{ operationsPerSecond, p50Ms: 1, p99Ms: 2, serverMicrosPerOperation: 3 },
    ...{ serverCores: 1, driverCores: 0.5, otherCores: 0, serverMebibytes: 64 },
    ...{ isVoid, isNoisy },
  };
}

function row(system: SystemName, runs: Run[], driver: DriverName = 'frames'): Row {
  return { scenario, system, load: { driver, putsUnderWay: 0 }, runs, failures: [] };
}

test("the ratio is of medians, against the best of etcd's rows", () => {
  const rows = [
    row('etcd', [run(90), run(100), run(500)]),
    row('lockstep', [run(400), run(300), run(1)]),
    row('etcd', [run(150)], 'h2load'),
  ];
  assert.equal(summarize(rows)[1]?.ratio, 2);
});

test('a void run does not count for Lockstep, but it counts for etcd', () => {
  const rows = [
    row('etcd', [run(100)]),
    row('etcd', [run(200, true)], 'h2load'),
    row('lockstep', [run(900, true), run(400)]),
  ];
  const [, , lockstep] = summarize(rows);
  assert.equal(lockstep?.ratio, 2);
  assert.equal(lockstep?.voidRuns, 1);
});

test('there is no ratio when all runs of either side are void, and the table says so', () => {
  const rows = [row('etcd', [run(100, true)]), row('lockstep', [run(900)])];
  const summaries = summarize(rows);
  assert.equal(summaries[1]?.ratio, undefined);
  assert.match(formatTable(summaries), /0 \+ 1 VOID/);
  assert.equal(
    summarize([row('etcd', [run(1)]), row('lockstep', [run(9, true)])])[1]?.ratio,
    undefined,
  );
});

test('a run that was disturbed is counted, and the table says so', () => {
  const rows = [row('etcd', [run(100), run(100, false, true)])];
  assert.match(formatTable(summarize(rows)), /2 \(1 NOISY\)/);
});

test('Redis, which syncs nothing to disk, gets no ratio', () => {
  const rows = [row('etcd', [run(100)], 'v3lock'), row('redis', [run(900)], 'redlock')];
  assert.deepEqual(
    summarize(rows).map(({ ratio }) => ratio),
    [undefined, undefined],
  );
});
