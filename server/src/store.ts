/**
 * What a door's service needs from a store, as interfaces only. The member is one implementation;
 * a forwarder to another cluster would be a second. All keys and values are byte strings.
 */
import type {
  Alarm,
  AlarmKind,
  ByteString,
  ClusterId,
  CompareOperator,
  LeaseId,
  MemberId,
  MemberInfo,
  Once,
  SortOrder,
  SortTarget,
  WatchEndReason,
} from '@lockstep/client/protocol';
import type { StoreReadings } from './metrics/readings.ts';
import type { Asker, AuthChange, AuthView } from './store-auth.ts';

export type {
  Asker,
  AuthChange,
  AuthPermission,
  AuthRights,
  AuthUser,
  AuthView,
} from './store-auth.ts';

/** One version of a key; immutable and shared. A `version` of 0 is a tombstone. */
export interface KeyValue {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: LeaseId;
}

/** Keys in [key, rangeEnd). An empty end means the one key; "\0" means every key from `key` on. */
export interface KeyRange {
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
}

export interface RangeRequest extends KeyRange {
  /** 0 for no limit. */
  readonly limit: number;
  /** 0 for the newest. */
  readonly revision: number;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly sortOrder: SortOrder;
  readonly sortTarget: SortTarget;
  /** Each 0 for none. They do not change the count. */
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

export interface RangeReply {
  /** With `keysOnly` the values are empty. */
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

/** A chunk of a range in key order. */
export interface ScanRequest extends KeyRange {
  /** Only keys after this one; empty for all. */
  readonly after: ByteString;
  /** 0 for the newest. */
  readonly revision: number;
  /** 0 for no limit. */
  readonly limit: number;
  /** The chunk ends with the pair that reaches so many bytes of keys and values. */
  readonly bytesMax: number;
  readonly keysOnly: boolean;
}

export interface ScanReply {
  /** What the chunk shows: the revision that was asked for, or the newest. */
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

export interface PutRequest {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly lease: LeaseId;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface PutReply {
  readonly prevKv: KeyValue | undefined;
}

export interface DeleteRangeRequest extends KeyRange {
  readonly prevKv: boolean;
}

export interface DeleteRangeReply {
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

/** A condition on every key of a range (etcd API, Compare). */
export type Compare = KeyRange & {
  readonly operator: CompareOperator;
} & (
    | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
    | { readonly target: 'value'; readonly operand: ByteString }
    | { readonly target: 'lease'; readonly operand: LeaseId }
  );

export type TxnOperation =
  | { readonly type: 'range'; readonly request: RangeRequest }
  | { readonly type: 'put'; readonly request: PutRequest }
  | { readonly type: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly type: 'txn'; readonly request: TxnRequest };

/** The caller has checked it: the budget of operations, keys, duplicate keys. */
export interface TxnRequest {
  readonly compares: readonly Compare[];
  readonly success: readonly TxnOperation[];
  readonly failure: readonly TxnOperation[];
}

/** `revision` is the store's after the operation. */
export type TxnOperationReply =
  | { readonly type: 'range'; readonly reply: RangeReply; readonly revision: number }
  | { readonly type: 'put'; readonly reply: PutReply; readonly revision: number }
  | { readonly type: 'deleteRange'; readonly reply: DeleteRangeReply; readonly revision: number }
  | { readonly type: 'txn'; readonly reply: TxnReply; readonly revision: number };

export interface TxnReply {
  readonly succeeded: boolean;
  readonly results: readonly TxnOperationReply[];
}

export interface LeaseGrantRequest {
  /** "0" to let the cluster choose. */
  readonly id: LeaseId;
  /** Whole seconds; the store raises it to its floor. */
  readonly ttl: number;
}

export interface LeaseGrantReply {
  readonly id: LeaseId;
  readonly ttl: number;
}

export interface LeaseTimeToLiveReply {
  /** Whole seconds that are left; -1 when there is no such lease. */
  readonly ttl: number;
  readonly grantedTtl: number;
  /** In key order. */
  readonly keys: readonly ByteString[];
}

export interface StateHash {
  readonly hash: number;
  readonly compactRevision: number;
  readonly appliedIndex: number;
}

export interface HistoryHash {
  readonly hash: number;
  /** What the hash goes up to, and down to. */
  readonly hashRevision: number;
  readonly compactRevision: number;
}

/**
 * The whole state of a member at one moment, as a backup file, while writes go on. What it shows stays in
 * memory until its end, or until it is closed: whoever opened it must do one of both.
 */
export interface SnapshotStream {
  readonly stamp: Stamp;
  /** The next bytes, made when they are asked for; undefined at the end. One call at a time. @throws TableError `server_stopped`. */
  next(): Promise<Uint8Array | undefined>;
  /** Idempotent. */
  close(): void;
}

/** The header's numbers as they were when the answer was made. */
export interface Stamp {
  readonly revision: number;
  readonly term: number;
}

export interface ReadOptions {
  readonly serializable: boolean;
  /** Wait until this revision is applied; 0 for no wait. */
  readonly minRevision: number;
}

export type Stamped<Reply> = Reply & { readonly stamp: Stamp };

export interface WatchRequest {
  /** An event that fits several is delivered once. */
  readonly ranges: readonly KeyRange[];
  /** 0 for "after what is applied now". */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  /** Leave out values. */
  readonly keysOnly: boolean;
  /** Call {@link WatchSink.progress} now and then while nothing happens. */
  readonly progressNotify: boolean;
  /** So many batches, then wait for {@link WatchStream.credit}; undefined for no limit. */
  readonly credits: number | undefined;
}

export interface WatchEvent {
  /** A tombstone (version 0) is a delete. */
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;
}

/** The events of one revision. The same object reaches every connection, so a door encodes it once. */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

export interface WatchEnd {
  readonly reason: WatchEndReason;
  readonly resumeRevision: number;
  readonly compactRevision: number | undefined;
}

/** One connection's end of its watches; implemented by a door. Calls never throw. */
export interface WatchSink {
  /** Its watches wait for the next leader, however long that takes, instead of ending with `no_leader`. */
  readonly staysWithoutLeader?: boolean;
  /** False while the connection should get no events (socket full); then {@link WatchStream.resume} continues. */
  ready(): boolean;
  /** The events of one revision for these watches. Never called with a lower revision than before for the same watch. */
  events(watchIds: readonly number[], batch: WatchBatch): void;
  /** These watches have been given everything up to `revision`. */
  progress(watchIds: readonly number[], revision: number): void;
  ended(watchId: number, end: WatchEnd): void;
}

/** The watches of one connection. */
export interface WatchStream {
  /**
   * Starts a watch under an id of the caller's choice, unique in this stream.
   * @returns the first revision it delivers.
   * @throws TableError `watch_id_taken`, `compacted`.
   */
  create(watchId: number, request: WatchRequest): number;
  /** False when there was no such watch. */
  cancel(watchId: number): boolean;
  /** So many more batches for a watch with credits. False when there was no such watch. */
  credit(watchId: number, credits: number): boolean;
  /**
   * Calls back once every watch of the stream has been given everything up to some applied
   * revision, with that revision; at once if that is so now. Not called back after close.
   */
  whenSynced(synced: (revision: number) => void): void;
  /** The sink is ready again after it was not. */
  resume(): void;
  close(): void;
}

export interface StoreStatus {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  readonly name: string;
  readonly leaderId: MemberId | undefined;
  readonly isLearner: boolean;
  readonly revision: number;
  readonly term: number;
  readonly lastIndex: number;
  readonly committedIndex: number;
  readonly appliedIndex: number;
  readonly keys: number;
  readonly compactRevision: number;
  readonly watchers: number;
  readonly leases: number;
  readonly stateBytes: number;
  readonly liveBytes: number;
  readonly quotaBytes: number;
  readonly alarms: readonly Alarm[];
  readonly errors: readonly string[];
  readonly clusterVersion: number;
  /** What the build can work with, both ends included. */
  readonly clusterVersions: { readonly lowest: number; readonly highest: number };
}

export interface Capabilities {
  readonly transactions: boolean;
  readonly leases: boolean;
}

export interface MemberAddRequest {
  /** host:port at which the other members will reach it. */
  readonly peerAddress: string;
  /** It stays a learner until it is promoted; else that happens by itself when it has caught up. */
  readonly learner: boolean;
}

/** All members after a change. */
export interface MemberChanged {
  readonly members: readonly MemberInfo[];
}

export interface MemberAdded extends MemberChanged {
  readonly member: MemberInfo;
}

/**
 * Every promise rejects with a TableError of the protocol's table, and with nothing else. A mutation
 * with a {@link Once} runs at most once: sent again it gets the first answer, or `client_expired` or
 * `reply_evicted` when that is no longer known.
 */
export interface Store {
  readonly capabilities: Capabilities;
  range(request: RangeRequest, options: ReadOptions): Promise<Stamped<RangeReply>>;
  scan(request: ScanRequest, options: ReadOptions): Promise<Stamped<ScanReply>>;
  /** @throws TableError `lease_not_found`, `key_not_found`, `no_space`. */
  put(request: PutRequest, once?: Once, asker?: Asker): Promise<Stamped<PutReply>>;
  deleteRange(
    request: DeleteRangeRequest,
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<DeleteRangeReply>>;
  /** One without puts and deletes is a linearizable read, or a local one if each of its ranges, at least one, is serializable. */
  txn(request: TxnRequest, options: TxnOptions): Promise<Stamped<TxnReply>>;
  /** @throws TableError `compacted`, `future_revision`. */
  compact(
    request: { revision: number; physical: boolean },
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<object>>;
  /** @throws TableError `lease_exists`, `no_space`. */
  leaseGrant(
    request: LeaseGrantRequest,
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<LeaseGrantReply>>;
  /** Deletes the keys that are attached to it, at one revision. @throws TableError `lease_not_found`. */
  leaseRevoke(id: LeaseId, once?: Once, asker?: Asker): Promise<Stamped<object>>;
  /** A `ttl` of 0 says that there is no such lease. */
  leaseKeepAlive(id: LeaseId): Promise<Stamped<{ readonly ttl: number }>>;
  leaseTimeToLive(id: LeaseId, keys: boolean): Promise<Stamped<LeaseTimeToLiveReply>>;
  /** In the order of the ids as text. */
  leases(): Promise<Stamped<{ readonly ids: readonly LeaseId[] }>>;
  registerClient(asker?: Asker): Promise<Stamped<{ readonly clientId: string }>>;
  alarms(): Promise<Stamped<{ readonly alarms: readonly Alarm[] }>>;
  /** Undefined stands for all. Answers what was cleared. */
  disarm(
    which: { memberId: MemberId | undefined; alarm: AlarmKind | undefined },
    asker?: Asker,
  ): Promise<Stamped<{ readonly alarms: readonly Alarm[] }>>;
  /** Raises an alarm by hand. It stays until it is cleared by hand. */
  arm(alarm: Alarm, asker?: Asker): Promise<Stamped<{ readonly alarms: readonly Alarm[] }>>;
  /** The keys of a lease as applied here, in key order; at once. */
  leaseKeys(id: LeaseId): readonly ByteString[];
  /** Who may do what, as applied here; at once. */
  auth(): AuthView;
  /** The same as of now: a linearizable read. */
  readAuth(): Promise<Stamped<{ readonly auth: AuthView }>>;
  /** @throws TableError the refusals of rights, `cluster_too_old`. */
  changeAuth(change: AuthChange, asker?: Asker): Promise<Stamped<object>>;
  /** Calls back whenever {@link auth} has become another; the returned function ends that. */
  onAuthChange(changed: () => void): () => void;
  /** The checksum of this member's state. */
  hash(): Promise<Stamped<StateHash>>;
  /**
   * The checksum of all versions of keys up to `revision` (0: the newest here) and down to the compaction point,
   * from this member's own state: equal on every member at equal revisions. @throws TableError `compacted`, `future_revision`.
   */
  hashKv(revision: number): Promise<Stamped<HistoryHash>>;
  /** The state of this member, at least as new as `options` say. @throws TableError `too_many_requests`. */
  snapshot(options: ReadOptions): Promise<SnapshotStream>;
  /** Gives back at once what memory can be given back; nothing stops, and there is seldom any. */
  defragment(): Promise<Stamped<object>>;
  openWatchStream(sink: WatchSink): WatchStream;
  /** Resolves when the member has applied `revision`. */
  waitForRevision(revision: number): Promise<void>;
  /** Resolves when this member has shown that it can reach a quorum now: a linearizable no-op read. */
  confirmLeadership(): Promise<Stamp>;
  /** As this member knows them. */
  members(): readonly MemberInfo[];
  /** As of now: it has seen every change that was answered before. */
  memberList(): Promise<Stamped<MemberChanged>>;
  /**
   * Adds a member, which begins as a learner. Any member may be asked for any of these changes.
   * @throws TableError `not_enough_started_members`, `unhealthy_cluster`, `peer_address_exists`,
   * `too_many_learners`, `cluster_too_old`.
   */
  memberAdd(request: MemberAddRequest): Promise<Stamped<MemberAdded>>;
  /** @throws TableError `member_not_found`, `not_enough_started_members`, `unhealthy_cluster`. */
  memberRemove(id: MemberId): Promise<Stamped<MemberChanged>>;
  /** Says where the other members reach it from now on. @throws TableError `member_not_found`, `peer_address_exists`. */
  memberUpdate(id: MemberId, peerAddress: string): Promise<Stamped<MemberChanged>>;
  /** @throws TableError `member_not_found`, `not_a_learner`, `learner_not_ready`, `not_enough_started_members`. */
  memberPromote(id: MemberId): Promise<Stamped<MemberChanged>>;
  /**
   * Adds a member that takes the place of another, in one joint change, once it has caught up.
   * @throws TableError `member_not_found`, `peer_address_exists`, `too_many_learners` (it is being
   * replaced already), `unhealthy_cluster`, `cluster_too_old`.
   */
  memberReplace(id: MemberId, peerAddress: string): Promise<Stamped<MemberAdded>>;
  /** What is applied here now. */
  stamp(): Stamp;
  status(): StoreStatus;
  /** What it has counted since the process began. */
  readings(): StoreReadings;
  /** Hands leadership to another voter; resolves when it leads. */
  moveLeader(target: MemberId): Promise<void>;
}

export interface TxnOptions {
  /** Answer a transaction that only reads from the member's own state. */
  readonly serializable: boolean;
  readonly once: Once | undefined;
  readonly asker?: Asker | undefined;
}
