import {
  type DeleteRangeParams,
  type DeleteRangeResult,
  limits,
  noLease,
  type PutParams,
  type PutResult,
  type RangeParams,
  type RangeResult,
  TableError,
} from '@lockstep/client/protocol';
import type {
  DeleteRangeReply,
  PutReply,
  RangeReply,
  RangeRequest,
  Stamped,
  Store,
} from '../store.ts';
import { authorise, type CallContext } from './caller.ts';
import type { Headers } from './headers.ts';
import { answerBytes, requestBytes, requestKey, requestRange, wirePair } from './keys.ts';

/** Reads and writes of keys: what is asked is checked here, what the store answers is worded here. */
export class KvService {
  readonly #store: Store;
  readonly #headers: Headers;

  constructor(store: Store, headers: Headers) {
    this.#store = store;
    this.#headers = headers;
  }

  /** @throws TableError before the store is asked; what the store refuses rejects the promise. */
  put(params: PutParams, context: CallContext): Promise<PutResult> {
    const key = requestKey(params.key, 'key');
    const value = requestBytes(params.value, 'value');
    if (key.length + value.length > limits.requestBytesMax) {
      throw new TableError(
        'request_too_large',
        `key and value have ${key.length + value.length} bytes; a request may have ${limits.requestBytesMax}`,
      );
    }
    const prevKv = params.prevKv === true;
    if (context.caller.permits !== undefined) {
      const range = requestRange({ key: params.key });
      authorise(context.caller, 'write', range);
      if (prevKv) authorise(context.caller, 'read', range);
    }
    const stored = this.#store.put({ key, value, lease: noLease, prevKv });
    if (!prevKv) return stored.then(this.#putResult);
    return inTurn(stored, context, this.#putAnswer);
  }

  readonly #putResult = (reply: Stamped<PutReply>): PutResult => {
    const header = this.#headers.at(reply.stamp);
    return reply.prevKv === undefined ? { header } : { header, prevKv: wirePair(reply.prevKv) };
  };

  readonly #putAnswer = {
    bytes: ({ prevKv }: PutReply) => answerBytes(prevKv === undefined ? [] : [prevKv]),
    word: this.#putResult,
  };

  /** @throws TableError as {@link put}. */
  range(params: RangeParams, context: CallContext): Promise<RangeResult> {
    const range = requestRange(params);
    authorise(context.caller, 'read', range);
    const request: RangeRequest = {
      key: range.key,
      rangeEnd: range.rangeEnd,
      limit: params.limit ?? 0,
      revision: params.revision ?? 0,
      keysOnly: params.keysOnly === true,
      countOnly: params.countOnly === true,
    };
    const read = this.#store.range(request, {
      serializable: params.serializable === true,
      minRevision: params.minRevision ?? 0,
    });
    return inTurn(read, context, this.#rangeAnswer);
  }

  readonly #rangeAnswer = {
    bytes: ({ kvs }: RangeReply): number => {
      const bytes = answerBytes(kvs);
      if (kvs.length > 1) refuseLargeAnswer(bytes, kvs.length);
      return bytes;
    },
    word: (reply: Stamped<RangeReply>): RangeResult => {
      const { kvs, more, count } = reply;
      return { header: this.#headers.at(reply.stamp), kvs: kvs.map(wirePair), more, count };
    },
  };

  /** @throws TableError as {@link put}. */
  deleteRange(params: DeleteRangeParams, context: CallContext): Promise<DeleteRangeResult> {
    const range = requestRange(params);
    const prevKv = params.prevKv === true;
    authorise(context.caller, 'write', range);
    if (prevKv) authorise(context.caller, 'read', range);
    const deleted = this.#store.deleteRange({ key: range.key, rangeEnd: range.rangeEnd, prevKv });
    return inTurn(deleted, context, {
      bytes: (reply) => Math.min(answerBytes(reply.prevKvs), limits.answerBytesMax),
      word: (reply) => this.#deleteResult(reply, prevKv),
    });
  }

  #deleteResult(reply: Stamped<DeleteRangeReply>, prevKv: boolean): DeleteRangeResult {
    const header = this.#headers.at(reply.stamp);
    const { deleted, prevKvs } = reply;
    if (!prevKv) return { header, deleted };
    // The keys are gone already, so an answer that is too large cannot be a refusal.
    if (prevKvs.length > 1 && answerBytes(prevKvs) > limits.answerBytesMax) {
      return { header, deleted, prevKvsOmitted: true };
    }
    return { header, deleted, prevKvs: prevKvs.map(wirePair) };
  }
}

/** How a reply of the store is worded. */
interface Answer<Reply, Result> {
  /** @throws TableError when it is more than an answer may have. */
  bytes(reply: Reply): number;
  word(reply: Reply): Result;
}

/** Words the answer when the connection has room for it; until then only the reply is held. */
function inTurn<Reply, Result>(
  replied: Promise<Reply>,
  context: CallContext,
  answer: Answer<Reply, Result>,
): Promise<Result> {
  return replied.then((reply) => {
    const bytes = answer.bytes(reply);
    const turn = context.answerTurn?.(bytes);
    return turn === undefined ? answer.word(reply) : turn.then(() => answer.word(reply));
  });
}

function refuseLargeAnswer(bytes: number, pairs: number): void {
  if (bytes <= limits.answerBytesMax) return;
  throw new TableError(
    'answer_too_large',
    `the answer has ${pairs} keys and ${bytes} bytes; one answer may have ${limits.answerBytesMax}. ` +
      'Page through it: ask with limit, then again with key just after the last key you got ' +
      '(that key and a zero byte), the same rangeEnd and the revision of the first answer; ' +
      'or ask with keysOnly or countOnly',
  );
}
