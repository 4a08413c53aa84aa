/** The pure part: what the store holds of a fleet, and what follows from it at a time. */
export type { Block, BlockKind, Circumstances } from './blocks.ts';
export { type Opening, Schedule } from './calendar/schedule.ts';
export { parseWindow, type Window } from './calendar/window.ts';
export { type Decision, decide, type Granting, whyNot } from './decision.ts';
export { PolicyError } from './fault.ts';
export { Fleet } from './fleet.ts';
export { FleetKeys } from './keys.ts';
export { parseLimit, showLimit, slotsOf } from './limit.ts';
export {
  type AliveRecord,
  type Calendar,
  type Failure,
  type FailureRecord,
  type FleetPolicy,
  type Grant,
  type GroupPolicy,
  type HistoryEntry,
  type HistoryKind,
  type HostRecord,
  type HostState,
  historyKinds,
  hostStates,
  type Limit,
  type Order,
  type PaceRecord,
  policyDefaults,
  type RebootRequest,
} from './records.ts';
export {
  type GroupElsewhere,
  type OtherCoordinator,
  otherCoordinators,
  readSlotsElsewhere,
  type SlotsElsewhereOptions,
} from './slots-elsewhere.ts';
export { type FleetStatus, type GroupStatus, type HostStatus, statusOf } from './status.ts';
