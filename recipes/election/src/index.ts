/** Leader election over a client. */
export type { ElectionCandidate } from './candidate.ts';
export {
  type CampaignOptions,
  Election,
  type ElectionOptions,
  type ElectionState,
  inspectElection,
} from './election.ts';
export { TransferError } from './errors.ts';
export type { Leader } from './leader.ts';
export {
  type JobRun,
  type JobTask,
  PeriodicJob,
  type PeriodicJobOptions,
} from './periodic-job.ts';
export type { LeaderTask, RunOptions } from './running.ts';
export type { Term } from './term.ts';
