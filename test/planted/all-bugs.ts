import { leaseBugs } from './lease-bugs.ts';
import { membershipBugs } from './membership-bugs.ts';
import type { PlantedBug } from './planted-bug.ts';
import { raftBugs } from './raft-bugs.ts';
import { readBugs } from './read-bugs.ts';
import { stateBugs } from './state-bugs.ts';
import { storageBugs } from './storage-bugs.ts';
import { watchBugs } from './watch-bugs.ts';

/** Every bug that the simulator must find. */
export const allBugs: readonly PlantedBug[] = [
  ...raftBugs,
  ...membershipBugs,
  ...readBugs,
  ...storageBugs,
  ...stateBugs,
  ...leaseBugs,
  ...watchBugs,
];

/** @throws {Error} with all names if there is none of this name. */
export function findBug(name: string): PlantedBug {
  const bug = allBugs.find((one) => one.name === name);
  if (bug !== undefined) return bug;
  throw new Error(
    `no planted bug is called "${name}": ${allBugs.map((one) => one.name).join(', ')}`,
  );
}
