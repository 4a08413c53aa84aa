/**
 * What a door's service needs from a store, as interfaces only. The member is one implementation;
 * a forwarder to another cluster would be a second. All keys and values are byte strings.
 */
import type {
  ByteString,
  ClusterId,
  LeaseId,
  MemberId,
  MemberInfo,
  WatchEndReason,
} from '@lockstep/client/protocol';

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
}

export interface RangeReply {
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export interface PutRequest {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly lease: LeaseId;
  readonly prevKv: boolean;
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

export interface WatchRequest extends KeyRange {
  /** 0 for "after what is applied now". */
  readonly startRevision: number;
  readonly prevKv: boolean;
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
  /** False while the connection should get no events (socket full); then {@link WatchStream.resume} continues. */
  ready(): boolean;
  /** The events of one revision for these watches. Never called with a lower revision than before for the same watch. */
  events(watchIds: readonly number[], batch: WatchBatch): void;
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
  readonly errors: readonly string[];
}

export interface Capabilities {
  readonly transactions: boolean;
  readonly leases: boolean;
}

/** Every promise rejects with a TableError of the protocol's table, and with nothing else. */
export interface Store {
  readonly capabilities: Capabilities;
  range(request: RangeRequest, options: ReadOptions): Promise<Stamped<RangeReply>>;
  put(request: PutRequest): Promise<Stamped<PutReply>>;
  deleteRange(request: DeleteRangeRequest): Promise<Stamped<DeleteRangeReply>>;
  openWatchStream(sink: WatchSink): WatchStream;
  /** Resolves when the member has applied `revision`. */
  waitForRevision(revision: number): Promise<void>;
  /** Resolves when this member has shown that it can reach a quorum now: a linearizable no-op read. */
  confirmLeadership(): Promise<Stamp>;
  members(): readonly MemberInfo[];
  status(): StoreStatus;
  /** Hands leadership to another voter; resolves when it leads. */
  moveLeader(target: MemberId): Promise<void>;
}
