import type { Random } from '../../server/src/core/base/random.ts';
import type { Coverage } from './coverage.ts';
import type { Sides } from './sides.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';

/** What a scheme sees and may do. */
export interface SchemeWorld {
  readonly cluster: SimCluster;
  readonly random: Random;
  readonly coverage: Coverage;
  readonly sides: Sides;
  /** Has clients ask one member. */
  readonly asked: (host: SimHost) => void;
}

/**
 * Harm in several steps, each of which waits for what the logs and roles of the members show. Chance alone would hardly ever do them in
 * this order.
 */
export interface Scheme {
  /** False when the cluster is not fit for it now. */
  begin(): boolean;
  /** Looks at the cluster after an event, and acts. */
  look(): 'waits' | 'went on' | 'over';
}

/** The hosts of voters; undefined while the membership changes or no leader tells of it. */
export function votersOf({ leader, hosts }: SimCluster): SimHost[] | undefined {
  const membership = leader?.member?.raft.membership;
  if (membership === undefined || membership.outgoing.length > 0) return undefined;
  return hosts.filter(({ memberId }) => membership.voters.includes(memberId));
}

export function majorityOf(voters: readonly SimHost[]): number {
  return (voters.length >> 1) + 1;
}
