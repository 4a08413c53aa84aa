import {
  type CompactParams,
  type CompactResult,
  type DeleteRangeParams,
  type DeleteRangeResult,
  emptyBytes,
  limits,
  type PutParams,
  type PutResult,
  type RangeParams,
  type RangeResult,
  type ScanParams,
  type ScanResult,
} from '@lockstep/client/protocol';
import type { PutReply, RangeReply, ScanRequest, Stamped, Store } from '../store.ts';
import { inTurn, refuseLargeAnswer, wordDeletion } from './answer.ts';
import { authorise, authorisePut, type CallContext } from './caller.ts';
import type { Headers } from './headers.ts';
import { answerBytes, pairOverheadBytes, requestBytes, requestRange, wirePair } from './keys.ts';
import {
  checkedOnce,
  deleteRangeRequest,
  putRequest,
  rangeRequest,
  readOptions,
  refuseLargeRequest,
} from './requests.ts';

/** Small pairs take more in an answer than the bytes of keys and values, which is what the store counts. */
const chunkPairsMax = Math.floor(limits.scanChunkBytesMax / pairOverheadBytes);

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
    const request = putRequest(params);
    const { key, value, prevKv } = request;
    refuseLargeRequest(key.length + value.length, 'key and value');
    if (context.caller.permits !== undefined) authorisePut(context.caller, request);
    const stored = this.#store.put(request, checkedOnce(params.once));
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
    const request = rangeRequest(params);
    authorise(context.caller, 'read', request);
    const read = this.#store.range(request, readOptions(params));
    return inTurn(read, context, this.#rangeAnswer);
  }

  /** @throws TableError as {@link put}. */
  scan(params: ScanParams, context: CallContext): Promise<ScanResult> {
    const range = requestRange(params);
    authorise(context.caller, 'read', range);
    const request: ScanRequest = {
      key: range.key,
      rangeEnd: range.rangeEnd,
      after: params.after === undefined ? emptyBytes : requestBytes(params.after, 'after'),
      revision: params.revision ?? 0,
      limit: Math.min(params.limit || chunkPairsMax, chunkPairsMax),
      bytesMax: limits.scanChunkBytesMax,
      keysOnly: params.keysOnly === true,
    };
    const read = this.#store.scan(request, readOptions(params));
    return inTurn(read, context, {
      bytes: ({ kvs }) => answerBytes(kvs),
      word: ({ stamp, revision, kvs, more }) => ({
        header: this.#headers.at(stamp),
        revision,
        kvs: kvs.map(wirePair),
        more,
      }),
    });
  }

  /** @throws TableError as {@link put}. */
  async compact(params: CompactParams, context: CallContext): Promise<CompactResult> {
    authorise(context.caller, 'administer', undefined);
    const request = { revision: params.revision, physical: params.physical === true };
    const { stamp } = await this.#store.compact(request, checkedOnce(params.once));
    return { header: this.#headers.at(stamp) };
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
    const request = deleteRangeRequest(params);
    const { prevKv } = request;
    authorise(context.caller, 'write', request);
    if (prevKv) authorise(context.caller, 'read', request);
    const deleted = this.#store.deleteRange(request, checkedOnce(params.once));
    return inTurn(deleted, context, {
      bytes: (reply) => Math.min(answerBytes(reply.prevKvs), limits.answerBytesMax),
      word: (reply) => ({ header: this.#headers.at(reply.stamp), ...wordDeletion(reply, prevKv) }),
    });
  }
}
