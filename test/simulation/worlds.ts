import { Random } from '../../server/src/core/base/random.ts';
import { contendForOffice } from '../harness/election-contest.ts';
import { storm } from '../harness/fleet-storm.ts';
import {
  contendForMutex,
  contendForPermits,
  contendForRwLock,
  contendForSeveral,
} from '../harness/lock-contests.ts';
import type { Ends } from '../harness/turmoil.ts';

/** What a run of a recipe reached, by name. */
export type WorldReport = Readonly<Record<string, number>>;

/**
 * What is built on the store, each over a whole simulated cluster from one seed: the real client and recipe, and a monitor of what
 * they promise. The store itself is `simulate`.
 */
export const worlds: Readonly<Record<string, (seed: number) => Promise<WorldReport>>> = {
  locks: (seed) =>
    ended(async (ends) => {
      const contests = [contendForMutex, contendForRwLock, contendForPermits, contendForSeveral];
      const contest = contests[seed % contests.length] ?? contendForMutex;
      const { entries, shared } = await contest(ends, seed);
      return { 'locks taken': entries, 'taken beside others': shared };
    }),
  elections: (seed) =>
    ended(async (ends) => {
      const { terms, transfers } = await contendForOffice(ends, seed, seed % 3 !== 0);
      return { terms, 'offices handed over': transfers };
    }),
  fleet: async (seed) => {
    const { grants, revisions, reached } = await storm(seed, new Random(seed));
    return { ...Object.fromEntries(reached), grants, revisions };
  },
};

/** Ends what was begun, last things first, whatever happens. */
async function ended(run: (ends: Ends) => Promise<WorldReport>): Promise<WorldReport> {
  const ends: (() => void | Promise<void>)[] = [];
  try {
    return await run({ after: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
