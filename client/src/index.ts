/** The typed client of a Lockstep cluster, for Node and browsers. */
export type {
  Alarm,
  AlarmKind,
  ClusterId,
  CompareOperator,
  HashResult,
  Header,
  LeaseGrantResult,
  LeaseId,
  MemberId,
  MemberInfo,
  SortOrder,
  SortTarget,
  StatusResult,
  WireBytes,
} from '@lockstep/client/protocol';
export type { CallOptions } from './call.ts';
export { Client } from './client.ts';
export type { Clock } from './clock.ts';
export type { ConnectionSettings } from './connection.ts';
export {
  AmbiguousError,
  type ClientErrorCode,
  ClosedError,
  CompactedError,
  DeadlineError,
  EvictedReplyError,
  LockstepError,
  UnavailableError,
  WatchCompactedError,
} from './errors.ts';
export { type Bytes, KeyValue, type Selector } from './key-value.ts';
export {
  type LeaseInfo,
  type LeaseRequest,
  Leases,
  type TimeToLiveOptions,
} from './leases.ts';
export type {
  AlarmsReply,
  ClientOptions,
  CompactOptions,
  DeleteOptions,
  DeleteReply,
  DisarmOptions,
  HeaderReply,
  KeepValueOptions,
  PutOptions,
  PutReply,
  RangeOptions,
  RangeReply,
  ReadOptions,
  ScanOptions,
} from './options.ts';
export { Scan } from './scan.ts';
export type { Dial, Transport, TransportHandler } from './transport.ts';
export {
  Compare,
  compare,
  type DeleteOutcome,
  type GetOutcome,
  Operation,
  type Operations,
  op,
  type PutOutcome,
  type RangeOutcome,
  type Results,
  type TxnOutcome,
  type TxnReply,
  type TxnRequest,
} from './txn.ts';
export {
  Watch,
  type WatchBatch,
  WatchEvent,
  type WatchOptions,
  type WatchRequest,
  type WatchSelector,
} from './watch.ts';
