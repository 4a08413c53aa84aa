import type { WireBytes } from './bytes.ts';

/** A 64-bit signed id as a decimal string, since JSON numbers lose digits beyond 2^53 - 1. */
export type LeaseId = string;
export type MemberId = string;
export type ClusterId = string;

/** The lease field of a key that has none. */
export const noLease: LeaseId = '0';

/** On every reply: who answered, and the store's revision when it did. */
export interface Header {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  /** The newest revision the answering member had applied. */
  readonly revision: number;
  /** The Raft term the answering member was in. */
  readonly term: number;
}

/** One version of a key. All revisions are of the one cluster-wide counter. */
export interface WireKeyValue {
  readonly key: WireBytes;
  readonly value: WireBytes;
  /** The revision that created the key (since it was last deleted). */
  readonly createRevision: number;
  /** The revision that wrote this version. */
  readonly modRevision: number;
  /** 1 when just created, one more with each write. */
  readonly version: number;
  /** The lease the key is attached to; absent when it has none. */
  readonly lease?: LeaseId;
}

export interface WireEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: the key and, as modRevision, the revision of the delete. */
  readonly kv: WireKeyValue;
  /** The pair before the event, if the watch asked for it and it is not compacted. */
  readonly prevKv?: WireKeyValue;
}

/**
 * Which keys: one (`key`), those in [key, rangeEnd) with etcd's meaning of "\0" as an end,
 * or all that start with `prefix`. Exactly one of `key` and `prefix` must be there.
 */
export interface KeySelector {
  readonly key?: WireBytes;
  readonly rangeEnd?: WireBytes;
  readonly prefix?: WireBytes;
}

export interface RangeParams extends KeySelector {
  /** At most so many pairs; 0 or absent for no limit. */
  readonly limit?: number;
  /** Read the store as it was at this revision; 0 or absent for now. */
  readonly revision?: number;
  /** Answer from the member's own state at once; may be stale. */
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  /** Wait until the member has applied this revision, so that a view never goes back in time. */
  readonly minRevision?: number;
}

export interface RangeResult {
  readonly header: Header;
  readonly kvs: readonly WireKeyValue[];
  /** True when `limit` cut the answer. */
  readonly more: boolean;
  /** How many keys the range holds, whatever the limit. */
  readonly count: number;
}

export interface PutParams {
  readonly key: WireBytes;
  readonly value: WireBytes;
  readonly prevKv?: boolean;
}

export interface PutResult {
  readonly header: Header;
  readonly prevKv?: WireKeyValue;
}

export interface DeleteRangeParams extends KeySelector {
  readonly prevKv?: boolean;
}

export interface DeleteRangeResult {
  readonly header: Header;
  readonly deleted: number;
  readonly prevKvs?: readonly WireKeyValue[];
  /** True when the pairs were asked for and are too large for one answer; the keys are deleted. */
  readonly prevKvsOmitted?: boolean;
}

export interface WatchCreateParams extends KeySelector {
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

export interface WatchCancelResult {
  readonly header: Header;
  /** False when there was no such watch (it may have just ended). */
  readonly canceled: boolean;
}

/** Why a watch ended without being asked to. */
export type WatchEndReason = 'compacted' | 'no_leader' | 'server_stopped' | 'slow_consumer';

/** Notification `watch.events`: one revision's events for all watches of the connection that see the same ones. */
export interface WatchEventsParams {
  readonly watchIds: readonly number[];
  readonly revision: number;
  readonly events: readonly WireEvent[];
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

/** Notification `heartbeat`, from the member, at most 2.5 s apart. */
export interface HeartbeatParams {
  readonly revision: number;
  readonly hasLeader: boolean;
}

export interface MemberInfo {
  readonly memberId: MemberId;
  readonly name: string;
  /** host:port of the client door; empty until the member has started once. */
  readonly clientAddress: string;
  readonly peerAddress: string;
  readonly isLearner: boolean;
}

export interface MemberListResult {
  readonly header: Header;
  readonly members: readonly MemberInfo[];
}

export interface StatusResult {
  readonly header: Header;
  readonly version: string;
  readonly name: string;
  readonly leaderId: MemberId | null;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly raftTerm: number;
  /** Last index in the member's log. */
  readonly raftIndex: number;
  readonly committedIndex: number;
  readonly appliedIndex: number;
  readonly keys: number;
  readonly compactRevision: number;
  readonly watchers: number;
  /** What is wrong at this moment, in sentences; empty when nothing is. */
  readonly errors: readonly string[];
}

export interface MoveLeaderParams {
  readonly targetId: MemberId;
}

export interface MoveLeaderResult {
  readonly header: Header;
}

export interface HealthResult {
  readonly health: 'true' | 'false';
  readonly reason: string;
}
