/** The neutral requests as params of Lockstep's methods, and its results as neutral answers. */
import {
  type ByteString,
  bytesFromWire,
  type Compare,
  type KeySelector,
  type PutParams,
  prefixEnd,
  type RangeParams,
  type TxnOperation,
  type TxnOperationResult,
  type TxnParams,
  type WatchCreateParams,
  type WireBytes,
  type WireEvent,
  type WireKeyValue,
  wireFromBytes,
} from '@lockstep/client/protocol';
import type {
  Condition,
  Keys,
  Operation,
  OperationAnswer,
  Pair,
  Put,
  Range,
  SeenEvent,
  Txn,
  Watch,
} from './model.ts';

/** The shape that every result of an operation fits, alone or within a transaction. */
export interface LockstepResult {
  readonly kvs?: readonly WireKeyValue[];
  readonly more?: boolean;
  readonly count?: number;
  readonly prevKv?: WireKeyValue;
  readonly deleted?: number;
  readonly prevKvs?: readonly WireKeyValue[];
  readonly succeeded?: boolean;
  readonly results?: readonly TxnOperationResult[];
}

/** Leaves out what is nothing, as a caller does, so that the defaults are compared as well. */
function present<Params extends object>(params: Params): Partial<Params> {
  const kept = Object.entries(params).filter(
    ([, value]) => value !== 0 && value !== false && value !== undefined && value !== 'none',
  );
  // The entries are those of the params.
  return Object.fromEntries(kept) as Partial<Params>;
}

/** A range that is a prefix's is named by the prefix, so that both ways of saying it are taken. */
export function selector({ key, rangeEnd }: Keys): KeySelector {
  if (rangeEnd === '') return { key: wireFromBytes(key) };
  if (key === '\0' && rangeEnd === '\0') return { prefix: '' };
  if (key !== '' && rangeEnd !== '\0' && rangeEnd === prefixEnd(key)) {
    return { prefix: wireFromBytes(key) };
  }
  return { key: wireFromBytes(key), rangeEnd: wireFromBytes(rangeEnd) };
}

function rangeParams(range: Range): RangeParams {
  const { kind, key, rangeEnd, sortTarget, ...options } = range;
  return {
    ...selector({ key, rangeEnd }),
    ...present(options),
    ...(sortTarget !== 'key' && { sortTarget }),
  };
}

function putParams({ key, value, lease, prevKv, ignoreValue, ignoreLease }: Put): PutParams {
  const given = ignoreValue && value === '' ? {} : { value: wireFromBytes(value) };
  const attached = lease === '0' ? {} : { lease };
  return {
    key: wireFromBytes(key),
    ...given,
    ...attached,
    ...present({ prevKv, ignoreValue, ignoreLease }),
  };
}

function compareOf(condition: Condition): Compare {
  const { target, operator } = condition;
  const operand =
    condition.target === 'value' ? wireFromBytes(condition.operand) : condition.operand;
  return { ...selector(condition), target, operator, operand };
}

function txnParams({ compare, success, failure }: Txn): TxnParams {
  return {
    ...(compare.length > 0 && { compare: compare.map(compareOf) }),
    ...(success.length > 0 && { success: success.map(txnOperation) }),
    ...(failure.length > 0 && { failure: failure.map(txnOperation) }),
  };
}

/** An operation alone has the params that it has within a transaction. */
export function txnOperation(operation: Operation): TxnOperation {
  switch (operation.kind) {
    case 'range':
      return { range: rangeParams(operation) };
    case 'put':
      return { put: putParams(operation) };
    case 'deleteRange':
      return {
        deleteRange: { ...selector(operation), ...present({ prevKv: operation.prevKv }) },
      };
    case 'txn':
      return { txn: txnParams(operation) };
  }
}

export function watchParams(watch: Watch): WatchCreateParams {
  const { startRevision, prevKv, noPut, noDelete, progress } = watch;
  return {
    ...selector(watch),
    // Both the client and the member choose ids.
    ...(watch.watch % 2 === 0 && { watchId: 1_000 + watch.watch }),
    ...present({ startRevision, prevKv, noPut, noDelete, progressNotify: progress }),
  };
}

export function neutralBytes(wire: WireBytes): ByteString {
  const bytes = bytesFromWire(wire);
  if (bytes === undefined) throw new Error(`Lockstep sent bytes as ${JSON.stringify(wire)}`);
  return bytes;
}

export function neutralPair(pair: WireKeyValue): Pair {
  const { createRevision, modRevision, version, lease = '0' } = pair;
  const [key, value] = [neutralBytes(pair.key), neutralBytes(pair.value)];
  return { key, value, createRevision, modRevision, version, lease };
}

export function neutralEvent({ type, kv, prevKv }: WireEvent): SeenEvent {
  return { type, kv: neutralPair(kv), prevKv: prevKv && neutralPair(prevKv) };
}

export function neutralOperation(
  kind: OperationAnswer['kind'],
  result: LockstepResult,
  revision: number,
): OperationAnswer {
  switch (kind) {
    case 'range': {
      const { kvs = [], more = false, count = -1 } = result;
      return { kind, revision, kvs: kvs.map(neutralPair), more, count };
    }
    case 'put':
      return { kind, revision, prevKv: result.prevKv && neutralPair(result.prevKv) };
    case 'deleteRange': {
      const { deleted = -1, prevKvs = [] } = result;
      return { kind, revision, deleted, prevKvs: prevKvs.map(neutralPair) };
    }
    case 'txn': {
      const { succeeded = false, results = [] } = result;
      return { kind, revision, succeeded, results: results.map(neutralResult) };
    }
  }
}

function neutralResult({ range, put, deleteRange, txn }: TxnOperationResult): OperationAnswer {
  if (range) return neutralOperation('range', range, range.revision);
  if (put) return neutralOperation('put', put, put.revision);
  if (deleteRange) return neutralOperation('deleteRange', deleteRange, deleteRange.revision);
  if (txn) return neutralOperation('txn', txn, txn.revision);
  throw new Error('Lockstep answered an operation with none of the four results');
}
