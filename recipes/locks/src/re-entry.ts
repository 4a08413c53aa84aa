import { AsyncLocalStorage } from 'node:async_hooks';
import type { Client } from '@lockstep/client';
import type { Claim } from './claim.ts';
import { ReentryError } from './errors.ts';

/** What runs under a lock. Code that was started by it may outlive it, and is under nothing then. */
interface Run {
  readonly client: Client;
  readonly lock: string;
  isOver: boolean;
}

const runsAround = new AsyncLocalStorage<readonly Run[]>();

/** Runs a task, and lets whatever it calls know that it runs under the locks of these claims. */
export async function runUnder<Result>(
  client: Client,
  claims: readonly Claim[],
  task: () => Promise<Result>,
): Promise<Result> {
  const runs = claims.map(({ lock }): Run => ({ client, lock, isOver: false }));
  try {
    return await runsAround.run([...(runsAround.getStore() ?? []), ...runs], task);
  } finally {
    for (const run of runs) run.isOver = true;
  }
}

/** @throws ReentryError when the caller runs under one of the locks already. */
export function refuseReentry(client: Client, claims: readonly Claim[]): void {
  const around = runsAround.getStore()?.filter((run) => !run.isOver && run.client === client);
  if (around === undefined || around.length === 0) return;
  const again = claims.find(({ lock }) => around.some((run) => run.lock === lock));
  if (again !== undefined) throw new ReentryError(again.name);
}
