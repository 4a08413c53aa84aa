import type { Row, Run, Scenario } from './model.ts';
import { describe } from './scenarios.ts';
import { median } from './statistics.ts';

const columns = [
  'members',
  'load',
  'system',
  'driver',
  'ops/s',
  'vs etcd',
  'p50 ms',
  'p99 ms',
  'server us/op',
  'server CPU',
  'driver CPU',
  'other CPU',
  'server MiB',
  'runs',
];
/** The first columns are words, the others numbers. */
const wordColumns = 4;

/** The numbers of a run, without its marks. */
export type Medians = Omit<Run, 'isVoid' | 'isNoisy'>;

export interface Summary {
  readonly row: Row;
  /** Medians over the runs that count; undefined when none does. */
  readonly medians: Medians | undefined;
  /** Runs in which the driver was the busier side, and which therefore do not count. */
  readonly voidRuns: number;
  /** Operations per second, divided by the best of etcd's rows for the same scenario; Lockstep's alone. */
  readonly ratio: number | undefined;
}

export function summarize(rows: readonly Row[]): Summary[] {
  const medians = rows.map((row) => mediansOf(row.runs.filter((run) => !run.isVoid)));
  // A void run of etcd is a lower bound of what etcd can do, so it still counts against Lockstep;
  // but when every one is void there is nothing to compare with.
  const etcdBest = (scenario: Scenario): number => {
    const etcd = rows.filter((row) => row.system === 'etcd' && row.scenario === scenario);
    if (!etcd.some((row) => row.runs.some((run) => !run.isVoid))) return 0;
    return Math.max(...etcd.map((row) => mediansOf(row.runs)?.operationsPerSecond ?? 0));
  };
  return rows.map((row, index) => {
    const best = etcdBest(row.scenario);
    const mine = medians[index];
    return {
      row,
      medians: mine,
      voidRuns: row.runs.filter((run) => run.isVoid).length,
      ratio:
        mine === undefined || best === 0 || row.system !== 'lockstep'
          ? undefined
          : mine.operationsPerSecond / best,
    };
  });
}

export function formatTable(summaries: readonly Summary[]): string {
  return formatColumns([columns, ...summaries.map(cells)], wordColumns);
}

/** Lines of cells with aligned columns, the first so many to the left and the others to the right. */
export function formatColumns(lines: readonly (readonly string[])[], words: number): string {
  const widths = (lines[0] ?? []).map((_, at) =>
    Math.max(...lines.map((line) => line[at]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, at) =>
          at < words ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cells(summary: Summary): string[] {
  const { row, medians, voidRuns, ratio } = summary;
  const { driver, putsUnderWay } = row.load;
  const ahead = putsUnderWay > 0 ? `, ${putsUnderWay} put${putsUnderWay > 1 ? 's' : ''}` : '';
  const words = [String(row.scenario.members), describe(row.scenario), row.system, driver + ahead];
  const noisy = row.runs.filter((run) => run.isNoisy && !run.isVoid).length;
  const runs = [
    `${row.runs.length - voidRuns}${noisy > 0 ? ` (${noisy} NOISY)` : ''}`,
    ...(voidRuns > 0 ? [`${voidRuns} VOID`] : []),
    ...(row.failures.length > 0 ? [`${row.failures.length} FAILED`] : []),
  ].join(' + ');
  // A row of void runs only is still worth seeing, as long as nobody takes it for a result.
  const shown = medians ?? mediansOf(row.runs);
  const numbers =
    shown === undefined
      ? columns.slice(wordColumns, -1).map(() => '-')
      : [
          Math.round(shown.operationsPerSecond).toLocaleString('en-US'),
          ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
          shown.p50Ms.toFixed(2),
          shown.p99Ms.toFixed(2),
          shown.serverMicrosPerOperation.toFixed(1),
          percent(shown.serverCores),
          percent(shown.driverCores),
          percent(shown.otherCores),
          String(Math.round(shown.serverMebibytes)),
        ];
  return [...words, ...numbers, runs];
}

function mediansOf(runs: readonly Run[]): Medians | undefined {
  if (runs.length === 0) return undefined;
  const of = (pick: (run: Run) => number): number => median(runs.map(pick));
  return {
    operationsPerSecond: of((run) => run.operationsPerSecond),
    p50Ms: of((run) => run.p50Ms),
    p99Ms: of((run) => run.p99Ms),
    serverMicrosPerOperation: of((run) => run.serverMicrosPerOperation),
    serverCores: of((run) => run.serverCores),
    driverCores: of((run) => run.driverCores),
    otherCores: of((run) => run.otherCores),
    serverMebibytes: of((run) => run.serverMebibytes),
  };
}

function percent(cores: number): string {
  return `${Math.round(cores * 100)} %`;
}
