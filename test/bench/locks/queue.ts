import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, LockStyle } from '../model.ts';
import { Contender } from './contender.ts';
import { counterOf } from './counters.ts';

const name = 'bench/queue';
const connections = 10;
const singleReleases = 20;
const patienceMs = 60_000;
const pollMs = 50;
/** What was sent has arrived, and whoever it woke has asked what it wants to know. */
const settleMs = 300;

export interface QueueFigures {
  /** Watch events sent to those who wait, per release; as they received them, or as the server counts them. */
  readonly eventsPerRelease: number;
  /** Requests to the server per release and the taking after it; undefined where waiting goes on inside the server. */
  readonly requestsPerRelease: number | undefined;
  /** From the first release to the last of all that waited holding the lock. */
  readonly drainMs: number;
}

/** So many wait for one lock: what a release wakes, and how long until all have had it. */
export async function drainQueue(
  cluster: Cluster,
  style: LockStyle,
  waiters: number,
): Promise<QueueFigures> {
  const [endpoint] = cluster.endpoints;
  const holder = await Contender.start({ style, endpoint, ttl: 10, connections: 1 });
  const line = await Contender.start({ style, endpoint, ttl: 10, connections });
  const isOurs = style === 'mutex';
  const events = (): Promise<number> =>
    isOurs
      ? line.ask({ do: 'count events' })
      : counterOf(endpoint, 'etcd_debugging_mvcc_events_total');
  try {
    await holder.ask({ do: 'acquire', name });
    await line.ask({ do: 'queue', name, waiters });
    const since = performance.now();
    while ((await counterOf(endpoint, 'etcd_debugging_mvcc_watcher_total')) < waiters) {
      if (performance.now() - since > patienceMs) throw new Error('not all of the queue wait');
      await sleep(pollMs);
    }
    await sleep(settleMs);
    const eventsBefore = await events();
    const requestsBefore = await counterOf(endpoint, 'lockstep_requests_total');
    for (let at = 0; at < singleReleases; at++) {
      const next = line.ask({ do: 'see next' });
      if (at === 0) await holder.ask({ do: 'release', name });
      else await line.ask({ do: 'let go' });
      await next;
    }
    await sleep(settleMs);
    const eventsPerRelease = ((await events()) - eventsBefore) / singleReleases;
    const requests = (await counterOf(endpoint, 'lockstep_requests_total')) - requestsBefore;
    const drainSince = performance.now();
    await line.ask({ do: 'drain' });
    return {
      eventsPerRelease,
      requestsPerRelease: isOurs ? requests / singleReleases : undefined,
      drainMs: performance.now() - drainSince,
    };
  } finally {
    holder.stop();
    line.stop();
  }
}
