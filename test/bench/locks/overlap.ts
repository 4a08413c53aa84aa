import { setTimeout as sleep } from 'node:timers/promises';
import { TcpProxy } from '../../harness/tcp-proxy.ts';
import type { Cluster } from '../model.ts';
import { Contender } from './contender.ts';
import { moment } from './order.ts';

/** Somewhere between two renewals. */
const settleMs = 1_500;

export interface OverlapFigures {
  readonly ttl: number;
  /** After the holder was cut off, in milliseconds. */
  readonly firstToldMs: number;
  readonly secondHeldMs: number;
}

/** A holder whose connection stays open and passes nothing on any more, and another that waits for its lock. */
export async function cutOffHolder(cluster: Cluster, ttl: number): Promise<OverlapFigures> {
  const [endpoint] = cluster.endpoints;
  const name = `bench/overlap-${ttl}`;
  const proxy = await TcpProxy.start(`${endpoint.host}:${endpoint.port}`);
  const through = { host: '127.0.0.1', port: Number(proxy.address.split(':')[1]) };
  const shared = { style: 'mutex', ttl, connections: 1 } as const;
  const first = await Contender.start({ ...shared, endpoint: through });
  const second = await Contender.start({ ...shared, endpoint });
  try {
    await first.ask({ do: 'acquire', name });
    const told = first.ask({ do: 'notice loss', name });
    const held = second.ask({ do: 'acquire', name });
    await sleep(settleMs);
    proxy.silence();
    const since = moment();
    const [toldAt, heldAt] = await Promise.all([told, held]);
    return { ttl, firstToldMs: toldAt - since, secondHeldMs: heldAt - since };
  } finally {
    first.stop();
    second.stop();
    proxy.close();
  }
}
