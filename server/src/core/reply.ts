import type { Alarm, LeaseId } from '@lockstep/client/protocol';
import type { AuthRefusal } from './auth/types.ts';
import type { RegistrationRefusal } from './member-table.ts';
import type { KeyValue } from './mvcc/key-value.ts';
import type { DeleteRangeReply, PutReply, TxnReply } from './mvcc/requests.ts';
import type { RequestRefusal } from './mvcc/txn.ts';

/** A refusal is a value: apply never throws on what a user asked. */
export interface Refusal {
  readonly type: 'refused';
  readonly code:
    | RequestRefusal
    | AuthRefusal
    | 'lease_exists'
    | 'no_space'
    | 'client_expired'
    | 'reply_evicted'
    | 'too_many_requests'
    | 'cluster_too_old';
  readonly compactRevision?: number;
  readonly revision?: number | undefined;
}

/** What a command answered. */
export type Reply =
  | Refusal
  | ({ readonly type: 'put' } & PutReply)
  | ({ readonly type: 'deleteRange' } & DeleteRangeReply)
  | ({ readonly type: 'txn' } & TxnReply)
  | { readonly type: 'leaseGrant'; readonly id: LeaseId; readonly ttl: number }
  /** In the order of the ids; 0 for a lease that is not there. */
  | { readonly type: 'leaseRenew'; readonly ttls: readonly number[] }
  | { readonly type: 'registerClient'; readonly clientId: string }
  | { readonly type: 'clearAlarm'; readonly alarms: readonly Alarm[] }
  | { readonly type: 'hashCheck'; readonly check: number }
  | { readonly type: 'register'; readonly refused: RegistrationRefusal | undefined }
  | { readonly type: 'done' };

const pairOverheadBytes = 32;

/** About how many bytes it takes to remember a reply. */
export function replyBytes(reply: Reply): number {
  if (reply.type === 'put') return pairsBytes(reply.prevKv === undefined ? [] : [reply.prevKv]);
  if (reply.type === 'deleteRange') return pairsBytes(reply.prevKvs);
  if (reply.type === 'txn') return txnBytes(reply);
  return pairOverheadBytes;
}

function txnBytes(reply: TxnReply): number {
  let bytes = pairOverheadBytes;
  for (const result of reply.results) {
    bytes += pairOverheadBytes;
    if (result.type === 'range') bytes += pairsBytes(result.reply.kvs);
    else if (result.type === 'deleteRange') bytes += pairsBytes(result.reply.prevKvs);
    else if (result.type === 'txn') bytes += txnBytes(result.reply);
    else if (result.reply.prevKv !== undefined) bytes += pairsBytes([result.reply.prevKv]);
  }
  return bytes;
}

function pairsBytes(kvs: readonly KeyValue[]): number {
  let bytes = pairOverheadBytes;
  for (const { key, value } of kvs) bytes += key.length + value.length + pairOverheadBytes;
  return bytes;
}
