/** The typed client of a Lockstep cluster, for Node and browsers. */
export type {
  Alarm,
  AlarmKind,
  ClusterId,
  CompareOperator,
  HashKvResult,
  HashResult,
  Header,
  LeaseGrantResult,
  LeaseId,
  MemberId,
  MemberInfo,
  PermissionKind,
  SortOrder,
  SortTarget,
  StatusResult,
  WireBytes,
} from '@lockstep/client/protocol';
export { Auth, type AuthStatus, type Permission } from './auth.ts';
export { type CacheChange, type CacheOptions, LiveCache } from './cache.ts';
export type { CallOptions } from './calls/call.ts';
export { deleteKey, type UpdateOptions, type WrittenReply } from './changes.ts';
export { Client } from './client.ts';
export { type Clock, pause } from './clock.ts';
export type { Cluster, MemberAddRequest } from './cluster.ts';
export type { Codec, StandardSchema } from './codec.ts';
export * as codecs from './codec.ts';
export type { ConnectionSettings } from './connection/connection.ts';
export type { ConnectionStatus } from './connection/connection-status.ts';
export type { ClientAuth } from './connection/login.ts';
export type { TracedCall } from './connection/trace.ts';
export type { ClientTls, Dial, Transport, TransportHandler } from './connection/transport.ts';
export {
  AmbiguousError,
  BusyError,
  type ClientErrorCode,
  ClosedError,
  CompactedError,
  ConflictError,
  DeadlineError,
  DecodeError,
  DeniedError,
  EvictedReplyError,
  InvalidError,
  invalid,
  KeyExistsError,
  KeyNotFoundError,
  LeaseExistsError,
  LeaseLostError,
  LeaseNotFoundError,
  LockstepError,
  NoSpaceError,
  TooLargeError,
  UnauthenticatedError,
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
  CloseOptions,
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
export { Session, type SessionOptions } from './session/session.ts';
export type { Snapshot, SnapshotOptions } from './snapshot.ts';
export { Entry, Space, type SpaceEvent, type SpaceRange } from './space.ts';
export type { Isolation, Transaction } from './stm/attempt.ts';
export { Counter } from './stm/counter.ts';
export { type StmOptions, stm } from './stm/stm.ts';
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
export { TxnBuilder } from './txn-builder.ts';
export { RevisionWaiters } from './watch/revision-waiters.ts';
export {
  Watch,
  type WatchBatch,
  WatchEvent,
  type WatchItem,
  type WatchMark,
  type WatchOptions,
  type WatchRequest,
  type WatchSelector,
} from './watch/watch.ts';
