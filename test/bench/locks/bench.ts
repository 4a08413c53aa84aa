import { type System, startCluster } from '../clusters.ts';
import { etcd } from '../etcd.ts';
import { lockstep } from '../lockstep.ts';
import { otherCoresMax } from '../measure.ts';
import type { Cluster, LockStyle, SystemName } from '../model.ts';
import type { Options } from '../options.ts';
import { machineCpuSeconds, ownCpuSeconds } from '../processes.ts';
import { redis } from '../redis.ts';
import { median } from '../statistics.ts';
import { formatColumns } from '../table.ts';
import { takeAgain } from './age.ts';
import { handOver } from './hand-over.ts';
import { takeMany } from './many.ts';
import { cutOffHolder, type OverlapFigures } from './overlap.ts';
import { drainQueue } from './queue.ts';

/** One kind of lock on one system. */
interface Candidate {
  readonly system: SystemName;
  readonly style: LockStyle;
}

const candidates: readonly Candidate[] = [
  { system: 'etcd', style: 'v3lock' },
  { system: 'lockstep', style: 'mutex' },
];
const polling: Candidate = { system: 'redis', style: 'redlock' };
const overlapTtls = [5, 10];

/** How much of each; `--quick` is a tenth. */
interface Amounts {
  readonly handOvers: number;
  readonly polledHandOvers: number;
  readonly waiters: number;
  readonly locks: number;
  readonly cycles: number;
}
const amounts: Amounts = {
  handOvers: 100,
  polledHandOvers: 30,
  waiters: 1_000,
  locks: 10_000,
  cycles: 5_000,
};
const quickShare = 10;

export interface LocksReport {
  readonly text: string;
  readonly failures: readonly string[];
  /** Something else was busy meanwhile. */
  readonly isNoisy: boolean;
}

/** What is measured of locks beside their rate: hand-over, queue, number, age, and a holder that is cut off. */
export async function benchLocks(options: Options): Promise<LocksReport> {
  const failures: string[] = [];
  const much = options.quick ? tenthOf(amounts) : amounts;
  const one = options.members.includes(1);
  const bench = new LocksBench(options, failures);
  const sections: string[] = [];
  const since = { ms: performance.now(), machine: machineCpuSeconds(), own: ownCpuSeconds() };
  for (const members of options.members) sections.push(await bench.handOver(members, much));
  if (one) {
    sections.push(await bench.queue(much.waiters));
    sections.push(await bench.many(much.locks));
    sections.push(await bench.age(much.cycles));
    if (options.systems.includes('lockstep')) sections.push(await bench.overlap());
  }
  const seconds = (performance.now() - since.ms) / 1000;
  const own = ownCpuSeconds() - since.own;
  const otherCores = (machineCpuSeconds() - since.machine - own) / seconds;
  return { text: sections.join('\n\n'), failures, isNoisy: otherCores > otherCoresMax };
}

function tenthOf({ waiters, locks, ...rest }: Amounts): Amounts {
  // Those two are what the rows are about.
  const tenth = (amount: number): number => Math.ceil(amount / quickShare);
  return {
    ...{ waiters, locks, cycles: tenth(rest.cycles), handOvers: tenth(rest.handOvers) },
    polledHandOvers: tenth(rest.polledHandOvers),
  };
}

class LocksBench {
  readonly #options: Options;
  readonly #failures: string[];

  constructor(options: Options, failures: string[]) {
    this.#options = options;
    this.#failures = failures;
  }

