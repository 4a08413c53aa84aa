import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, LockStyle } from '../model.ts';
import { residentMebibytes } from '../processes.ts';
import { Contender } from './contender.ts';
import { counterOf } from './counters.ts';

const ttl = 10;
const inFlight = 100;

export interface ManyFigures {
  readonly takeMs: number;
  /** Renewals of the lease during one TTL; undefined for etcd, whose lease nobody has to renew here. */
  readonly renewalsPerTtl: number | undefined;
  readonly serverMebibytes: { readonly before: number; readonly after: number };
  readonly clientMebibytes: { readonly before: number; readonly after: number };
}

/** So many locks of different names on one session. */
export async function takeMany(
  cluster: Cluster,
  style: LockStyle,
  count: number,
): Promise<ManyFigures> {
  const [endpoint] = cluster.endpoints;
  const contender = await Contender.start({ style, endpoint, ttl, connections: 1 });
  const server = (): number => residentMebibytes(cluster.pids);
  const renewals = (): Promise<number> =>
    counterOf(endpoint, 'lockstep_requests_total', 'method="lease.keepAlive"');
  try {
    const before = { server: server(), client: contender.mebibytes() };
    const takeMs = await contender.ask({ do: 'take', count, inFlight });
    const renewalsBefore = await renewals();
    if (style === 'mutex') await sleep(ttl * 1000);
    const renewalsPerTtl = (await renewals()) - renewalsBefore;
    return {
      takeMs,
      renewalsPerTtl: style === 'mutex' ? renewalsPerTtl : undefined,
      serverMebibytes: { before: before.server, after: server() },
      clientMebibytes: { before: before.client, after: contender.mebibytes() },
    };
  } finally {
    contender.stop();
  }
}
