/** Requests and answers in a form that is neither etcd's nor Lockstep's; keys and values are byte strings. */
import type {
  ByteString,
  CompareOperator,
  LeaseId,
  SortOrder,
  SortTarget,
} from '@lockstep/client/protocol';

/** etcd's way of naming keys: an empty end is the one key, "\0" is no end. */
export interface Keys {
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
}

export interface Range extends Keys {
  readonly kind: 'range';
  readonly limit: number;
  readonly revision: number;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly sortOrder: SortOrder;
  readonly sortTarget: SortTarget;
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

export interface Put {
  readonly kind: 'put';
  readonly key: ByteString;
  readonly value: ByteString;
  readonly lease: LeaseId;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface DeleteRange extends Keys {
  readonly kind: 'deleteRange';
  readonly prevKv: boolean;
}

export type Condition = Keys & {
  readonly operator: CompareOperator;
} & (
    | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
    | { readonly target: 'value'; readonly operand: ByteString }
    | { readonly target: 'lease'; readonly operand: LeaseId }
  );

export type Operation = Range | Put | DeleteRange | Txn;

export interface Txn {
  readonly kind: 'txn';
  readonly compare: readonly Condition[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export interface Watch extends Keys {
  readonly kind: 'watch';
  /** The run's own number of it. */
  readonly watch: number;
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly progress: boolean;
}

export type Call =
  | Operation
  | { readonly kind: 'compact'; readonly revision: number; readonly physical: boolean }
  | { readonly kind: 'grant'; readonly id: LeaseId; readonly ttl: number }
  | { readonly kind: 'revoke'; readonly id: LeaseId }
  | { readonly kind: 'keepAlive'; readonly id: LeaseId }
  | { readonly kind: 'timeToLive'; readonly id: LeaseId; readonly keys: boolean }
  | { readonly kind: 'leases' }
  | Watch;

export type Request = Call | { readonly kind: 'cancel'; readonly watch: number };

export interface Pair {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: LeaseId;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly text: string;
  /** gRPC's status code. */
  readonly grpc: number;
  /** Up to where history is gone, where that is why. */
  readonly compactRevision: number | undefined;
}

export interface RangeAnswer {
  readonly kind: 'range';
  readonly revision: number;
  readonly kvs: readonly Pair[];
  readonly more: boolean;
  readonly count: number;
}

export interface PutAnswer {
  readonly kind: 'put';
  readonly revision: number;
  readonly prevKv: Pair | undefined;
}

export interface DeleteRangeAnswer {
  readonly kind: 'deleteRange';
  readonly revision: number;
  readonly deleted: number;
  readonly prevKvs: readonly Pair[];
}

export interface TxnAnswer {
  readonly kind: 'txn';
  readonly revision: number;
  readonly succeeded: boolean;
  readonly results: readonly OperationAnswer[];
}

export type OperationAnswer = RangeAnswer | PutAnswer | DeleteRangeAnswer | TxnAnswer;

/** Lists of leases and of a lease's keys are sorted: their order means nothing. */
export type Answer =
  | Refusal
  | OperationAnswer
  | { readonly kind: 'compact' | 'revoke'; readonly revision: number }
  | {
      readonly kind: 'grant' | 'keepAlive';
      readonly revision: number;
      readonly id: LeaseId;
      readonly ttl: number;
    }
  | {
      readonly kind: 'timeToLive';
      readonly revision: number;
      readonly id: LeaseId;
      readonly ttl: number;
      readonly grantedTtl: number;
      readonly keys: readonly ByteString[];
    }
  | { readonly kind: 'leases'; readonly revision: number; readonly ids: readonly LeaseId[] }
  | { readonly kind: 'watch'; readonly startRevision: number };

export interface SeenEvent {
  readonly type: 'put' | 'delete';
  readonly kv: Pair;
  readonly prevKv: Pair | undefined;
}

/** What a watch was told in one piece of one revision: a revision that was split stands here twice. */
export interface SeenRevision {
  readonly revision: number;
  readonly events: readonly SeenEvent[];
}

/** All that one watch was told so far. */
export interface WatchLog {
  readonly revisions: readonly SeenRevision[];
  /** Why the store ended it, or what it did against its own rules. */
  readonly faults: readonly string[];
}

/** One of the two stores that are compared. */
export interface ComparedStore {
  readonly name: string;
  call(request: Call): Promise<Answer>;
  /** Ends a watch; its log holds what happened up to `revision`, the newest there is. */
  cancel(watch: number, revision: number): Promise<void>;
  /** Resolves when every watch has been told everything up to `revision`. */
  settle(revision: number): Promise<void>;
  /** @throws {Error} if there was no such watch since {@link closeWatches}. */
  watchLog(watch: number): WatchLog;
  /** Ends every watch and forgets the logs. */
  closeWatches(): Promise<void>;
  /** Closes the connections; the store itself runs on. */
  close(): Promise<void>;
}