  async handOver(members: number, { handOvers, polledHandOvers }: Amounts): Promise<string> {
    const all = [...candidates, ...(members === 1 ? [polling] : [])];
    const rows = await this.#each(all, members, this.#options.runs, (cluster, style) =>
      handOver(cluster, style, style === 'redlock' ? polledHandOvers : handOvers),
    );
    return section(
      `hand-over to the next waiter, in another process, ${members} member(s): from the call of release to holding`,
      ['system', 'lock', 'p50 ms', 'p99 ms', 'runs'],
      rows.map(({ system, style, figures }) => [
        ...[system, style],
        fixed(median(figures.map(({ p50Ms }) => p50Ms)), 2),
        fixed(median(figures.map(({ p99Ms }) => p99Ms)), 2),
        String(figures.length),
      ]),
      members === 1 ? 'redlock polls, every 200 ms give or take 100: for orientation' : undefined,
    );
  }

  async queue(waiters: number): Promise<string> {
    const rows = await this.#each(candidates, 1, 1, (cluster, style) =>
      drainQueue(cluster, style, waiters),
    );
    return section(
      `${waiters} waiters on one lock, over 10 connections`,
      ['system', 'lock', 'events per release', 'requests per release', 'all served ms'],
      rows.flatMap(({ system, style, figures }) =>
        figures.map(({ eventsPerRelease, requestsPerRelease, drainMs }) => [
          ...[system, style, fixed(eventsPerRelease, 2)],
          requestsPerRelease === undefined ? '' : fixed(requestsPerRelease, 2),
          fixed(drainMs, 0),
        ]),
      ),
      "events: watch events that the waiters' connections received; of etcd, that its server sent, to itself",
    );
  }

  async many(count: number): Promise<string> {
    const rows = await this.#each(candidates, 1, 1, (cluster, style) =>
      takeMany(cluster, style, count),
    );
    return section(
      `${count} locks held by one session, 100 asked for at a time`,
      ['system', 'lock', 'taken ms', 'renewals per TTL', 'server MiB', 'client MiB'],
      rows.flatMap(({ system, style, figures }) =>
        figures.map(({ takeMs, renewalsPerTtl, serverMebibytes, clientMebibytes }) => [
          ...[system, style, fixed(takeMs, 0), renewalsPerTtl?.toString() ?? ''],
          `${fixed(serverMebibytes.before, 0)} to ${fixed(serverMebibytes.after, 0)}`,
          `${fixed(clientMebibytes.before, 0)} to ${fixed(clientMebibytes.after, 0)}`,
        ]),
      ),
      'a session renews its lease three times in a TTL, however many locks it holds',
    );
  }

  async age(cycles: number): Promise<string> {
    const rows = await this.#each(candidates, 1, 1, (cluster, style) =>
      takeAgain(cluster, style, cycles),
    );
    return section(
      `one lock, one worker: taken and let go, at first and after ${cycles} times`,
      ['system', 'lock', 'fresh p50 ms', 'aged p50 ms'],
      rows.flatMap(({ system, style, figures }) =>
        figures.map(({ freshMs, agedMs }) => [
          ...[system, style, fixed(freshMs, 2), fixed(agedMs, 2)],
        ]),
      ),
    );
  }

  async overlap(): Promise<string> {
    const found: OverlapFigures[] = [];
    await this.#once({ system: 'lockstep', style: 'mutex' }, 1, async (cluster) => {
      found.push(...(await Promise.all(overlapTtls.map((ttl) => cutOffHolder(cluster, ttl)))));
    });
    for (const { ttl, firstToldMs, secondHeldMs } of found) {
      if (firstToldMs < secondHeldMs) continue;
      this.#failures.push(`two believed to hold the same lock, at a TTL of ${ttl} s`);
    }
    return section(
      'a holder that is cut off without a word: two who believe to hold the lock',
      ['lock', 'TTL s', 'second held', 'first told', 'overlap'],
      [
        ...found.map(({ ttl, firstToldMs, secondHeldMs }) => [
          ...['mutex', String(ttl), after(secondHeldMs), after(firstToldMs)],
          `${fixed(Math.max(0, firstToldMs - secondHeldMs) / 1000, 1)} s`,
        ]),
        ...published,
      ],
      '*: not of this run; measured earlier with etcd3 1.1.2 and redlock 5.0.0-beta.2',
    );
  }

  /** Runs each candidate so often, in turns, each time on a cluster of its own. */
  async #each<Figures>(
    all: readonly Candidate[],
    members: number,
    runs: number,
    measure: (cluster: Cluster, style: LockStyle) => Promise<Figures>,
  ): Promise<(Candidate & { readonly figures: Figures[] })[]> {
    const rows = all
      .filter(({ system }) => this.#options.systems.includes(system))
      .map((candidate) => ({ ...candidate, figures: [] as Figures[] }));
    for (let run = 0; run < runs; run++) {
      for (const row of rows) {
        await this.#once(row, members, async (cluster) => {
          row.figures.push(await measure(cluster, row.style));
        });
      }
    }
    return rows;
  }

  async #once(
    { system, style }: Candidate,
    members: number,
    measure: (cluster: Cluster) => Promise<void>,
  ): Promise<void> {
    const systems: Readonly<Record<SystemName, System>> = {
      ...{ etcd, redis },
      lockstep: lockstep([]),
    };
    try {
      const cluster = await startCluster(systems[system], members, this.#options.dataRoot);
      try {
        await measure(cluster);
      } finally {
        await cluster.stop();
      }
    } catch (error) {
      this.#failures.push(`${style}: ${String(error)}`);
    }
  }
}

/** Figures of other libraries, whose holders were cut off in the same way. */
const published: readonly (readonly string[])[] = [
  ['etcd3 *', '5', '+5.4 s', '+10.2 s', '4.8 s'],
  ['etcd3 *', '10', '+10.3 s', '+20.2 s', '9.9 s'],
  ['redlock, commandTimeout 500 ms *', '5', '+3.4 s', '+10.7 s', '7.3 s'],
  ['redlock *', '5', '+3.4 s', 'not within 60 s', 'over 56 s'],
];

function section(
  title: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
  note?: string,
): string {
  const table = formatColumns([header, ...rows], 1);
  return [title, table, ...(note === undefined ? [] : [note])].join('\n');
}

function after(ms: number): string {
  return `+${fixed(ms / 1000, 1)} s`;
}

function fixed(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
