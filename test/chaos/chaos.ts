import { cpSync, lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../server/src/core/base/random.ts';
import { History } from '../checkers/history.ts';
import { temporaryDirectory, until } from '../harness/processes.ts';
import { ChaosCluster } from './chaos-cluster.ts';
import { finalStates, type MemberState } from './final-state.ts';
import type { Recording } from './history-file.ts';
import { Nemesis } from './nemesis.ts';
import { Outages } from './outages.ts';
import type { Tools } from './tools.ts';
import { Watchers } from './watchers.ts';
import { Workload } from './workload.ts';

export interface ChaosOptions {
  /** How long harm is done; before and after it the cluster is whole. */
  readonly seconds: number;
  /** End when each kind of harm was done. */
  readonly isOnce: boolean;
  readonly seed: number;
  readonly members: number;
  /** Calls in a second, at most. */
  readonly rate: number;
  readonly tools: Tools;
  /** All members are put back to an earlier day at the end, which no store can bear and every checker must see. */
  readonly isPlanted: boolean;
  readonly print: (line: string) => void;
}

export interface ChaosResult extends Recording {
  /** Faults done, by kind. */
  readonly done: ReadonlyMap<string, number>;
  readonly unavailableMs: readonly number[];
  /** What went wrong besides the history: what did not get well, or did not catch up, in time. */
  readonly failures: readonly string[];
}

const progressWithinMs = 15_000;
/** Some times the longest that one is granted for. */
const leasesWithinMs = 20_000;
/** A short run does each thing for a shorter time. */
const shortSeconds = 90;

/** One run: harm under load, then peace, then what everybody saw and what every member holds. */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, seconds, rate, tools, print } = options;
  const random = new Random(seed);
  const history = new History();
  const outages = new Outages();
  const cluster = await ChaosCluster.plan(options.members, tools);
  const note = (what: string): void => {
    history.harm(performance.now(), what);
    print(what);
  };
  const isShort = options.isOnce || seconds < shortSeconds;
  const pace = { lastsMsMax: isShort ? 1_200 : 6_000, calmMsMax: isShort ? 200 : 2_000 };
  const nemesis = new Nemesis({ chaos: cluster, random, outages, note, ...pace });
  const failures: string[] = [];
  let states: MemberState[] = [];
  let watchers: Watchers | undefined;
  let workload: Workload | undefined;
  try {
    await cluster.cluster.start();
    const { endpoints } = cluster;
    const nameOf = (endpoint: string): string => cluster.nameOf(endpoint);
    watchers = new Watchers({ endpoints, nameOf, seed, history });
    workload = new Workload({ endpoints, seed, history, outages, rate });
    await goesOn(outages);
    await nemesis.run(seconds, options.isOnce);
    if (options.isOnce && nemesis.left.length > 0) {
      failures.push(`not done within ${seconds} s: ${nemesis.left.join('; ')}`);
    }
    if (options.isPlanted) await plant(cluster, outages, note);
    await cluster.well();
    await goesOn(outages);
    await workload.stop();
    await leasesEnd(cluster);
    states = await finalStates(cluster);
    await toldUpTo(watchers, Math.max(...states.map(({ revision }) => revision)));
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  } finally {
    await workload?.stop();
    await watchers?.stop();
    await cluster.close();
  }
  history.close();
  return {
    seed,
    history,
    states,
    done: nemesis.done,
    unavailableMs: nemesis.unavailableMs,
    failures,
  };
}

async function goesOn(outages: Outages): Promise<void> {
  const before = outages.acknowledged;
  const some = (): boolean => outages.acknowledged > before + 50;
  await until('clients are served', some, { withinMs: progressWithinMs });
}

/** Nobody keeps a lease any more, so none may be kept for ever. @throws Error with what is left. */
async function leasesEnd({ members }: ChaosCluster): Promise<void> {
  await until(
    'all leases have ended',
    async () => {
      const statuses = await Promise.all(members.map((member) => member.status()));
      return statuses.every(({ leases }) => leases === 0);
    },
    { withinMs: leasesWithinMs },
  );
}

/** @throws Error naming the watchers that were not told everything in time. */
async function toldUpTo({ all }: Watchers, revision: number): Promise<void> {
  const late = (): string =>
    all
      .filter(({ told }) => told < revision)
      .map(({ told, record }) => `${record.name} was told up to ${told}`)
      .join('; ');
  await until(`watchers are told up to revision ${revision}`, () => late() === '', {
    withinMs: progressWithinMs,
    describe: late,
  });
}

/** All members lose what they acknowledged in the last seconds, at once. */
async function plant(
  { cluster, members }: ChaosCluster,
  outages: Outages,
  note: (what: string) => void,
): Promise<void> {
  const copies = temporaryDirectory();
  await cluster.kill();
  for (const { name, plan } of members) {
    // A lock that was left behind is a socket, which nobody can copy.
    const filter = (file: string): boolean => !lstatSync(file).isSocket();
    cpSync(plan.dataDir, join(copies, name), { recursive: true, filter });
  }
  await cluster.start();
  await goesOn(outages);
  await cluster.kill();
  for (const { name, plan } of members) {
    rmSync(plan.dataDir, { recursive: true });
    cpSync(join(copies, name), plan.dataDir, { recursive: true });
  }
  await cluster.start();
  note('planted: all members were put back to an earlier moment');
}
