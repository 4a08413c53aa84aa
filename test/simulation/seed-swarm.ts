import { planOf, type SimPlan } from './plan.ts';
import { ReachedBy } from './reached.ts';
import type { SimReport, TaskRunner } from './sim-task.ts';

export interface SwarmOptions {
  readonly first: number;
  readonly seeds: number;
  /** No seed is begun after this, by {@link now}. */
  readonly untilMs: number;
  readonly changes: Partial<SimPlan>;
  readonly workers: number;
  readonly makeWorker: () => TaskRunner;
  readonly now: () => number;
  /** Told after each seed. */
  readonly progress: (swarm: { done: number; acknowledged: number }) => void;
}

export interface SwarmResult {
  readonly done: number;
  readonly acknowledged: number;
  readonly reached: ReachedBy;
  readonly failure: { readonly plan: SimPlan; readonly report: SimReport } | undefined;
}

/**
 * Runs seeds on several workers. Seeds are handed out in order, and after a failure what was handed out is brought to
 * its end, so the failure that is reported is the one of the lowest seed, with however many workers.
 */
export async function swarm(options: SwarmOptions): Promise<SwarmResult> {
  const { first, seeds, untilMs, changes, now } = options;
  const reached = new ReachedBy();
  const failures = new Map<number, SimReport>();
  let next = first;
  let done = 0;
  let acknowledged = 0;
  const work = async (): Promise<void> => {
    const worker = options.makeWorker();
    try {
      while (next < first + seeds && failures.size === 0 && now() < untilMs) {
        const seed = next++;
        const report = await worker.run({ plan: planOf(seed, changes) });
        if (report.type === 'held') {
          reached.add(report.reached);
          acknowledged += report.acknowledged;
          done++;
          options.progress({ done, acknowledged });
        } else failures.set(seed, report);
      }
    } finally {
      await worker.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.workers, seeds) }, work));
  const [lowest] = [...failures].sort(([left], [right]) => left - right);
  const failure =
    lowest === undefined ? undefined : { plan: planOf(lowest[0], changes), report: lowest[1] };
  return { done, acknowledged, reached, failure };
}
