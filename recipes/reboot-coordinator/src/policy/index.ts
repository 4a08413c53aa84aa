/** The pure part: what the store holds of a fleet, and what follows from it at a time. */
export { composed, type Opening, Schedule } from './calendar/schedule.ts';
export { type Hours, type Period, parseWindow, type Window } from './calendar/window.ts';
export { PolicyError } from './fault.ts';
export { parseLimit, showLimit, slotsOf } from './limit.ts';
export type {
  AliveRecord,
  Calendar,
  Failure,
  FailureRecord,
  FleetPolicy,
  Grant,
  GroupPolicy,
  HistoryEntry,
  HistoryKind,
  HostRecord,
  HostState,
  Limit,
  Order,
  PaceRecord,
  RebootRequest,
} from './records.ts';
