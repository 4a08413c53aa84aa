import { latestOf } from './key-history.ts';
import type { KeyValue } from './key-value.ts';
import type {
  Compare,
  DeleteRangeReply,
  DeleteRangeRequest,
  PutReply,
  PutRequest,
  TxnOperation,
  TxnOperationReply,
  TxnReply,
  TxnRequest,
} from './requests.ts';
import { type MvccStore, type RevisionRefusal, rightNow } from './store.ts';
import { emptyBytes, noLease } from './values.ts';
import type { WriteTxn } from './write-txn.ts';

/** Why a request was not run; nothing of it was. */
export type RequestRefusal = 'key_not_found' | 'lease_not_found' | RevisionRefusal;

/** Which branch each transaction of the tree takes: decided before anything is written (etcd). */
interface Path {
  readonly succeeded: boolean;
  /** Of the transactions among the operations of the branch, in order. */
  readonly nested: readonly Path[];
}

/** The reply, or why there is none. */
export type TxnOutcome = { readonly reply: TxnReply } | { readonly refused: RequestRefusal };

/**
 * Runs a transaction: decide on every branch, check everything on the path, then write. Since all
 * of it looks at replicated state only, every member decides alike; and since it is checked first, a
 * refused transaction leaves nothing behind.
 */
export function runTxn(store: MvccStore, txn: WriteTxn, request: TxnRequest): TxnOutcome {
  const path = pathOf(store, request);
  const refused =
    firstRefusal(request, path, (operation) => putRefusal(store, operation)) ??
    firstRefusal(request, path, (operation) => rangeRefusal(store, operation));
  return refused === undefined ? { reply: execute(store, txn, request, path) } : { refused };
}

export function runPut(store: MvccStore, txn: WriteTxn, request: PutRequest): PutReply {
  const { key, prevKv, ignoreValue, ignoreLease } = request;
  const stored = ignoreValue || ignoreLease ? store.get(key) : undefined;
  const previous = txn.put({
    key,
    value: ignoreValue ? (stored?.value ?? emptyBytes) : request.value,
    lease: ignoreLease ? (stored?.lease ?? noLease) : request.lease,
  });
  return { prevKv: prevKv ? previous : undefined };
}

export function runDeleteRange(txn: WriteTxn, request: DeleteRangeRequest): DeleteRangeReply {
  const gone = txn.deleteRange(request);
  return { deleted: gone.length, prevKvs: request.prevKv ? gone : [] };
}

/** etcd asks for the lease first when a put stands alone, and for the key first in a transaction. */
export function lonePutRefusal(store: MvccStore, put: PutRequest): RequestRefusal | undefined {
  return leaseRefusal(store, put) ?? keyRefusal(store, put);
}

function leaseRefusal(store: MvccStore, { lease }: PutRequest): RequestRefusal | undefined {
  return lease === noLease || store.hasLease(lease) ? undefined : 'lease_not_found';
}

function keyRefusal(store: MvccStore, put: PutRequest): RequestRefusal | undefined {
  if (!put.ignoreValue && !put.ignoreLease) return undefined;
  return store.get(put.key) === undefined ? 'key_not_found' : undefined;
}

function putRefusal(store: MvccStore, operation: TxnOperation): RequestRefusal | undefined {
  if (operation.type !== 'put') return undefined;
  return keyRefusal(store, operation.request) ?? leaseRefusal(store, operation.request);
}

function rangeRefusal(store: MvccStore, operation: TxnOperation): RequestRefusal | undefined {
  return operation.type === 'range' ? store.refusal(operation.request.revision) : undefined;
}

function branchOf(request: TxnRequest, path: Path): readonly TxnOperation[] {
  return path.succeeded ? request.success : request.failure;
}

/** The first operation on the path that `check` refuses, depth first. */
function firstRefusal(
  request: TxnRequest,
  path: Path,
  check: (operation: TxnOperation) => RequestRefusal | undefined,
): RequestRefusal | undefined {
  let child = 0;
  for (const operation of branchOf(request, path)) {
    const refused =
      operation.type === 'txn'
        ? firstRefusal(operation.request, path.nested[child++] as Path, check)
        : check(operation);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function pathOf(store: MvccStore, request: TxnRequest): Path {
  const succeeded = request.compares.every((compare) => holds(store, compare));
  const nested: Path[] = [];
  for (const operation of succeeded ? request.success : request.failure) {
    if (operation.type === 'txn') nested.push(pathOf(store, operation.request));
  }
  return { succeeded, nested };
}

/** True when the condition holds for every key of the range; without any, for one that is absent. */
function holds(store: MvccStore, compare: Compare): boolean {
  let found = false;
  const failed = store.walk(compare, emptyBytes, rightNow, (versions) => {
    found = true;
    return !holdsFor(compare, latestOf(versions));
  });
  if (found) return failed === undefined;
  // There is no way to say "no value", so a condition on one never holds for an absent key (etcd).
  return compare.target !== 'value' && holdsFor(compare, absent);
}

const absent = {
  value: emptyBytes,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: noLease,
};

function holdsFor(compare: Compare, kv: Omit<KeyValue, 'key'>): boolean {
  switch (compare.target) {
    case 'version':
      return decide(compare.operator, kv.version, compare.operand);
    case 'create':
      return decide(compare.operator, kv.createRevision, compare.operand);
    case 'mod':
      return decide(compare.operator, kv.modRevision, compare.operand);
    case 'value':
      return decide(compare.operator, kv.value, compare.operand);
    case 'lease':
      return decide(compare.operator, BigInt(kv.lease), BigInt(compare.operand));
  }
}

function decide<Operand extends number | string | bigint>(
  operator: Compare['operator'],
  stored: Operand,
  operand: Operand,
): boolean {
  if (operator === '=') return stored === operand;
  if (operator === '!=') return stored !== operand;
  return operator === '<' ? stored < operand : stored > operand;
}

function execute(store: MvccStore, txn: WriteTxn, request: TxnRequest, path: Path): TxnReply {
  const results: TxnOperationReply[] = [];
  let child = 0;
  for (const operation of branchOf(request, path)) {
    switch (operation.type) {
      case 'range': {
        const reply = txn.range(operation.request);
        results.push({ type: 'range', reply, revision: txn.revision });
        break;
      }
      case 'put': {
        const reply = runPut(store, txn, operation.request);
        results.push({ type: 'put', reply, revision: txn.revision });
        break;
      }
      case 'deleteRange': {
        const reply = runDeleteRange(txn, operation.request);
        results.push({ type: 'deleteRange', reply, revision: txn.revision });
        break;
      }
      case 'txn': {
        const reply = execute(store, txn, operation.request, path.nested[child++] as Path);
        results.push({ type: 'txn', reply, revision: txn.revision });
        break;
      }
    }
  }
  return { succeeded: path.succeeded, results };
}

/** True when no branch can write: then it need not be replicated. */
export function isReadOnly(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every(
    (operation) =>
      operation.type === 'range' || (operation.type === 'txn' && isReadOnly(operation.request)),
  );
}
