import type { Endpoint, StoreName } from '../model.ts';
import { grpcMessage, putRequest, rangeRequest } from '../protobuf.ts';
import { keyOf, value } from '../workload.ts';
import type { Caller, CallerEvents, Watcher, WatcherEvents } from './caller.ts';
import { connectEtcdCaller, connectEtcdWatcher } from './etcd.ts';
import { connectLockstepCaller, connectLockstepWatcher, prepareFrames } from './lockstep.ts';

export type OpenCaller = (endpoint: Endpoint, events: CallerEvents) => Caller;

/** Prepares the requests of an operation on keys 0 to `keys` - 1, once for all connections. */
export function callerOpener(
  system: StoreName,
  operation: 'put' | 'get',
  keys: number,
): OpenCaller {
  const names = Array.from({ length: keys }, (_, index) => keyOf(index));
  if (system === 'lockstep') {
    const frames =
      operation === 'put'
        ? prepareFrames(
            'kv.put',
            names.map((key) => ({ key, value })),
          )
        : prepareFrames(
            'kv.range',
            names.map((key) => ({ key })),
          );
    return (endpoint, events) => connectLockstepCaller(endpoint, frames, events);
  }
  const encode = (key: string): Buffer =>
    grpcMessage(operation === 'put' ? putRequest(key, value) : rangeRequest(key));
  const bodies = names.map(encode);
  const path = etcdPaths[operation];
  return (endpoint, events) => connectEtcdCaller(endpoint, path, bodies, events);
}

export const etcdPaths = { put: '/etcdserverpb.KV/Put', get: '/etcdserverpb.KV/Range' } as const;

export function openWatcher(
  system: StoreName,
  endpoint: Endpoint,
  watches: number,
  events: WatcherEvents,
): Watcher {
  const connect = system === 'lockstep' ? connectLockstepWatcher : connectEtcdWatcher;
  return connect(endpoint, keyOf(0), watches, events);
}
