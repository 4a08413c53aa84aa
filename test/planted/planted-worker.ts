/** The simulator's worker, in a process in which a bug was planted. */
import '../simulation/worker.ts';

const { plantedBug } = globalThis as { plantedBug?: unknown };
if (plantedBug !== process.env.LOCKSTEP_PLANTED) {
  console.error(
    `${process.env.LOCKSTEP_PLANTED} was not planted: its module was not loaded with it`,
  );
  process.exit(1);
}
