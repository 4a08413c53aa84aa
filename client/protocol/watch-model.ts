import type { ClusterId, Header, KeySelector, MemberId, WireKeyValue } from './model.ts';

export interface WireEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: the key and, as modRevision, the revision of the delete. */
  readonly kv: WireKeyValue;
  /** The pair before the event, if the watch asked for it and it is not compacted. */
  readonly prevKv?: WireKeyValue;
}

export interface WatchCreateParams extends KeySelector {
  /** Several selectors in place of one; an event that fits any of them is delivered once. */
  readonly ranges?: readonly KeySelector[];
  /** Leave out puts, or deletes. */
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  /** Leave values out of the events. */
  readonly keysOnly?: boolean;
  /** Send `watch.progress` now and then while nothing happens. */
  readonly progressNotify?: boolean;
  /** Split a revision whose events are larger than 256 KiB over several notifications. */
  readonly fragment?: boolean;
  /** Deliver so many revisions and then wait for `watch.credit`; absent: no limit. */
  readonly credits?: number;
  /** The first revision to deliver; absent or 0 for "from now on". */
  readonly startRevision?: number;
  /** The client's own id for the watch, unique on its connection; absent to let the member choose. */
  readonly watchId?: number;
  readonly prevKv?: boolean;
  /** Wait until the member has applied this revision before answering. */
  readonly minRevision?: number;
}

export interface WatchCreateResult {
  readonly header: Header;
  readonly watchId: number;
  /** The first revision the watch delivers. */
  readonly startRevision: number;
}

export interface WatchCancelParams {
  readonly watchId: number;
}

export interface WatchCreditParams {
  readonly watchId: number;
  /** So many more revisions. */
  readonly credits: number;
}

export interface WatchCreditResult {
  readonly header: Header;
  /** False when there was no such watch. */
  readonly credited: boolean;
}

/** Every event up to the header's revision has been sent, for all watches of the connection. */
export interface WatchProgressResult {
  readonly header: Header;
}

export interface WatchCancelResult {
  readonly header: Header;
  /** False when there was no such watch (it may have just ended). */
  readonly canceled: boolean;
}

/** Why a watch ended without being asked to. */
export type WatchEndReason =
  | 'compacted'
  | 'no_leader'
  | 'server_stopped'
  | 'slow_consumer'
  | 'corrupt'
  | 'permission_denied';

/** Notification `watch.events`: one revision's events for all watches of the connection that see the same ones. */
export interface WatchEventsParams {
  readonly watchIds: readonly number[];
  readonly revision: number;
  readonly events: readonly WireEvent[];
  /** True when more events of the same revision follow, for a watch that asked for fragments. */
  readonly fragment?: boolean;
}

/** Notification `watch.progress`: these watches have been sent everything up to `revision`. */
export interface WatchProgressParams {
  readonly watchIds: readonly number[];
  readonly revision: number;
}

/** Notification `watch.end`. */
export interface WatchEndParams {
  readonly watchId: number;
  readonly reason: WatchEndReason;
  /** Where a new watch should start so that nothing is missed (for `compacted`: the oldest revision still there). */
  readonly resumeRevision: number;
  /** Only for `compacted`: the revision up to which history is gone. */
  readonly compactRevision?: number;
}

/** Notification `heartbeat`, from the member: at once on a new connection, then at most 2.5 s apart. */
export interface HeartbeatParams {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  readonly revision: number;
  readonly hasLeader: boolean;
}
