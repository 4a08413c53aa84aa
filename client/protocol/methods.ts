import type {
  AuthChangeResult,
  AuthStatusResult,
  GrantPermissionParams,
  LoginParams,
  LoginResult,
  PasswordParams,
  RevokePermissionParams,
  RoleGetResult,
  RoleListResult,
  RoleParams,
  UserAddParams,
  UserGetResult,
  UserListResult,
  UserParams,
  UserRoleParams,
} from './auth-model.ts';
import type {
  AlarmArmParams,
  AlarmArmResult,
  AlarmDisarmParams,
  AlarmDisarmResult,
  AlarmListResult,
  ClientRegisterResult,
  CompactParams,
  CompactResult,
  DefragmentResult,
  DeleteRangeParams,
  DeleteRangeResult,
  HashKvParams,
  HashKvResult,
  HashResult,
  LeaseGrantParams,
  LeaseGrantResult,
  LeaseKeepAliveParams,
  LeaseKeepAliveResult,
  LeaseListResult,
  LeaseRevokeParams,
  LeaseRevokeResult,
  LeaseTimeToLiveParams,
  LeaseTimeToLiveResult,
  MemberAddParams,
  MemberAddResult,
  MemberChangeResult,
  MemberListParams,
  MemberListResult,
  MemberPromoteParams,
  MemberRemoveParams,
  MemberReplaceParams,
  MemberUpdateParams,
  MoveLeaderParams,
  MoveLeaderResult,
  PutParams,
  PutResult,
  RangeParams,
  RangeResult,
  ScanParams,
  ScanResult,
  StatusResult,
  TxnParams,
  TxnResult,
} from './model.ts';
import type {
  WatchCancelParams,
  WatchCancelResult,
  WatchCreateParams,
  WatchCreateResult,
  WatchCreditParams,
  WatchCreditResult,
  WatchProgressResult,
} from './watch-model.ts';

/** The one table of methods: WebSocket calls them by name, HTTP as `POST /v1/<name>`. */
export interface Methods {
  'kv.range': { params: RangeParams; result: RangeResult };
  'kv.put': { params: PutParams; result: PutResult };
  'kv.deleteRange': { params: DeleteRangeParams; result: DeleteRangeResult };
  'kv.scan': { params: ScanParams; result: ScanResult };
  'kv.txn': { params: TxnParams; result: TxnResult };
  'kv.compact': { params: CompactParams; result: CompactResult };
  'lease.grant': { params: LeaseGrantParams; result: LeaseGrantResult };
  'lease.revoke': { params: LeaseRevokeParams; result: LeaseRevokeResult };
  'lease.keepAlive': { params: LeaseKeepAliveParams; result: LeaseKeepAliveResult };
  'lease.timeToLive': { params: LeaseTimeToLiveParams; result: LeaseTimeToLiveResult };
  'lease.list': { params: Record<string, never>; result: LeaseListResult };
  'client.register': { params: Record<string, never>; result: ClientRegisterResult };
  'watch.create': { params: WatchCreateParams; result: WatchCreateResult };
  'watch.cancel': { params: WatchCancelParams; result: WatchCancelResult };
  'watch.credit': { params: WatchCreditParams; result: WatchCreditResult };
  'watch.progress': { params: Record<string, never>; result: WatchProgressResult };
  'cluster.members': { params: MemberListParams; result: MemberListResult };
  'cluster.memberAdd': { params: MemberAddParams; result: MemberAddResult };
  'cluster.memberRemove': { params: MemberRemoveParams; result: MemberChangeResult };
  'cluster.memberUpdate': { params: MemberUpdateParams; result: MemberChangeResult };
  'cluster.memberPromote': { params: MemberPromoteParams; result: MemberChangeResult };
  'cluster.memberReplace': { params: MemberReplaceParams; result: MemberAddResult };
  'maintenance.status': { params: Record<string, never>; result: StatusResult };
  'maintenance.moveLeader': { params: MoveLeaderParams; result: MoveLeaderResult };
  'maintenance.alarms': { params: Record<string, never>; result: AlarmListResult };
  'maintenance.disarm': { params: AlarmDisarmParams; result: AlarmDisarmResult };
  'maintenance.arm': { params: AlarmArmParams; result: AlarmArmResult };
  'maintenance.hash': { params: Record<string, never>; result: HashResult };
  'maintenance.hashKv': { params: HashKvParams; result: HashKvResult };
  'maintenance.defragment': { params: Record<string, never>; result: DefragmentResult };
  'auth.status': { params: Record<string, never>; result: AuthStatusResult };
  'auth.enable': { params: Record<string, never>; result: AuthChangeResult };
  'auth.disable': { params: Record<string, never>; result: AuthChangeResult };
  'auth.login': { params: LoginParams; result: LoginResult };
  'auth.userAdd': { params: UserAddParams; result: AuthChangeResult };
  'auth.userDelete': { params: UserParams; result: AuthChangeResult };
  'auth.userChangePassword': { params: PasswordParams; result: AuthChangeResult };
  'auth.userGrantRole': { params: UserRoleParams; result: AuthChangeResult };
  'auth.userRevokeRole': { params: UserRoleParams; result: AuthChangeResult };
  'auth.userGet': { params: UserParams; result: UserGetResult };
  'auth.userList': { params: Record<string, never>; result: UserListResult };
  'auth.roleAdd': { params: RoleParams; result: AuthChangeResult };
  'auth.roleDelete': { params: RoleParams; result: AuthChangeResult };
  'auth.roleGrantPermission': { params: GrantPermissionParams; result: AuthChangeResult };
  'auth.roleRevokePermission': { params: RevokePermissionParams; result: AuthChangeResult };
  'auth.roleGet': { params: RoleParams; result: RoleGetResult };
  'auth.roleList': { params: Record<string, never>; result: RoleListResult };
}

