/** The simulator's worker, in a process in which a bug was planted. */
import '../simulation/worker.ts';
import { findBug } from './all-bugs.ts';
import { patchedModules } from './planted-bug.ts';

const { plantedModules = [] } = globalThis as { plantedModules?: readonly string[] };
for (const { url } of patchedModules(findBug(process.env.LOCKSTEP_PLANTED ?? ''))) {
  if (plantedModules.includes(url)) continue;
  console.error(`the bug was not planted: ${url} was loaded without it, or not at all`);
  process.exit(1);
}
