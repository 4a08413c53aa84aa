import type { Client, Transaction } from '@lockstep/client';
import type { TestCluster } from '@lockstep/server/testing';

export function clientsOf(cluster: TestCluster, count: number): Client[] {
  return Array.from({ length: count }, () => cluster.client());
}

/** Something that happens in the middle of the first run, and not in later ones. */
export function once(run: () => Promise<unknown>): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await run();
  };
}

export async function balance(t: Transaction<string>, key: string): Promise<number> {
  return Number((await t.get(key)) ?? 0);
}
