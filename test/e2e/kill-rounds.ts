/**
 * Rounds of kill -9 under load, on real processes, and the proof that nothing was lost:
 *
 *   node --conditions=source --import tsx test/e2e/kill-rounds.ts --rounds 20 --clients 50
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { until } from '../harness/processes.ts';
import {
  type MemberProcess,
  planMembers,
  RealCluster,
  smallFiles,
} from '../harness/real-cluster.ts';
import { Load, loadPrefix } from './load.ts';
import { type Findings, verify } from './verify.ts';
import { WatchRecord } from './watch-record.ts';

export interface KillRoundsOptions {
  readonly rounds: number;
  readonly clients: number;
  readonly watchersPerMember: number;
  /** A client waits so long between two calls. */
  readonly pauseMs: number;
  /** The whole cluster runs so long between two rounds. */
  readonly settleMs: number;
  readonly flags: readonly string[];
  readonly print: (line: string) => void;
}

export interface KillRoundsResult extends Findings {
  readonly acknowledged: number;
  readonly ambiguous: number;
  readonly reads: number;
  /** For each round in which the leader was killed, the longest time without an acknowledged write. */
  readonly unavailableMs: readonly number[];
}

/** Two of three victims are the leader. */
function killsLeader(round: number): boolean {
  return round % 3 !== 0;
}

export async function killRounds(options: KillRoundsOptions): Promise<KillRoundsResult> {
  const cluster = new RealCluster(await planMembers(3, options.flags));
  const watchers: WatchRecord[] = [];
  let load: Load | undefined;
  try {
    await cluster.start();
    watchers.push(...startWatchers(cluster, options.watchersPerMember));
    await Promise.all(watchers.map(({ started }) => started));
    load = new Load({ endpoints: cluster.endpoints, ...options });
    await sleep(options.settleMs);
    const unavailableMs: number[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      const gapMs = await killOne(cluster, load, { ...options, round });
      if (killsLeader(round)) unavailableMs.push(gapMs);
    }
    await load.stop();
    const { acknowledged, ambiguous, reads } = load;
    return {
      ...(await verify(cluster, load, watchers)),
      acknowledged: acknowledged.size,
      ambiguous: ambiguous.size,
      reads,
      unavailableMs,
    };
  } finally {
    await load?.stop();
    await Promise.all(watchers.map((watcher) => watcher.close()));
    await cluster.kill();
  }
}

function startWatchers({ members, endpoints }: RealCluster, perMember: number): WatchRecord[] {
  return members.flatMap(({ name, address }) =>
    Array.from({ length: perMember }, (_, at) => {
      const own = [address, ...endpoints.filter((other) => other !== address)];
      const request = { prefix: loadPrefix };
      return new WatchRecord(`watcher ${at + 1} that began at ${name}`, own, request);
    }),
  );
}

/** One round. @returns the longest time without an acknowledged write, in milliseconds. */
async function killOne(
  cluster: RealCluster,
  load: Load,
  { round, settleMs, print }: KillRoundsOptions & { readonly round: number },
): Promise<number> {
  const { leader } = await cluster.leader();
  const victim = killsLeader(round) ? leader : follower(cluster, leader, round);
  const before = load.acknowledged.size;
  load.watchGaps();
  await victim.kill();
  const next = await cluster.leader();
  const elected = load.acknowledged.size;
  await until('writes go on', () => load.acknowledged.size > elected + 10, cluster);
  const unavailableMs = load.longestGapMs;
  victim.start();
  await victim.ready();
  await cluster.caughtUp();
  await sleep(settleMs);
  const gapMs = load.longestGapMs;
  const what = victim === leader ? `leader ${victim.name}` : `follower ${victim.name}`;
  print(
    `round ${round}: killed ${what}; no write for ${Math.round(unavailableMs)} ms, at most ` +
      `${Math.round(gapMs)} ms until it was back; then ${next.leader.name} led in term ` +
      `${next.term}; ${load.acknowledged.size - before} writes acknowledged`,
  );
  return gapMs;
}

function follower(cluster: RealCluster, leader: MemberProcess, round: number): MemberProcess {
  const others = cluster.others(leader);
  const chosen = others[round % others.length];
  assert(chosen !== undefined);
  return chosen;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const last = sorted.length - 1;
  const [low = 0, high = 0] = [sorted[Math.floor(last / 2)], sorted[Math.ceil(last / 2)]];
  return (low + high) / 2;
}

/** What the rounds showed, for people. */
export function table(rounds: number, result: KillRoundsResult): string {
  const { acknowledged, ambiguous, lost, wrong, watcherFaults, staleReads, reads } = result;
  const { unavailableMs } = result;
  const rows: readonly (readonly [string, string | number])[] = [
    ['rounds (of them with the leader killed)', `${rounds} (${unavailableMs.length})`],
    ['writes acknowledged', acknowledged],
    ['writes of unknown outcome', ambiguous],
    ['acknowledged writes lost', lost.length],
    ['other differences', wrong.length],
    ['watchers with a gap, duplicate or disorder', watcherFaults.length],
    ['stale reads', `${staleReads.length} of ${reads}`],
    ['unavailable after a leader kill, median', `${Math.round(median(unavailableMs))} ms`],
    ['unavailable after a leader kill, worst', `${Math.round(Math.max(0, ...unavailableMs))} ms`],
  ];
  const lines = rows.map(([what, value]) => `${what.padEnd(44)} ${value}`);
  const examples = [lost, wrong, watcherFaults, staleReads].flatMap((all) => all.slice(0, 5));
  return [...lines, ...examples].join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '20' },
      clients: { type: 'string', default: '50' },
      watchers: { type: 'string', default: '2' },
      'pause-ms': { type: 'string', default: '20' },
      'settle-ms': { type: 'string', default: '1000' },
      // Files as small as in the tests, so that rounds cross segments and snapshots.
      'small-files': { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const result = await killRounds({
    rounds,
    clients: Number(values.clients),
    watchersPerMember: Number(values.watchers),
    pauseMs: Number(values['pause-ms']),
    settleMs: Number(values['settle-ms']),
    flags: values['small-files'] ? smallFiles : [],
    print: console.log,
  });
  console.log(`\n${table(rounds, result)}`);
  const { lost, wrong, watcherFaults, staleReads, unavailableMs } = result;
  const faults = lost.length + wrong.length + watcherFaults.length + staleReads.length;
  const isSlow = median(unavailableMs) >= 2_000 || Math.max(...unavailableMs) >= 5_000;
  if (isSlow) console.log('too long: the bounds are 2 s for the median and 5 s for the worst');
  process.exitCode = faults > 0 || isSlow ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
