import type { KeyRange } from '../mvcc/key-range.ts';
import type { KeyValue } from '../mvcc/key-value.ts';

export interface WatchSpec {
  /** At least one; an event that fits several is delivered once. */
  readonly ranges: readonly KeyRange[];
  /** Deliver the pair before each event as well, where it is not compacted. */
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  /** Leave out values, of the pair before as well. */
  readonly keysOnly: boolean;
}

/** How a watch is served, beside what it sees. */
export interface WatchService {
  /** Tell it now and then, while nothing happens, how far it has been given everything. */
  readonly progressNotify: boolean;
  /** So many batches, then it waits for more; undefined for no limit. */
  readonly credits: number | undefined;
}

export interface WatchEvent {
  /** A tombstone (version 0) is a delete. */
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;
}

/** The events of one revision. The same object goes to everybody who sees the same events. */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

export type WatchEndReason = 'compacted' | 'no_leader' | 'server_stopped' | 'corrupt';

export interface WatchEnd {
  readonly reason: WatchEndReason;
  /** Where a new watch starts so that nothing is missed, or the oldest revision that is left. */
  readonly resumeRevision: number;
  readonly compactRevision: number | undefined;
}

/** Where the events of one connection's watches go. Calls must not throw and must not call back into the hub. */
export interface WatchSink {
  /** Its watches wait for the next leader, however long that takes, instead of ending with `no_leader`. */
  readonly staysWithoutLeader?: boolean;
  ready(): boolean;
  events(watchIds: readonly number[], batch: WatchBatch): void;
  /** These watches have been given everything up to `revision`. */
  progress(watchIds: readonly number[], revision: number): void;
  ended(watchId: number, end: WatchEnd): void;
}

/** What the hub reads: the store's log of events. Positions only go up; those of compacted events are gone. */
export interface WatchSource {
  readonly revision: number;
  readonly compactRevision: number;
  readonly events: {
    /** The position after the newest event. */
    readonly length: number;
    at(position: number): KeyValue;
    /** The position of the first event of `revision` or later; `length` when there is none. Never below the oldest that is left. */
    positionOf(revision: number): number;
  };
  before(key: KeyValue['key'], revision: number): KeyValue | undefined;
}
