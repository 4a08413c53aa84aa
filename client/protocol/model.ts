import type { WireBytes } from './bytes.ts';

/** A 64-bit signed id as a decimal string, since JSON numbers lose digits beyond 2^53 - 1. */
export type LeaseId = string;

export type MemberId = string;

export type ClusterId = string;

/** The lease field of a key that has none. */
export const noLease: LeaseId = '0';

/** On every reply: who answered, and the store's revision when it did. */
export interface Header {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  /** The newest revision the answering member had applied. */
  readonly revision: number;
  /** The Raft term the answering member was in. */
  readonly term: number;
}

/** One version of a key. All revisions are of the one cluster-wide counter. */
export interface WireKeyValue {
  readonly key: WireBytes;
  readonly value: WireBytes;
  /** The revision that created the key (since it was last deleted). */
  readonly createRevision: number;
  /** The revision that wrote this version. */
  readonly modRevision: number;
  /** 1 when just created, one more with each write. */
  readonly version: number;
  /** The lease the key is attached to; absent when it has none. */
  readonly lease?: LeaseId;
}

/**
 * Which keys: one (`key`), those in [key, rangeEnd) with etcd's meaning of "\0" as an end,
 * or all that start with `prefix`. Exactly one of `key` and `prefix` must be there.
 */
export interface KeySelector {
  readonly key?: WireBytes;
  readonly rangeEnd?: WireBytes;
  readonly prefix?: WireBytes;
}

