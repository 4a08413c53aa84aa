/** From the messages of etcd's API to the requests of the store. What etcd checks is checked by the service. */
import { noLease, TableError } from '@lockstep/client/protocol';
import { noRequest } from '../../service/etcd-checks.ts';
import type {
  Compare,
  DeleteRangeRequest,
  KeyRange,
  PutRequest,
  RangeRequest,
  TxnOperation,
  TxnRequest,
} from '../../store.ts';
import { bytesOf } from './bytes.ts';
import {
  type Compare as CompareMessage,
  type DeleteRangeRequest as DeleteRangeMessage,
  type PutRequest as PutMessage,
  type RangeRequest as RangeMessage,
  type RequestOp,
  Compare_CompareTarget as Target,
  type TxnRequest as TxnMessage,
} from './gen/rpc_pb.ts';
import { countOf } from './numbers.ts';

const sortOrders = ['none', 'ascend', 'descend'] as const;
const sortTargets = ['key', 'version', 'create', 'mod', 'value'] as const;
/** In the order of etcd's numbers. */
const operators = ['=', '>', '<', '!='] as const;

export function rangeOf({ key, rangeEnd }: { key: Uint8Array; rangeEnd: Uint8Array }): KeyRange {
  return { key: bytesOf(key), rangeEnd: bytesOf(rangeEnd) };
}

/** @throws TableError `invalid_sort_option`. */
export function rangeRequestOf(message: RangeMessage): RangeRequest {
  const sortOrder = sortOrders[message.sortOrder];
  const sortTarget = sortTargets[message.sortTarget];
  if (sortOrder === undefined || sortTarget === undefined) {
    throw new TableError('invalid_sort_option');
  }
  // No revision is at most a negative one; 0 would stand for no bound at all.
  const isNone = message.maxModRevision < 0n || message.maxCreateRevision < 0n;
  return {
    ...rangeOf(message),
    limit: countOf(message.limit),
    revision: countOf(message.revision),
    keysOnly: message.keysOnly,
    countOnly: message.countOnly,
    sortOrder,
    sortTarget,
    minModRevision: isNone ? Number.MAX_SAFE_INTEGER : countOf(message.minModRevision),
    maxModRevision: countOf(message.maxModRevision),
    minCreateRevision: countOf(message.minCreateRevision),
    maxCreateRevision: countOf(message.maxCreateRevision),
  };
}

export function putRequestOf(message: PutMessage): PutRequest {
  const { lease, prevKv, ignoreValue, ignoreLease } = message;
  return {
    key: bytesOf(message.key),
    value: bytesOf(message.value),
    lease,
    prevKv,
    ignoreValue,
    ignoreLease,
  };
}

export function deleteRangeRequestOf(message: DeleteRangeMessage): DeleteRangeRequest {
  return { ...rangeOf(message), prevKv: message.prevKv };
}

/** @throws TableError as its parts. */
export function txnRequestOf(message: TxnMessage): TxnRequest {
  return {
    compares: message.compare.map(compareOf),
    success: message.success.map(operationOf),
    failure: message.failure.map(operationOf),
  };
}

function operationOf({ request }: RequestOp): TxnOperation {
  switch (request.case) {
    case 'requestRange':
      return { type: 'range', request: rangeInTxn(request.value) };
    case 'requestPut':
      return { type: 'put', request: putRequestOf(request.value) };
    case 'requestDeleteRange':
      return { type: 'deleteRange', request: deleteRangeRequestOf(request.value) };
    case 'requestTxn':
      return { type: 'txn', request: txnRequestOf(request.value) };
    default:
      return { type: 'range', request: noRequest };
  }
}

/** A negative revision is the newest one for etcd's Range, and one that is compacted within a transaction. */
function rangeInTxn(message: RangeMessage): RangeRequest {
  const request = rangeRequestOf(message);
  return message.revision < 0n ? { ...request, revision: 1 } : request;
}

/** A local read will do only if every range of it, and at least one, says so. */
export function isSerializable({ success, failure }: TxnMessage): boolean {
  const operations = [...success, ...failure];
  return (
    operations.length > 0 &&
    operations.every(({ request }) => {
      if (request.case === 'requestTxn') return isSerializable(request.value);
      return request.case === 'requestRange' && request.value.serializable;
    })
  );
}

/** An operand that is absent, or belongs to another target, is zero or empty. */
function compareOf(message: CompareMessage): Compare {
  const operator = operators[message.result];
  if (operator === undefined) {
    throw new TableError(
      'invalid_params',
      `compare.result is one of EQUAL, GREATER, LESS and NOT_EQUAL; ${message.result} is none`,
    );
  }
  const range = rangeOf(message);
  const { targetUnion: union } = message;
  const count = (which: 'version' | 'createRevision' | 'modRevision'): bigint =>
    union.case === which ? union.value : 0n;
  switch (message.target) {
    case Target.VERSION:
      return { ...range, target: 'version', ...comparison(operator, count('version')) };
    case Target.CREATE:
      return { ...range, target: 'create', ...comparison(operator, count('createRevision')) };
    case Target.MOD:
      return { ...range, target: 'mod', ...comparison(operator, count('modRevision')) };
    case Target.VALUE: {
      const operand = bytesOf(union.case === 'value' ? union.value : new Uint8Array());
      return { ...range, operator, target: 'value', operand };
    }
    case Target.LEASE: {
      const operand = union.case === 'lease' ? union.value : noLease;
      return { ...range, operator, target: 'lease', operand };
    }
    default:
      throw new TableError(
        'invalid_params',
        `compare.target is one of VERSION, CREATE, MOD, VALUE and LEASE; ${message.target} is none`,
      );
  }
}

/** What is stored is never negative, so every comparison with a negative number has a twin without one. */
function comparison(
  operator: (typeof operators)[number],
  operand: bigint,
): { operator: (typeof operators)[number]; operand: number } {
  if (operand >= 0n) return { operator, operand: countOf(operand) };
  if (operator === '<') return { operator, operand: 0 };
  return { operator: operator === '>' ? '!=' : operator, operand: Number.MAX_SAFE_INTEGER };
}
