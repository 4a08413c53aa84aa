import type { Command } from '../../server/src/core/command.ts';
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type {
  Compare,
  RangeRequest,
  TxnOperation,
  TxnOperationReply,
  TxnRequest,
} from '../../server/src/core/mvcc/requests.ts';
import { type ByteString, emptyBytes, noLease } from '../../server/src/core/mvcc/values.ts';
import type { Reply } from '../../server/src/core/reply.ts';
import type { Answer, Ask, Condition, Keys, Pair, RangeAsk, Request } from '../checkers/history.ts';

/** What the core is asked for what a history says; undefined for what is no command: reads, and renewals, which travel together. */
export function commandOf(request: Request): Command | undefined {
  switch (request.type) {
    case 'put':
    case 'delete':
    case 'txn': {
      const operation = operationOf(request);
      if (operation.type === 'range') return undefined;
      return { type: operation.type, ...operation.request } as Command;
    }
    case 'grant':
      return { type: 'leaseGrant', id: noLease, ttl: Math.ceil(request.ttlMs / 1_000) };
    case 'revoke':
      return { type: 'leaseRevoke', id: request.lease };
    case 'compact':
      return { type: 'compact', revision: request.revision };
    default:
      return undefined;
  }
}

/** A read, as the transaction that does nothing else. */
export function readOf(ask: RangeAsk): TxnRequest {
  return { compares: [], success: [operationOf(ask)], failure: [] };
}

function operationOf(ask: Ask): TxnOperation {
  switch (ask.type) {
    case 'range':
      return { type: 'range', request: rangeOf(ask) };
    case 'put': {
      const { lease = noLease, prevKv = false } = ask;
      const kept = { ignoreValue: false, ignoreLease: false };
      const bytes = { key: ask.key as ByteString, value: ask.value as ByteString };
      return { type: 'put', request: { ...bytes, lease, prevKv, ...kept } };
    }
    case 'delete':
      return {
        type: 'deleteRange',
        request: { ...keysOf(ask), prevKv: ask.prevKv ?? false },
      };
    case 'txn':
      return {
        type: 'txn',
        request: {
          compares: ask.compare.map(compareOf),
          success: ask.success.map(operationOf),
          failure: ask.failure.map(operationOf),
        },
      };
  }
}

function rangeOf(ask: RangeAsk): RangeRequest {
  return {
    ...keysOf(ask),
    limit: ask.limit ?? 0,
    revision: ask.revision ?? 0,
    keysOnly: false,
    countOnly: false,
    sortOrder: 'none',
    sortTarget: 'key',
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}

function keysOf({ key, rangeEnd }: Keys): { key: ByteString; rangeEnd: ByteString } {
  return { key: key as ByteString, rangeEnd: (rangeEnd ?? emptyBytes) as ByteString };
}

function compareOf({ key, target, operator, operand }: Condition): Compare {
  // The operand's type goes with the target, which the type of a condition does not say.
  return { key, rangeEnd: emptyBytes, target, operator, operand } as Compare;
}

/** What a history says of a reply; undefined for a refusal. */
export function answerOf(reply: Reply): Answer | undefined {
  switch (reply.type) {
    case 'put':
    case 'deleteRange':
    case 'txn':
      return ranAs({ type: reply.type, reply, revision: 0 } as TxnOperationReply);
    case 'leaseGrant':
      return { type: 'grant', lease: reply.id };
    case 'refused':
      return undefined;
    default:
      return { type: 'done' };
  }
}

export function ranAs(result: TxnOperationReply): Answer {
  switch (result.type) {
    case 'range': {
      const { kvs, count, more } = result.reply;
      return { type: 'range', pairs: kvs.map(pairOf), count, more };
    }
    case 'put': {
      const { prevKv } = result.reply;
      return { type: 'put', ...(prevKv === undefined ? {} : { prev: pairOf(prevKv) }) };
    }
    case 'deleteRange': {
      const { deleted, prevKvs } = result.reply;
      return {
        type: 'delete',
        deleted,
        ...(prevKvs.length === 0 ? {} : { prev: prevKvs.map(pairOf) }),
      };
    }
    case 'txn': {
      const { succeeded, results } = result.reply;
      return { type: 'txn', succeeded, answers: results.map(ranAs) };
    }
  }
}

export function pairOf({
  key,
  value,
  createRevision,
  modRevision,
  version,
  lease,
}: KeyValue): Pair {
  const pair = { key, value, createRevision, modRevision, version };
  return lease === noLease ? pair : { ...pair, lease };
}
