import type { SimPlan } from './plan.ts';

/** One run that a worker is asked for. */
export interface SimTask {
  readonly plan: SimPlan;
  /** Where to draw the history of the run, if it has one. */
  readonly timeline?: string;
}

export type SimReport =
  | {
      readonly type: 'held';
      readonly acknowledged: number;
      readonly events: number;
      readonly reached: readonly string[];
    }
  | {
      readonly type: 'failed';
      /** The name of the error's class. */
      readonly kind: string;
      readonly message: string;
      readonly stack: string;
      /** The file that was drawn. */
      readonly timeline?: string;
    }
  /** The worker died, or was killed because it took too long. */
  | { readonly type: 'lost'; readonly message: string };

/** Whoever runs tasks, one at a time. */
export interface TaskRunner {
  run(task: SimTask): Promise<SimReport>;
  close(): Promise<void>;
}
