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
import type {
  Asker,
  PutReply,
  RangeReply,
  ScanReply,
  ScanRequest,
  Stamped,
  Store,
} from '../store.ts';
import { type Answer, inTurn, refuseLargeAnswer, wordDeletion } from './answer.ts';
import { administer, authorise, type CallContext, type Caller } from './caller.ts';
import { asIs, type Gate } from './gate.ts';
import type { Headers } from './headers.ts';
import { answerBytes, pairOverheadBytes, requestBytes, requestRange, wirePair } from './keys.ts';
import { authoriseDelete, authoriseLeasedPut } from './request-rights.ts';
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
  readonly #gate: Gate;

  constructor(store: Store, headers: Headers, gate: Gate) {
    this.#store = store;
    this.#headers = headers;
    this.#gate = gate;
  }

  /** @throws TableError before the store is asked; what the store refuses rejects the promise. */
  put(params: PutParams, context: CallContext): Promise<PutResult> {
    const request = putRequest(params);
    const { key, value, prevKv } = request;
    refuseLargeRequest(key.length + value.length, 'key and value');
    const once = checkedOnce(params.once);
    const decide = (caller: Caller) => authoriseLeasedPut(caller, request, this.#store);
    const run = (asker?: Asker) => this.#store.put(request, once, asker);
    const { caller } = context;
    if (!prevKv) return this.#gate.change(caller, decide, run, this.#putResult);
    return inTurn(this.#gate.change(caller, decide, run, asIs), context, this.#putAnswer);
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
    const recheck = this.#gate.read(context.caller, (caller) => authorise(caller, 'read', request));
    const read = this.#store.range(request, readOptions(params));
    return inTurn(read, context, this.#rangeAnswer, recheck);
  }

  /** @throws TableError as {@link put}. */
  scan(params: ScanParams, context: CallContext): Promise<ScanResult> {
    const range = requestRange(params);
    const recheck = this.#gate.read(context.caller, (caller) => authorise(caller, 'read', range));
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
    const answer: Answer<Stamped<ScanReply>, ScanResult> = {
      bytes: ({ kvs }) => answerBytes(kvs),
      word: ({ stamp, revision, kvs, more }) => ({
        header: this.#headers.at(stamp),
        revision,
        kvs: kvs.map(wirePair),
        more,
      }),
    };
    return inTurn(read, context, answer, recheck);
  }

  /** @throws TableError as {@link put}. */
  async compact(params: CompactParams, context: CallContext): Promise<CompactResult> {
    const request = { revision: params.revision, physical: params.physical === true };
    const once = checkedOnce(params.once);
    return this.#gate.change(
      context.caller,
      administer,
      (asker) => this.#store.compact(request, once, asker),
      ({ stamp }) => ({ header: this.#headers.at(stamp) }),
    );
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
    const once = checkedOnce(params.once);
    const deleted = this.#gate.change(
      context.caller,
      (caller) => authoriseDelete(caller, request),
      (asker) => this.#store.deleteRange(request, once, asker),
      asIs,
    );
    return inTurn(deleted, context, {
      bytes: (reply) => Math.min(answerBytes(reply.prevKvs), limits.answerBytesMax),
      word: (reply) => ({ header: this.#headers.at(reply.stamp), ...wordDeletion(reply, prevKv) }),
    });
  }
}