export interface RangeParams extends KeySelector {
  /** At most so many pairs; 0 or absent for no limit. */
  readonly limit?: number;
  /** Read the store as it was at this revision; 0 or absent for now. */
  readonly revision?: number;
  /** Answer from the member's own state at once; may be stale. */
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  /** Wait until the member has applied this revision, so that a view never goes back in time. */
  readonly minRevision?: number;
  /** Absent or `none`: by key, ascending; or ascending by `sortTarget` if that is not `key`. */
  readonly sortOrder?: SortOrder;
  /** What to sort by; absent for `key`. Pairs that are equal in it stay in the order of their keys. */
  readonly sortTarget?: SortTarget;
  /** Only pairs with a `modRevision` of at least this; `count` still counts all. 0 or absent: all. */
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

export type SortOrder = 'none' | 'ascend' | 'descend';

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

export interface RangeResult {
  readonly header: Header;
  readonly kvs: readonly WireKeyValue[];
  /** True when `limit` cut the answer. */
  readonly more: boolean;
  /** How many keys the range holds, whatever the limit. */
  readonly count: number;
}

/** One chunk of a large range, in key order. The next one is asked for with `after` and the first one's revision. */
export interface ScanParams extends KeySelector {
  /** Go on after this key: the last one of the chunk before. */
  readonly after?: WireBytes;
  /** The revision of the first chunk's result; 0 or absent for now, which is what the first chunk asks for. */
  readonly revision?: number;
  /** At most so many pairs in this chunk; 0 or absent: as many as fit one. */
  readonly limit?: number;
  readonly keysOnly?: boolean;
  readonly serializable?: boolean;
  readonly minRevision?: number;
}

export interface ScanResult {
  readonly header: Header;
  /** What the chunk shows: the state at this revision. */
  readonly revision: number;
  readonly kvs: readonly WireKeyValue[];
  /** True when the range has more keys after the last one. */
  readonly more: boolean;
}

/** Makes a mutation run at most once however often it is sent. */
export interface Once {
  /** From `client.register`. */
  readonly clientId: string;
  /** The client's own number of the mutation, from 1 up; sent again it keeps its number. */
  readonly sequence: number;
  /** The client has the answers of all its mutations below this number: they need not be kept. */
  readonly ackedBelow: number;
}

export interface PutParams {
  readonly key: WireBytes;
  /** May be left out only with `ignoreValue`. */
  readonly value?: WireBytes;
  /** The lease to attach the key to; "0" or absent for none, which detaches it. */
  readonly lease?: LeaseId;
  readonly prevKv?: boolean;
  /** Keep the value that is stored; the key must exist. */
  readonly ignoreValue?: boolean;
  /** Keep the lease that is stored; the key must exist. */
  readonly ignoreLease?: boolean;
  readonly once?: Once;
}

export interface PutResult {
  readonly header: Header;
  readonly prevKv?: WireKeyValue;
}

export interface DeleteRangeParams extends KeySelector {
  readonly prevKv?: boolean;
  readonly once?: Once;
}

export interface DeleteRangeResult {
  readonly header: Header;
  readonly deleted: number;
  readonly prevKvs?: readonly WireKeyValue[];
  /** True when the pairs were asked for and are too large for one answer; the keys are deleted. */
  readonly prevKvsOmitted?: boolean;
}

export type CompareTarget = 'version' | 'create' | 'mod' | 'value' | 'lease';

export type CompareOperator = '=' | '!=' | '<' | '>';

/**
 * A condition on a key, or on every key of a range. A key that is absent has version, revisions and
 * lease 0; a condition on its value does not hold, whatever the operator. A range without keys is one absent key.
 */
export interface Compare extends KeySelector {
  readonly target: CompareTarget;
  readonly operator: CompareOperator;
  /** A number for `version`, `create` and `mod`, bytes for `value`, a lease id for `lease`. */
  readonly operand: WireBytes | number;
}

/** Exactly one of the four. */
export interface TxnOperation {
  readonly range?: RangeParams;
  readonly put?: PutParams;
  readonly deleteRange?: DeleteRangeParams;
  readonly txn?: TxnParams;
}

/** If every condition of `compare` holds, the operations of `success` are run, else those of `failure`: at one revision, all or nothing. */
export interface TxnParams {
  readonly compare?: readonly Compare[];
  readonly success?: readonly TxnOperation[];
  readonly failure?: readonly TxnOperation[];
  /** Only on the outermost transaction. */
  readonly once?: Once;
}

/** The answer to one operation: the member that was asked for. `revision` is the store's after it. */
export interface TxnOperationResult {
  readonly range?: Omit<RangeResult, 'header'> & { readonly revision: number };
  readonly put?: Omit<PutResult, 'header'> & { readonly revision: number };
  readonly deleteRange?: Omit<DeleteRangeResult, 'header'> & { readonly revision: number };
  readonly txn?: Omit<TxnResult, 'header'> & { readonly revision: number };
}

export interface TxnResult {
  readonly header: Header;
  /** Whether the conditions held. */
  readonly succeeded: boolean;
  /** One per operation that was run, in order. */
  readonly results: readonly TxnOperationResult[];
}

export interface CompactParams {
  /** History below this revision is dropped; the state at it stays readable. */
  readonly revision: number;
  /** Answer only when the member asked has also freed the memory. */
  readonly physical?: boolean;
  readonly once?: Once;
}

export interface CompactResult {
  readonly header: Header;
}

export interface LeaseGrantParams {
  /** Time to live in seconds. Less than the cluster's floor means the floor. */
  readonly ttl: number;
  /** The caller's own id; "0" or absent to let the cluster choose. */
  readonly id?: LeaseId;
  readonly once?: Once;
}

export interface LeaseGrantResult {
  readonly header: Header;
  readonly id: LeaseId;
  /** What was granted, in seconds. */
  readonly ttl: number;
}

export interface LeaseRevokeParams {
  readonly id: LeaseId;
  readonly once?: Once;
}

export interface LeaseRevokeResult {
  readonly header: Header;
}

export interface LeaseKeepAliveParams {
  readonly id: LeaseId;
}

export interface LeaseKeepAliveResult {
  readonly header: Header;
  readonly id: LeaseId;
  /** Seconds from now on; 0 when there is no such lease (any more). */
  readonly ttl: number;
}

export interface LeaseTimeToLiveParams {
  readonly id: LeaseId;
  /** List the keys that are attached to it as well. */
  readonly keys?: boolean;
}

export interface LeaseTimeToLiveResult {
  readonly header: Header;
  readonly id: LeaseId;
  /** Whole seconds that are left; -1 when there is no such lease. */
  readonly ttl: number;
  /** 0 when there is no such lease. */
  readonly grantedTtl: number;
  /** In key order; only if asked for. */
  readonly keys?: readonly WireBytes[];
}

export interface LeaseListResult {
  readonly header: Header;
  readonly leases: readonly { readonly id: LeaseId }[];
}

export interface ClientRegisterResult {
  readonly header: Header;
  /** What {@link Once} takes. Forgotten when 10,000 other clients were more recently active. */
  readonly clientId: string;
}

export type AlarmKind = 'nospace' | 'corrupt';

export interface Alarm {
  readonly memberId: MemberId;
  readonly alarm: AlarmKind;
}

export interface AlarmListResult {
  readonly header: Header;
  readonly alarms: readonly Alarm[];
}

/** Which alarms to clear: absent members mean all. */
export interface AlarmDisarmParams {
  readonly memberId?: MemberId;
  readonly alarm?: AlarmKind;
}

/** The alarms that were cleared. */
export type AlarmDisarmResult = AlarmListResult;

/** An alarm to raise by hand. It stays until it is cleared by hand. */
export interface AlarmArmParams {
  readonly memberId: MemberId;
  readonly alarm: AlarmKind;
}

/** The alarm that was raised. */
export type AlarmArmResult = AlarmListResult;

export interface HashKvParams {
  /** 0 or absent: the newest that the member has applied. */
  readonly revision?: number;
}

export interface HashKvResult {
  readonly header: Header;
  /** Over all versions of keys up to `hashRevision` and down to `compactRevision`: equal on every member where both are. */
  readonly hash: number;
  readonly hashRevision: number;
  readonly compactRevision: number;
}

export interface DefragmentResult {
  readonly header: Header;
}

export interface HashResult {
  readonly header: Header;
  /** Over keys, history, leases, replies and members: equal on every member at an equal `revision` and log index. */
  readonly hash: number;
  readonly revision: number;
  readonly compactRevision: number;
  readonly appliedIndex: number;
}

export interface MemberInfo {
  readonly memberId: MemberId;
  readonly name: string;
  /** host:port of the client door; empty until the member has started once. */
  readonly clientAddress: string;
  readonly peerAddress: string;
  readonly isLearner: boolean;
  /** Of a learner that becomes a voter by itself once it has caught up. */
  readonly promotes?: boolean;
  /** And takes the place of this member then. */
  readonly replaces?: MemberId;
}

export interface MemberListParams {
  /** As of now, which needs a quorum; else as the asked member knows it. */
  readonly linearizable?: boolean;
}

export interface MemberAddParams {
  /** host:port at which the other members will reach it. */
  readonly peerAddress: string;
  /** It stays a learner until it is promoted; else it is promoted by itself when it has caught up. */
  readonly learner?: boolean;
}

export interface MemberRemoveParams {
  readonly memberId: MemberId;
}

export interface MemberUpdateParams {
  readonly memberId: MemberId;
  readonly peerAddress: string;
}

export interface MemberPromoteParams {
  readonly memberId: MemberId;
}

export interface MemberReplaceParams {
  /** Who goes, once the new member has caught up. */
  readonly memberId: MemberId;
  /** Where the new one will be reached; it may be where the old one was. */
  readonly peerAddress: string;
}

/** All members after the change. */
export interface MemberChangeResult {
  readonly header: Header;
  readonly members: readonly MemberInfo[];
}

export interface MemberAddResult extends MemberChangeResult {
  readonly member: MemberInfo;
}

export interface MemberListResult {
  readonly header: Header;
  readonly members: readonly MemberInfo[];
}

export interface StatusResult {
  readonly header: Header;
  readonly version: string;
  readonly name: string;
  readonly leaderId: MemberId | null;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly raftTerm: number;
  /** Last index in the member's log. */
  readonly raftIndex: number;
  readonly committedIndex: number;
  readonly appliedIndex: number;
  readonly keys: number;
  readonly compactRevision: number;
  readonly watchers: number;
  readonly leases: number;
  /** Estimated bytes of memory that keys and their history take. */
  readonly stateBytes: number;
  /** The part of it that the newest versions take; the rest is history. */
  readonly liveBytes: number;
  /** Beyond so many `stateBytes` writes that need room are refused. */
  readonly quotaBytes: number;
  readonly alarms: readonly Alarm[];
  /** What is wrong at this moment, in sentences; empty when nothing is. */
  readonly errors: readonly string[];
  /** What entries mean and which requests the cluster knows; never goes down. PROTOCOL [W-85]. */
  readonly clusterVersion: number;
  /** The cluster versions that this member's build can work with, both ends included. */
  readonly clusterVersions: { readonly lowest: number; readonly highest: number };
  /** The member's wall clock, in milliseconds since 1970: one time for programs on many machines. */
  readonly timeMs: number;
}

export interface MoveLeaderParams {
  readonly targetId: MemberId;
}

export interface MoveLeaderResult {
  readonly header: Header;
}

export interface HealthResult {
  readonly health: 'true' | 'false';
  readonly reason: string;
}
