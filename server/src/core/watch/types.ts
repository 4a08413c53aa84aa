import type { KeyRange } from '../mvcc/key-range.ts';
import type { KeyValue } from '../mvcc/key-value.ts';

export interface WatchSpec extends KeyRange {
  /** Deliver the pair before each event as well, where it is not compacted. */
  readonly prevKv: boolean;
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

export type WatchEndReason = 'compacted' | 'no_leader' | 'server_stopped';

export interface WatchEnd {
  readonly reason: WatchEndReason;
  /** Where a new watch starts so that nothing is missed, or the oldest revision that is left. */
  readonly resumeRevision: number;
  readonly compactRevision: number | undefined;
}

/** Where the events of one connection's watches go. Calls must not throw and must not call back into the hub. */
export interface WatchSink {
  ready(): boolean;
  events(watchIds: readonly number[], batch: WatchBatch): void;
  ended(watchId: number, end: WatchEnd): void;
}

/** What the hub reads: the store's log of events. */
export interface WatchSource {
  readonly revision: number;
  readonly compactRevision: number;
  readonly events: {
    readonly length: number;
    at(position: number): KeyValue;
    positionOf(revision: number): number;
  };
  before(key: KeyValue['key'], revision: number): KeyValue | undefined;
}