export type MethodName = keyof Methods;
export type ParamsOf<Name extends MethodName> = Methods[Name]['params'];
export type ResultOf<Name extends MethodName> = Methods[Name]['result'];

/** Methods that belong to one WebSocket connection; every other one is called the same on each door. */
export type ConnectionMethodName =
  | 'watch.create'
  | 'watch.cancel'
  | 'watch.credit'
  | 'watch.progress';
export type UnaryMethodName = Exclude<MethodName, ConnectionMethodName>;

/** What a method does to the store, which decides whether a client may send it twice. */
export interface MethodTraits {
  /** True when running it twice means the same as once. */
  readonly idempotent: boolean;
  /** True when it belongs to one WebSocket connection and so has no HTTP form. */
  readonly connectionBound: boolean;
}

const read: MethodTraits = { idempotent: true, connectionBound: false };
const change: MethodTraits = { idempotent: false, connectionBound: false };
const watchCall: MethodTraits = { idempotent: true, connectionBound: true };

export const methodTraits: { readonly [Name in MethodName]: MethodTraits } = {
  'kv.range': read,
  'kv.put': change,
  'kv.deleteRange': change,
  'kv.scan': read,
  'kv.txn': change,
  'kv.compact': change,
  'lease.grant': change,
  'lease.revoke': change,
  'lease.keepAlive': read,
  'lease.timeToLive': read,
  'lease.list': read,
  'client.register': read,
  'watch.create': watchCall,
  'watch.cancel': watchCall,
  'watch.credit': { ...watchCall, idempotent: false },
  'watch.progress': watchCall,
  'cluster.members': read,
  'cluster.memberAdd': change,
  'cluster.memberRemove': change,
  'cluster.memberUpdate': change,
  'cluster.memberPromote': change,
  'cluster.memberReplace': change,
  'maintenance.status': read,
  'maintenance.moveLeader': change,
  'maintenance.alarms': read,
  'maintenance.disarm': read,
  'maintenance.arm': read,
  'maintenance.hash': read,
  'maintenance.hashKv': read,
  'maintenance.defragment': read,
  'auth.status': read,
  'auth.enable': read,
  'auth.disable': read,
  'auth.login': read,
  'auth.userAdd': change,
  'auth.userDelete': change,
  'auth.userChangePassword': read,
  'auth.userGrantRole': read,
  'auth.userRevokeRole': change,
  'auth.userGet': read,
  'auth.userList': read,
  'auth.roleAdd': change,
  'auth.roleDelete': change,
  'auth.roleGrantPermission': read,
  'auth.roleRevokePermission': change,
  'auth.roleGet': read,
  'auth.roleList': read,
};

export const methodNames = Object.keys(methodTraits) as readonly MethodName[];

export function isUnaryMethodName(name: MethodName): name is UnaryMethodName {
  return !methodTraits[name].connectionBound;
}

export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(methodTraits, name);
}
