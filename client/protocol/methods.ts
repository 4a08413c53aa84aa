import type {
  DeleteRangeParams,
  DeleteRangeResult,
  MemberListResult,
  MoveLeaderParams,
  MoveLeaderResult,
  PutParams,
  PutResult,
  RangeParams,
  RangeResult,
  StatusResult,
  WatchCancelParams,
  WatchCancelResult,
  WatchCreateParams,
  WatchCreateResult,
} from './model.ts';

/** The one table of methods: WebSocket calls them by name, HTTP as `POST /v1/<name>`. */
export interface Methods {
  'kv.range': { params: RangeParams; result: RangeResult };
  'kv.put': { params: PutParams; result: PutResult };
  'kv.deleteRange': { params: DeleteRangeParams; result: DeleteRangeResult };
  'watch.create': { params: WatchCreateParams; result: WatchCreateResult };
  'watch.cancel': { params: WatchCancelParams; result: WatchCancelResult };
  'cluster.members': { params: Record<string, never>; result: MemberListResult };
  'maintenance.status': { params: Record<string, never>; result: StatusResult };
  'maintenance.moveLeader': { params: MoveLeaderParams; result: MoveLeaderResult };
}

export type MethodName = keyof Methods;
export type ParamsOf<Name extends MethodName> = Methods[Name]['params'];
export type ResultOf<Name extends MethodName> = Methods[Name]['result'];

/** Methods that belong to one WebSocket connection; every other one is called the same on each door. */
export type ConnectionMethodName = 'watch.create' | 'watch.cancel';
export type UnaryMethodName = Exclude<MethodName, ConnectionMethodName>;

/** What a method does to the store, which decides whether a client may send it twice. */
export interface MethodTraits {
  /** True when running it twice means the same as once. */
  readonly idempotent: boolean;
  /** True when it belongs to one WebSocket connection and so has no HTTP form. */
  readonly connectionBound: boolean;
}

export const methodTraits: { readonly [Name in MethodName]: MethodTraits } = {
  'kv.range': { idempotent: true, connectionBound: false },
  'kv.put': { idempotent: false, connectionBound: false },
  'kv.deleteRange': { idempotent: false, connectionBound: false },
  'watch.create': { idempotent: true, connectionBound: true },
  'watch.cancel': { idempotent: true, connectionBound: true },
  'cluster.members': { idempotent: true, connectionBound: false },
  'maintenance.status': { idempotent: true, connectionBound: false },
  'maintenance.moveLeader': { idempotent: false, connectionBound: false },
};

export const methodNames = Object.keys(methodTraits) as readonly MethodName[];

export function isUnaryMethodName(name: MethodName): name is UnaryMethodName {
  return !methodTraits[name].connectionBound;
}

export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(methodTraits, name);
}
