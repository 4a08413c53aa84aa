/** The pure part: what the store holds of a fleet, and what follows from it at a time. */
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
