import type {
  HeartbeatParams,
  WatchEndParams,
  WatchEventsParams,
  WatchProgressParams,
} from '@lockstep/client/protocol';
import { isObject } from '../errors.ts';

/** What can arrive from a member. */
export interface Receiver {
  reply(id: number, result: unknown, error: unknown): void;
  /** `bytes` is the length of the frame that brought them. */
  events(params: WatchEventsParams, bytes: number): void;
  progress(params: WatchProgressParams, bytes: number): void;
  ended(params: WatchEndParams): void;
  heartbeat(params: HeartbeatParams): void;
}

/**
 * Reads one frame, a batch of answers included, and hands each message on.
 * @returns what is wrong, as a sentence part, when the other side does not speak this protocol.
 */
export function dispatch(text: string, receiver: Receiver): string | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return 'it sent a frame that is not JSON';
  }
  for (const one of Array.isArray(message) ? message : [message]) {
    if (!isObject(one)) return 'it sent a frame that is not JSON-RPC';
    if (typeof one.id === 'number') receiver.reply(one.id, one.result, one.error);
    else if (typeof one.method === 'string' && isObject(one.params)) {
      notify(one.method, one.params, text.length, receiver);
    }
  }
  return undefined;
}

/** Notifications this version does not know are left alone: a newer member may send them. */
function notify(
  method: string,
  params: Record<string, unknown>,
  bytes: number,
  receiver: Receiver,
): void {
  if (method === 'watch.events') {
    if (isWatchEvents(params)) receiver.events(params, bytes);
  } else if (method === 'watch.progress') {
    if (isWatchProgress(params)) receiver.progress(params, bytes);
  } else if (method === 'watch.end') {
    if (isWatchEnd(params)) receiver.ended(params);
  } else if (method === 'heartbeat') {
    if (isHeartbeat(params)) receiver.heartbeat(params);
  }
}

type Unknown<Params> = { readonly [Name in keyof Params]?: unknown };

function isWatchEvents(params: Unknown<WatchEventsParams>): params is WatchEventsParams {
  const { watchIds, revision, events } = params;
  return Array.isArray(watchIds) && typeof revision === 'number' && Array.isArray(events);
}

function isWatchProgress(params: Unknown<WatchProgressParams>): params is WatchProgressParams {
  return Array.isArray(params.watchIds) && typeof params.revision === 'number';
}

function isWatchEnd(params: Unknown<WatchEndParams>): params is WatchEndParams {
  const { watchId, reason, resumeRevision } = params;
  return (
    typeof watchId === 'number' && typeof reason === 'string' && typeof resumeRevision === 'number'
  );
}

function isHeartbeat(params: Unknown<HeartbeatParams>): params is HeartbeatParams {
  return typeof params.hasLeader === 'boolean';
}
