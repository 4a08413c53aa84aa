/** From the wire's transaction to the store's, with etcd's checks in etcd's order (etcd API, checkTxnRequest). */
import {
  type Compare as CompareParams,
  isLeaseId,
  limits,
  type TxnOperation as OperationParams,
  TableError,
  type TxnParams,
} from '@lockstep/client/protocol';
import type { Compare, TxnOperation, TxnRequest } from '../store.ts';
import { requestBytes, requestRange } from './keys.ts';
import { deleteRangeRequest, putRequest, rangeRequest } from './requests.ts';

/**
 * The transaction, checked but for {@link checkKeys}.
 * @param path where it stands in the request, for messages.
 * @param budget operations that may still be asked for: each level takes the most that one of its three lists has.
 * @throws TableError `too_many_operations`, and what its parts throw.
 */
export function txnRequest(
  params: TxnParams,
  path = 'params',
  budget: number = limits.txnOperationsMax,
): TxnRequest {
  const { compare = [], success = [], failure = [] } = params;
  const operations = Math.max(compare.length, success.length, failure.length);
  if (operations > budget) {
    throw new TableError(
      'too_many_operations',
      `etcdserver: too many operations in txn request; ${limits.txnOperationsMax} may be asked for: ` +
        'each level takes the most that one of its compare, success and failure has',
    );
  }
  const left = budget - operations;
  return {
    compares: compare.map((condition, at) => compareRequest(condition, `${path}.compare[${at}]`)),
    success: success.map((step, at) => operationRequest(step, `${path}.success[${at}]`, left)),
    failure: failure.map((step, at) => operationRequest(step, `${path}.failure[${at}]`, left)),
  };
}

function operationRequest(params: OperationParams, path: string, budget: number): TxnOperation {
  const { range, put, deleteRange, txn } = params;
  if (range !== undefined) return { type: 'range', request: rangeRequest(range, `${path}.range`) };
  if (put !== undefined) return { type: 'put', request: putRequest(put, `${path}.put`) };
  if (deleteRange !== undefined) {
    const request = deleteRangeRequest(deleteRange, `${path}.deleteRange`);
    return { type: 'deleteRange', request };
  }
  return { type: 'txn', request: txnRequest(txn ?? {}, `${path}.txn`, budget) };
}

function compareRequest(params: CompareParams, path: string): Compare {
  const { key, rangeEnd } = requestRange(params, path);
  const { target, operator, operand } = params;
  const range = { key, rangeEnd, operator };
  if (target === 'value') {
    if (typeof operand === 'number')
      throw wrongOperand(path, target, 'a string, or {"base64": "..."}');
    return { ...range, target, operand: requestBytes(operand, 'operand', path) };
  }
  if (target === 'lease') {
    if (typeof operand === 'string' && isLeaseId(operand)) return { ...range, target, operand };
    throw wrongOperand(path, target, 'a 64-bit number in a string, as in "42"');
  }
  if (typeof operand === 'number') return { ...range, target, operand };
  throw wrongOperand(path, target, 'a whole number');
}

function wrongOperand(path: string, target: string, right: string): TableError {
  return new TableError(
    'invalid_params',
    `${path}.operand must be ${right}, since the condition is on ${target}`,
  );
}
