/** The bench: `npm run bench -- --help`. What the table says and does not say is in README.md. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { arch, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type System, startCluster } from './clusters.ts';
import { etcd } from './etcd.ts';
import { benchLocks } from './locks/bench.ts';
import { lockstep } from './lockstep.ts';
import { measure } from './measure.ts';
import type { DriverName, Row, Run, Scenario, SystemName } from './model.ts';
import { type Options, parseOptions, usage } from './options.ts';
import { cleanUp, isMemoryFileSystem, removeDirectory, scratchDirectory } from './processes.ts';
import { driverProfile, formatProfiles, profileInto } from './profile.ts';
import { redis } from './redis.ts';
import { describe, planScenarios } from './scenarios.ts';
import { formatTable, summarize } from './table.ts';

/** Output of a program's version flag; exits when the program is not there. */
function versionOf(program: string, debianPackage: string): string {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (status === 0) return stdout.split('\n')[0] ?? '';
  console.error(`bench: ${program} is missing; on Debian: apt-get install ${debianPackage}`);
  process.exit(1);
}

function describeMachine(options: Options): string {
  const { systems, operations } = options;
  const needsH2load =
    operations.some((each) => each !== 'lock' && each !== 'watch') && options.keys === 1;
  const needsRedis = operations.includes('lock') && systems.includes('redis');
  const tools = [
    ...(systems.includes('etcd') ? [versionOf('etcd', 'etcd-server')] : []),
    ...(needsH2load ? [versionOf('h2load', 'nghttp2-client')] : []),
    ...(needsRedis ? [versionOf('redis-server', 'redis-server')] : []),
  ];
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Linux ${release()} ${arch()}`;
  return [machine, `Node ${process.version}`, ...tools].join('; ');
}

/** Who takes part in a scenario, and how the load is made. */
function planRows(scenario: Scenario, options: Options): Row[] {
  const plan = (system: SystemName, driver: DriverName, putsUnderWay = 0): Row => ({
    ...{ scenario, system, load: { driver, putsUnderWay } },
    ...{ runs: [], failures: [] },
  });
  const rows: Row[] = [];
  if (scenario.operation === 'lock') {
    rows.push(plan('etcd', 'v3lock'), plan('etcd', 'kv txn'), plan('lockstep', 'mutex'));
    if (scenario.members === 1) rows.push(plan('redis', 'redlock'));
  } else if (scenario.operation === 'watch') {
    for (const puts of options.putsUnderWay) {
      rows.push(plan('etcd', 'frames', puts), plan('lockstep', 'frames', puts));
      rows.push(plan('lockstep', 'grpc', puts));
    }
  } else {
    rows.push(plan('etcd', 'frames'), plan('lockstep', 'frames'));
    if (options.keys === 1) rows.push(plan('etcd', 'h2load'), plan('lockstep', 'h2load'));
    if (options.keys === 1 && options.http) rows.push(plan('lockstep', 'h2load http/1.1'));
  }
  return rows.filter((row) => options.systems.includes(row.system));
}

async function runOnce(row: Row, options: Options): Promise<Run> {
  const scratch = scratchDirectory(tmpdir());
  const profiled = options.profile && row.system === 'lockstep';
  const profile = join(scratch, 'profile');
  const systems = { etcd, redis, lockstep: lockstep(profiled ? profileInto(profile) : []) };
  const system: System = systems[row.system];
  const cluster = await startCluster(system, row.scenario.members, options.dataRoot);
  let run: Run;
  try {
    run = await measure(cluster, row.scenario, row.load, options, scratch);
  } finally {
    await cluster.stop();
  }
  if (profiled) {
    console.error(formatProfiles(profile));
    if (row.load.driver === 'mutex')
      console.error(`driver:\n${formatProfiles(driverProfile(scratch))}`);
  }
  removeDirectory(scratch);
  return run;
}

/** All runs of one scenario, the systems taking turns. */
async function runScenario(scenario: Scenario, options: Options): Promise<Row[]> {
  const rows = planRows(scenario, options);
  for (let turn = 1; turn <= options.runs; turn++) {
    for (const row of rows) {
      const title = `${scenario.members} member(s), ${describe(scenario)}, ${row.system}, run ${turn}`;
      try {
        const run = await runOnce(row, options);
        row.runs.push(run);
        const note = (run.isVoid ? ' VOID' : '') + (run.isNoisy ? ' NOISY' : '');
        console.error(`${title}: ${Math.round(run.operationsPerSecond)} ops/s${note}`);
      } catch (error) {
        row.failures.push(String(error));
        console.error(`${title}: FAILED: ${String(error)}`);
      }
    }
  }
  return rows;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(usage);
    return;
  }
  const machine = describeMachine(options);
  if (isMemoryFileSystem(options.dataRoot)) {
    throw new Error(`${options.dataRoot} is in memory, where a sync is free: give --data-root`);
  }
  const rows: Row[] = [];
  for (const scenario of planScenarios(options)) {
    rows.push(...(await runScenario(scenario, options)));
  }
  const withLocks = options.operations.includes('lock') && !options.profile;
  const locks = withLocks ? await benchLocks(options) : { text: '', failures: [], isNoisy: false };
  const summaries = summarize(rows);
  console.log(machine);
  console.log(
    `16-byte keys (${options.keys}), 256-byte values; median of ${options.runs} run(s) of ` +
      `${options.seconds} s after ${options.warmUpSeconds} s of warm-up`,
  );
  console.log(formatTable(summaries));
  if (rows.some((row) => row.system === 'redis')) {
    console.log(
      'redlock: one Redis without persistence, which syncs nothing to disk: for orientation only.',
    );
  }
  if (locks.text !== '') console.log(`\n${locks.text}`);
  for (const failure of locks.failures) console.error(`FAILED: ${failure}`);
  if (locks.isNoisy || rows.some((row) => row.runs.some((run) => run.isNoisy))) {
    console.log('NOISY: something else used this machine; do not quote these figures.');
  }
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ machine, options, summaries, locks }, null, 2)}\n`,
    );
  }
  if (locks.failures.length > 0 || rows.some((row) => row.failures.length > 0))
    process.exitCode = 1;
}

process.once('exit', cleanUp);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}
main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
