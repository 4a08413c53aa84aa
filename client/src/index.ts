/** The typed client of a Lockstep cluster, for Node and browsers. */
export type {
  ClusterId,
  Header,
  LeaseId,
  MemberId,
  MemberInfo,
  StatusResult,
} from '@lockstep/client/protocol';
export { Client } from './client.ts';
export type { Clock } from './clock.ts';
export type { ConnectionSettings } from './connection.ts';
export {
  AmbiguousError,
  type ClientErrorCode,
  ClosedError,
  CompactedError,
  DeadlineError,
  LockstepError,
  UnavailableError,
  WatchCompactedError,
} from './errors.ts';
export { type Bytes, KeyValue, type Selector } from './key-value.ts';
export type {
  ClientOptions,
  DeleteOptions,
  DeleteReply,
  PutOptions,
  PutReply,
  RangeOptions,
  RangeReply,
  ReadOptions,
} from './options.ts';
export type { CallOptions } from './requests.ts';
export type { Dial, Transport, TransportHandler } from './transport.ts';
export {
  Watch,
  type WatchBatch,
  WatchEvent,
  type WatchOptions,
  type WatchRequest,
} from './watch.ts';
