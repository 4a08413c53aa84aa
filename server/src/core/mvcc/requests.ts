/** What is asked of the store inside one command, and what it answers (etcd API, KV). */
import type { CompareOperator, SortOrder, SortTarget } from '@lockstep/client/protocol';
import type { KeyRange } from './key-range.ts';
import type { KeyValue } from './key-value.ts';
import type { ByteString, LeaseId } from './values.ts';

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
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export interface PutRequest {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly lease: LeaseId;
  readonly prevKv: boolean;
  /** Keep what is stored; the key must exist. */
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

/** A condition on every key of a range. */
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
