import type { WireError } from './errors.ts';
import type { MethodName, ParamsOf, ResultOf } from './methods.ts';
import type {
  HeartbeatParams,
  WatchEndParams,
  WatchEventsParams,
  WatchProgressParams,
} from './watch-model.ts';

/** PROTOCOL [W-3]: a request's id, given back with its answer. Absent on a notification. */
export type RequestId = string | number | null;

/** What a client sends: one call. */
export interface RequestFrame<Name extends MethodName = MethodName> {
  readonly jsonrpc: '2.0';
  readonly id?: RequestId;
  readonly method: Name;
  readonly params?: ParamsOf<Name>;
}

/** What a member answers when the call succeeded. */
export interface ResultFrame<Name extends MethodName = MethodName> {
  readonly jsonrpc: '2.0';
  readonly id: RequestId;
  readonly result: ResultOf<Name>;
}

/** What a member answers when the call failed; the id is null when the request had none to read. */
export interface ErrorFrame {
  readonly jsonrpc: '2.0';
  readonly id: RequestId;
  readonly error: WireError;
}

/** What a member sends without being asked. */
export interface Notifications {
  'watch.events': WatchEventsParams;
  'watch.progress': WatchProgressParams;
  'watch.end': WatchEndParams;
  heartbeat: HeartbeatParams;
}

export type NotificationName = keyof Notifications;

export type NotificationFrame = {
  readonly [Name in NotificationName]: {
    readonly jsonrpc: '2.0';
    readonly method: Name;
    readonly params: Notifications[Name];
  };
}[NotificationName];

/** Every frame a member sends. */
export type ServerFrame = ResultFrame | ErrorFrame | NotificationFrame;

export function formatRequest<Name extends MethodName>(
  id: RequestId,
  method: Name,
  params: ParamsOf<Name>,
): string {
  return `{"jsonrpc":"2.0","id":${formatId(id)},"method":"${method}","params":${JSON.stringify(params)}}`;
}

export function formatResult(id: RequestId, result: ResultOf<MethodName>): string {
  return `{"jsonrpc":"2.0","id":${formatId(id)},"result":${JSON.stringify(result)}}`;
}

export function formatError(id: RequestId, error: WireError): string {
  return `{"jsonrpc":"2.0","id":${formatId(id)},"error":${JSON.stringify(error)}}`;
}

export function formatNotification<Name extends NotificationName>(
  method: Name,
  params: Notifications[Name],
): string {
  return `{"jsonrpc":"2.0","method":"${method}","params":${JSON.stringify(params)}}`;
}

/**
 * PROTOCOL [W-32]: a `watch.events` frame around a body that was encoded before and is shared by
 * all connections: `body` is the JSON text of the params without braces and without `watchIds`.
 */
export function formatWatchEvents(watchIds: readonly number[], body: string): string {
  return `{"jsonrpc":"2.0","method":"watch.events","params":{"watchIds":[${watchIds.join()}],${body}}}`;
}

function formatId(id: RequestId): string {
  return typeof id === 'number' ? String(id) : JSON.stringify(id);
}
