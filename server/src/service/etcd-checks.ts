/** What etcd refuses before anything is proposed, in etcd's order and with its sentences (etcd, server/etcdserver/api/v3rpc). */
import { emptyBytes, limits, noLease, TableError } from '@lockstep/client/protocol';
import type {
  DeleteRangeRequest,
  LeaseGrantRequest,
  PutRequest,
  RangeRequest,
  TxnOperation,
  TxnRequest,
} from '../store.ts';
import { checkKeys } from './duplicate-keys.ts';

/** Stands for the request of an operation that has none. It is refused when its turn comes, as etcd does, and never run. */
export const noRequest: RangeRequest = {
  ...{ key: emptyBytes, rangeEnd: emptyBytes, limit: 0, revision: 0 },
  ...{ keysOnly: false, countOnly: false, sortOrder: 'none', sortTarget: 'key' },
  ...{ minModRevision: 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0 },
};

/** @throws TableError `empty_key`. */
export function checkRange({ key }: RangeRequest | DeleteRangeRequest): void {
  if (key.length === 0) throw new TableError('empty_key');
}

/** @throws TableError `empty_key`, `value_provided`, `lease_provided`. */
export function checkPut({ key, value, lease, ignoreValue, ignoreLease }: PutRequest): void {
  if (key.length === 0) throw new TableError('empty_key');
  if (ignoreValue && value.length > 0) throw new TableError('value_provided');
  if (ignoreLease && lease !== noLease) throw new TableError('lease_provided');
}

/** @throws TableError `lease_ttl_too_large`. */
export function checkGrant({ ttl }: LeaseGrantRequest): void {
  if (ttl > limits.leaseTtlMax) throw new TableError('lease_ttl_too_large');
}

/** @throws TableError `too_many_operations`, `duplicate_key`, and what the parts throw. */
export function checkTxn(request: TxnRequest): void {
  checkLevel(request, limits.txnOperationsMax);
  checkKeys(request);
}

/** Each level takes the most that one of its three lists has from what the levels above have left. */
function checkLevel({ compares, success, failure }: TxnRequest, budget: number): void {
  const operations = Math.max(compares.length, success.length, failure.length);
  if (operations > budget) throw new TableError('too_many_operations');
  for (const { key } of compares) if (key.length === 0) throw new TableError('empty_key');
  for (const operation of success) checkOperation(operation, budget - operations);
  for (const operation of failure) checkOperation(operation, budget - operations);
}

function checkOperation(operation: TxnOperation, budget: number): void {
  switch (operation.type) {
    case 'put':
      return checkPut(operation.request);
    case 'txn':
      return checkLevel(operation.request, budget);
    default:
      if (operation.request === noRequest) throw new TableError('key_not_found');
      return checkRange(operation.request);
  }
}
