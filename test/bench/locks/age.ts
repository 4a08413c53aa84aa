import type { Cluster, LockStyle } from '../model.ts';
import { Contender } from './contender.ts';

const name = 'bench/aged';
const sampleCycles = 200;

export interface AgeFigures {
  readonly freshMs: number;
  readonly agedMs: number;
}

/** The time to take and let go one lock, at first and after it was taken so often. */
export async function takeAgain(
  cluster: Cluster,
  style: LockStyle,
  count: number,
): Promise<AgeFigures> {
  const [endpoint] = cluster.endpoints;
  const contender = await Contender.start({ style, endpoint, ttl: 10, connections: 1 });
  const cycle = (cycles: number): Promise<number> =>
    contender.ask({ do: 'cycle', name, count: cycles });
  try {
    // Of another lock, so that what Node has yet to compile is not counted as youth.
    await contender.ask({ do: 'cycle', name: 'bench/warm', count: sampleCycles });
    const freshMs = await cycle(sampleCycles);
    await cycle(count);
    return { freshMs, agedMs: await cycle(sampleCycles) };
  } finally {
    contender.stop();
  }
}
