import { setTimeout as sleep } from 'node:timers/promises';
import { type Driver, startDriver } from './driver-process.ts';
import { etcdPlan, lockstepHttpPlan, startH2load } from './h2load.ts';
import {
  type Cluster,
  type DriverName,
  type DriverReport,
  type LoadStyle,
  lockStyles,
  type Run,
  type Scenario,
} from './model.ts';
import type { Options } from './options.ts';
import { cpuSeconds, machineCpuSeconds, residentMebibytes } from './processes.ts';
import { driverProfile, profileInto } from './profile.ts';
import { connectionTargets } from './scenarios.ts';
import { keyOf, value } from './workload.ts';

const seedersMax = 50;
/** h2load is told how long to run; it must still be running when the window closes. */
const h2loadMarginSeconds = 1;
/** Kernel threads that write the disk take a little; beyond this, somebody else is working. */
export const otherCoresMax = 0.2;
/** Of these the driver is what its users run, so what it costs belongs to the figure. */
const wholeClients: readonly DriverName[] = ['mutex', 'redlock'];

/** Runs one scenario once against a fresh cluster. @throws Error when the result would be worthless. */
export async function measure(
  cluster: Cluster,
  scenario: Scenario,
  style: LoadStyle,
  options: Options,
  scratch: string,
): Promise<Run> {
  if (scenario.operation === 'get') await seed(cluster, options.keys);
  const revisionBefore = await cluster.revision();
  const driver = await begin(cluster, scenario, style, options, scratch);
  await sleep(options.warmUpSeconds * 1000);
  const before = sample(cluster, driver);
  await sleep(options.seconds * 1000);
  const after = sample(cluster, driver);
  const serverMebibytes = residentMebibytes(cluster.pids);
  const report = await driver.stop({ fromMs: before.atMs, toMs: after.atMs });
  checkRevision(report, (await cluster.revision()) - revisionBefore);
  if (report.operations === 0) throw new Error('nothing was answered in the measured time');
  const seconds = (after.atMs - before.atMs) / 1000;
  const serverSeconds = after.serverSeconds - before.serverSeconds;
  const driverSeconds = after.driverSeconds - before.driverSeconds;
  const machineSeconds = after.machineSeconds - before.machineSeconds;
  const otherCores = Math.max(0, machineSeconds - serverSeconds - driverSeconds) / seconds;
  return {
    operationsPerSecond: report.operations / seconds,
    p50Ms: report.p50Ms,
    p99Ms: report.p99Ms,
    serverMicrosPerOperation: (serverSeconds * 1e6) / report.operations,
    serverCores: serverSeconds / seconds,
    driverCores: driverSeconds / seconds,
    otherCores,
    serverMebibytes,
    isVoid: driverSeconds > serverSeconds && !wholeClients.includes(style.driver),
    isNoisy: otherCores > otherCoresMax,
  };
}

async function begin(
  cluster: Cluster,
  scenario: Scenario,
  style: LoadStyle,
  options: Options,
  scratch: string,
): Promise<Driver> {
  const { operation, perConnection } = scenario;
  const endpoints = connectionTargets(scenario, cluster.endpoints);
  if (operation === 'lock') {
    const driver = lockStyles.find((each) => each === style.driver);
    if (driver === undefined) throw new Error(`${style.driver} takes no locks`);
    const [endpoint] = cluster.endpoints;
    const profiling =
      options.profile && driver === 'mutex' ? profileInto(driverProfile(scratch)) : [];
    return startDriver(
      { kind: 'lock', style: driver, endpoint, workers: perConnection },
      profiling,
    );
  }
  if (cluster.system === 'redis') throw new Error('Redis is here for its locks alone');
  const system = style.driver === 'grpc' ? 'etcd' : cluster.system;
  if (operation === 'watch') {
    return startDriver({
      kind: 'watch',
      system,
      writer: cluster.endpoints[0],
      endpoints,
      watchesPerConnection: perConnection,
      putsUnderWay: style.putsUnderWay,
    });
  }
  if (style.driver === 'frames') {
    const { keys } = options;
    return startDriver({
      kind: 'load',
      system,
      operation,
      endpoints,
      inFlight: perConnection,
      keys,
    });
  }
  const seconds = options.warmUpSeconds + options.seconds + h2loadMarginSeconds;
  if (style.driver === 'h2load') {
    return startH2load(etcdPlan(operation), endpoints, perConnection, seconds, scratch);
  }
  // HTTP/1.1 has one request in flight on a connection, so every client has its own.
  const clients = endpoints.flatMap((each) => Array.from({ length: perConnection }, () => each));
  return startH2load(lockstepHttpPlan(operation), clients, 1, seconds, scratch);
}

interface Sample {
  readonly atMs: number;
  readonly serverSeconds: number;
  readonly driverSeconds: number;
  readonly machineSeconds: number;
}

function sample(cluster: Cluster, driver: Driver): Sample {
  return {
    atMs: Date.now(),
    serverSeconds: cpuSeconds(cluster.pids),
    driverSeconds: cpuSeconds(driver.pids),
    machineSeconds: machineCpuSeconds(),
  };
}

/** Every acknowledged put is a revision, and nothing else made one. */
function checkRevision(report: DriverReport, written: number): void {
  const { answeredPuts, unansweredPuts } = report;
  if (written < answeredPuts || written > answeredPuts + unansweredPuts) {
    throw new Error(`${answeredPuts} puts were acknowledged, but the revision rose by ${written}`);
  }
}

async function seed(cluster: Cluster, keys: number): Promise<void> {
  let next = 0;
  const seeder = async (): Promise<void> => {
    while (next < keys) await cluster.put(keyOf(next++), value);
  };
  await Promise.all(Array.from({ length: Math.min(keys, seedersMax) }, seeder));
}
