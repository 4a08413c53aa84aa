import {
  limits,
  type TxnOperationResult,
  type TxnParams,
  type TxnResult,
} from '@lockstep/client/protocol';
import type {
  Asker,
  RangeReply,
  Stamped,
  Store,
  TxnOperation,
  TxnOperationReply,
  TxnReply,
  TxnRequest,
} from '../store.ts';
import { type Answer, inTurn, refuseLargeAnswer, wordDeletion } from './answer.ts';
import type { CallContext, Caller } from './caller.ts';
import { checkKeys } from './duplicate-keys.ts';
import type { Gate } from './gate.ts';
import type { Headers } from './headers.ts';
import { answerBytes, wirePair } from './keys.ts';
import { authoriseTxn } from './request-rights.ts';
import { checkedOnce, refuseLargeRequest } from './requests.ts';
import { txnRequest } from './txn-request.ts';

/** Transactions: checked as a whole tree before the store hears of them. */
export class TxnService {
  readonly #store: Store;
  readonly #headers: Headers;
  readonly #gate: Gate;

  constructor(store: Store, headers: Headers, gate: Gate) {
    this.#store = store;
    this.#headers = headers;
    this.#gate = gate;
  }

  /** @throws TableError before the store is asked; what the store refuses rejects the promise. */
  run(params: TxnParams, context: CallContext): Promise<TxnResult> {
    const request = txnRequest(params);
    checkKeys(request);
    refuseLargeRequest(requestBytesOf(request), 'keys and values');
    const decide = (caller: Caller) => authoriseTxn(caller, request, this.#store);
    const writes = mayWrite(request);
    const serializable = isSerializable(params);
    const once = checkedOnce(params.once);
    const run = (asker?: Asker) => this.#store.txn(request, { serializable, once, asker });
    // What cannot write is not proposed, so nobody but this gate looks at it again.
    const recheck = writes ? undefined : this.#gate.read(context.caller, decide);
    const ran = writes ? this.#gate.change(context.caller, decide, run, (reply) => reply) : run();
    const answer: Answer<Stamped<TxnReply>, TxnResult> = {
      bytes: (reply) => {
        const { bytes, pairs } = sizeOf(reply);
        if (!writes && pairs > 1) refuseLargeAnswer(bytes, pairs);
        return Math.min(bytes, limits.answerBytesMax);
      },
      word: (reply) => this.#result(reply),
    };
    return inTurn(ran, context, answer, recheck);
  }

  #result(reply: Stamped<TxnReply>): TxnResult {
    // What was written cannot be refused any more, so an answer that is too large loses its pairs.
    const { bytes, pairs } = sizeOf(reply);
    const whole = pairs <= 1 || bytes <= limits.answerBytesMax;
    return { header: this.#headers.at(reply.stamp), ...word(reply, whole) };
  }
}

function word({ succeeded, results }: TxnReply, whole: boolean): Omit<TxnResult, 'header'> {
  return { succeeded, results: results.map((result) => wordOperation(result, whole)) };
}

function wordOperation(result: TxnOperationReply, whole: boolean): TxnOperationResult {
  const { revision } = result;
  switch (result.type) {
    case 'range':
      return { range: { revision, ...wordRange(result.reply, whole) } };
    case 'put': {
      const { prevKv } = result.reply;
      return {
        put: prevKv === undefined || !whole ? { revision } : { revision, prevKv: wirePair(prevKv) },
      };
    }
    case 'deleteRange': {
      const { deleted, prevKvs } = result.reply;
      if (!whole && prevKvs.length > 0) {
        return { deleteRange: { revision, deleted, prevKvsOmitted: true } };
      }
      return { deleteRange: { revision, ...wordDeletion(result.reply, prevKvs.length > 0) } };
    }
    case 'txn':
      return { txn: { revision, ...word(result.reply, whole) } };
  }
}

function wordRange({ kvs, more, count }: RangeReply, whole: boolean) {
  return whole ? { kvs: kvs.map(wirePair), more, count } : { kvs: [], more: kvs.length > 0, count };
}

/** A local read will do only if every range of it, and at least one, says so. */
function isSerializable({ success = [], failure = [] }: TxnParams): boolean {
  const operations = [...success, ...failure];
  return (
    operations.length > 0 &&
    operations.every(({ range, txn }) =>
      txn === undefined ? range?.serializable === true : isSerializable(txn),
    )
  );
}

function operationsOf(request: TxnRequest): readonly TxnOperation[] {
  return [...request.success, ...request.failure];
}

function mayWrite(request: TxnRequest): boolean {
  return operationsOf(request).some((operation) =>
    operation.type === 'txn' ? mayWrite(operation.request) : operation.type !== 'range',
  );
}

export function requestBytesOf(request: TxnRequest): number {
  let bytes = 0;
  for (const compare of request.compares) {
    bytes += compare.key.length + compare.rangeEnd.length;
    if (compare.target === 'value') bytes += compare.operand.length;
  }
  for (const operation of operationsOf(request)) {
    if (operation.type === 'txn') bytes += requestBytesOf(operation.request);
    else if (operation.type === 'put') {
      bytes += operation.request.key.length + operation.request.value.length;
    } else bytes += operation.request.key.length + operation.request.rangeEnd.length;
  }
  return bytes;
}

function sizeOf(reply: TxnReply): { bytes: number; pairs: number } {
  let bytes = 0;
  let pairs = 0;
  for (const result of reply.results) {
    if (result.type === 'txn') {
      const nested = sizeOf(result.reply);
      bytes += nested.bytes;
      pairs += nested.pairs;
      continue;
    }
    const kvs =
      result.type === 'range'
        ? result.reply.kvs
        : result.type === 'deleteRange'
          ? result.reply.prevKvs
          : result.reply.prevKv === undefined
            ? []
            : [result.reply.prevKv];
    bytes += answerBytes(kvs);
    pairs += kvs.length;
  }
  return { bytes, pairs };
}
