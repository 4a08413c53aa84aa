import type { AlarmKind, LeaseId, MemberId, Once } from '@lockstep/client/protocol';
import type { AuthAction } from './auth/types.ts';
import type { LeaseMark } from './lease/types.ts';
import type { DeleteRangeRequest, PutRequest, TxnRequest } from './mvcc/requests.ts';

/**
 * Who proposed a command, so that the proposer finds its waiting caller when the command is applied.
 * `incarnation` is drawn anew at each start: numbers of an earlier life never match.
 */
export interface Origin {
  readonly incarnation: number;
  readonly sequence: number;
}

export interface PutCommand extends PutRequest {
  readonly type: 'put';
}

export interface DeleteRangeCommand extends DeleteRangeRequest {
  readonly type: 'deleteRange';
}

export interface TxnCommand extends TxnRequest {
  readonly type: 'txn';
}

export interface CompactCommand {
  readonly type: 'compact';
  readonly revision: number;
}

export interface LeaseGrantCommand {
  readonly type: 'leaseGrant';
  /** "0": the machine chooses. */
  readonly id: LeaseId;
  /** In seconds; the proposer has raised it to the floor. */
  readonly ttl: number;
}

export interface LeaseRevokeCommand {
  readonly type: 'leaseRevoke';
  readonly id: LeaseId;
}

/** All renewals that one member took in a tick. */
export interface LeaseRenewCommand {
  readonly type: 'leaseRenew';
  readonly ids: readonly LeaseId[];
}

/** Leases whose time is up by the leader's count. One that was renewed since it looked stays. */
export interface LeaseExpireCommand {
  readonly type: 'leaseExpire';
  readonly marks: readonly LeaseMark[];
}

/** What was left of long leases, so that a restart of everybody does not begin to count anew. */
export interface LeaseCheckpointCommand {
  readonly type: 'leaseCheckpoint';
  readonly checkpoints: readonly { readonly mark: LeaseMark; readonly remaining: number }[];
}

/** Gives a client an id under which its mutations run at most once. */
export interface RegisterClientCommand {
  readonly type: 'registerClient';
}

export interface RaiseAlarmCommand {
  readonly type: 'raiseAlarm';
  readonly memberId: MemberId;
  readonly alarm: AlarmKind;
}

export interface ClearAlarmCommand {
  readonly type: 'clearAlarm';
  /** '' for all. */
  readonly memberId: MemberId;
  readonly alarm: AlarmKind | '';
}

/** Every member takes the hash of its state as of this entry. */
export interface HashCheckCommand {
  readonly type: 'hashCheck';
}

export interface HashReportCommand {
  readonly type: 'hashReport';
  readonly memberId: MemberId;
  /** The log index of the check. */
  readonly check: number;
  readonly hash: number;
}

/** Binds a member's id to the one data directory that may act under it, and tells its addresses. */
export interface RegisterCommand {
  readonly type: 'register';
  readonly memberId: MemberId;
  readonly directoryId: string;
  readonly name: string;
  readonly clientAddress: string;
  readonly peerAddress: string;
}

/** Takes the cluster to a version that every member has said it can work with. It never goes down. */
export interface RaiseClusterVersionCommand {
  readonly type: 'raiseClusterVersion';
  readonly version: number;
}

/** A change of users, roles, permissions, or of whether they count. */
export interface AuthCommand {
  readonly type: 'auth';
  readonly change: AuthAction;
}

export type Command =
  | PutCommand
  | DeleteRangeCommand
  | TxnCommand
  | CompactCommand
  | LeaseGrantCommand
  | LeaseRevokeCommand
  | LeaseRenewCommand
  | LeaseExpireCommand
  | LeaseCheckpointCommand
  | RegisterClientCommand
  | RaiseAlarmCommand
  | ClearAlarmCommand
  | HashCheckCommand
  | HashReportCommand
  | RegisterCommand
  | RaiseClusterVersionCommand
  | AuthCommand;

/**
 * For whom a command was proposed while rights are enforced, and by which rights that was allowed. The
 * command is applied only if they are still the same, so every member agrees on what is allowed.
 */
export interface Asker {
  readonly user: string;
  readonly authRevision: number;
}

export interface Envelope {
  readonly origin: Origin;
  /** Set when the command must run at most once however often it is proposed. */
  readonly once: Once | undefined;
  /** Undefined for what members do by themselves, and while nobody is asked who he is. */
  readonly asker: Asker | undefined;
  readonly command: Command;
}

/** True when the command may make the state larger: it is refused while there is no space. */
export function needsRoom(command: Command): boolean {
  if (command.type === 'txn') return hasPuts(command);
  return command.type === 'put' || command.type === 'leaseGrant';
}

function hasPuts(txn: TxnRequest): boolean {
  return [...txn.success, ...txn.failure].some(
    (operation) =>
      operation.type === 'put' || (operation.type === 'txn' && hasPuts(operation.request)),
  );
}
