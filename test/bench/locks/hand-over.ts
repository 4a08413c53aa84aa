import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, LockStyle } from '../model.ts';
import { percentile } from '../statistics.ts';
import { Contender } from './contender.ts';

/**
 * Who waits is in the queue by then, and its watch is in place. etcd takes a new watch of this kind up within 100 ms,
 * and a release before that is noticed late; this is what it does best.
 */
const settleMs = 150;
/** So that a waiter that polls is met at any moment of its period. */
const pollPeriodMs = 300;
const name = 'bench/hand-over';

export interface HandOvers {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Two processes that take turns: the time from the holder's call of release to the moment at which the other has the
 * lock. With several members, the two are connected to different ones.
 */
export async function handOver(
  cluster: Cluster,
  style: LockStyle,
  count: number,
): Promise<HandOvers> {
  const { endpoints } = cluster;
  const open = (at: number): Promise<Contender> => {
    const endpoint = endpoints[at % endpoints.length] ?? endpoints[0];
    return Contender.start({ style, endpoint, ttl: 10, connections: 1 });
  };
  let [holder, waiter] = [await open(0), await open(1)];
  try {
    await holder.ask({ do: 'acquire', name });
    const latencies = new Float64Array(count);
    for (let at = 0; at < count; at++) {
      const taking = waiter.ask({ do: 'acquire', name });
      await sleep(settleMs + (style === 'redlock' ? Math.random() * pollPeriodMs : 0));
      const releasedAt = await holder.ask({ do: 'release', name });
      latencies[at] = (await taking) - releasedAt;
      [holder, waiter] = [waiter, holder];
    }
    latencies.sort();
    return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) };
  } finally {
    holder.stop();
    waiter.stop();
  }
}
