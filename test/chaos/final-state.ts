import { Client } from '@lockstep/client';
import type { Pair } from '../checkers/history.ts';
import { until } from '../harness/processes.ts';
import type { MemberProcess } from '../harness/real-cluster.ts';
import { everything } from './asks.ts';
import { pairOf } from './calls.ts';
import type { ChaosCluster } from './chaos-cluster.ts';

/** What one member holds when all is over, read from its own state and no other's. */
export interface MemberState {
  readonly member: string;
  readonly revision: number;
  readonly appliedIndex: number;
  readonly hash: number;
  readonly pairs: readonly Pair[];
}

/** Leases still end, and members compare their states: now and then all stand at one entry. */
const atOneEntryWithinMs = 30_000;

/** The state of every member at one entry of the log. @throws Error when they do not meet at one. */
export async function finalStates({ members, cluster }: ChaosCluster): Promise<MemberState[]> {
  return until(
    'all members stand at one entry of the log',
    async () => {
      const states = await Promise.all(members.map(stateOf));
      const [first] = states;
      const isOne = states.every(({ appliedIndex }) => appliedIndex === first?.appliedIndex);
      return isOne ? states : undefined;
    },
    { withinMs: atOneEntryWithinMs, describe: cluster.describe },
  );
}

async function stateOf({ name, address }: MemberProcess): Promise<MemberState> {
  await using client = new Client({ endpoints: address, learnEndpoints: false });
  const range = { key: everything.key, rangeEnd: everything.rangeEnd ?? '' };
  const { kvs } = await client.range(range, { serializable: true });
  const { hash, appliedIndex, revision } = await client.hash();
  const pairs = kvs.map(pairOf);
  return { member: name, revision, appliedIndex, hash, pairs };
}
