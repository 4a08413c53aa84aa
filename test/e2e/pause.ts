/**
 * Stops the leader for a while without killing it (SIGSTOP, then SIGCONT), under load:
 *
 *   node --conditions=source --import tsx test/e2e/pause.ts --seconds 30
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type HttpAnswer, http, until } from '../harness/processes.ts';
import { planMembers, RealCluster, smallFiles } from '../harness/real-cluster.ts';
import { Load, loadPrefix } from './load.ts';
import { type Findings, verify } from './verify.ts';
import { WatchRecord } from './watch-record.ts';

export interface PauseResult extends Findings {
  /** Until the others had a leader. */
  readonly electedMs: number;
  readonly acknowledged: number;
  readonly termBefore: number;
  readonly termAfter: number;
  /** What the paused leader answered to linearizable reads that were sent while it was paused. */
  readonly lateAnswers: readonly HttpAnswer[];
}

const path = '/v1/kv/paused';
const lateReads = 20;

/** Pauses the leader of three for so long, and checks what that did. */
export async function pauseLeader(pauseMs: number, clients: number): Promise<PauseResult> {
  const cluster = new RealCluster(await planMembers(3, smallFiles));
  let load: Load | undefined;
  const watchers: WatchRecord[] = [];
  try {
    await cluster.start();
    const { leader, term: termBefore } = await cluster.leader();
    const others = cluster.others(leader);
    const [other] = others;
    assert(other !== undefined);
    await http(leader.address, path, { method: 'PUT', body: 'before' });
    watchers.push(
      ...cluster.members.map(({ name, address }) => {
        const own = [address, ...cluster.endpoints.filter((one) => one !== address)];
        return new WatchRecord(`watcher at ${name}`, own, { prefix: loadPrefix });
      }),
    );
    await Promise.all(watchers.map(({ started }) => started));
    load = new Load({ endpoints: cluster.endpoints, clients, pauseMs: 40 });
    const running = load;
    await until('there is load', () => running.acknowledged.size > clients);

    const pausedAt = performance.now();
    leader.program.kill('SIGSTOP');
    await cluster.leader(others);
    const electedMs = performance.now() - pausedAt;
    await until('the others take a write', async () => {
      const written = await http(other.address, path, { method: 'PUT', body: 'after' });
      return written.status === 200;
    });
    // They wait in its sockets, and it reads them before it can know that it was replaced.
    const late = Array.from({ length: lateReads }, () =>
      http(leader.address, path, { timeoutMs: pauseMs + 20_000 }),
    );
    await sleep(Math.max(0, pausedAt + pauseMs - performance.now()));
    leader.program.kill('SIGCONT');
    const lateAnswers = await Promise.all(late);
    await until('it has stepped down', async () => !(await leader.status()).isLeader);
    const { term: termAfter } = await cluster.leader();
    await load.stop();
    return {
      ...(await verify(cluster, load, watchers)),
      electedMs,
      acknowledged: load.acknowledged.size,
      termBefore,
      termAfter,
      lateAnswers,
    };
  } finally {
    await load?.stop();
    await Promise.all(watchers.map((watcher) => watcher.close()));
    await cluster.kill();
  }
}

/** Everything that is wrong, in sentences. */
export function faultsOf(result: PauseResult): string[] {
  const { lost, wrong, watcherFaults, staleReads, lateAnswers, termBefore, termAfter } = result;
  const stale = lateAnswers
    .filter(({ status, body }) => !(status === 200 && body === 'after') && status < 500)
    .map(({ status, body }) => `a late read got ${status} "${body}"`);
  const terms = termAfter > termBefore ? [] : [`term ${termAfter} follows term ${termBefore}`];
  return [...lost, ...wrong, ...watcherFaults, ...staleReads, ...stale, ...terms];
}

export function describe({ electedMs, acknowledged, termBefore, termAfter }: PauseResult): string {
  return (
    `another leader after ${Math.round(electedMs)} ms; term ${termBefore}, then ${termAfter}; ` +
    `${acknowledged} writes acknowledged`
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '30' },
      clients: { type: 'string', default: '20' },
    },
  });
  const result = await pauseLeader(Number(values.seconds) * 1_000, Number(values.clients));
  const faults = faultsOf(result);
  console.log([describe(result), `${faults.length} faults`, ...faults].join('\n'));
  process.exitCode = faults.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
