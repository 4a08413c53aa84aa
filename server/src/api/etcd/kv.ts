import { emptyBytes, TableError } from '@lockstep/client/protocol';
import type { StoreCalls } from '../../service/service.ts';
import type { ScanReply, Stamped } from '../../store.ts';
import {
  deleteAnswerOf,
  headerOf,
  pairOf,
  putAnswerOf,
  rangeAnswerOf,
  txnAnswerOf,
} from './answers.ts';
import {
  type KV,
  RangeRequest_SortOrder as Order,
  type RangeRequest,
  RangeRequest_SortTarget as Target,
} from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';
import { countOf } from './numbers.ts';
import {
  deleteRangeRequestOf,
  isSerializable,
  putRequestOf,
  rangeRequestOf,
  txnRequestOf,
} from './requests.ts';

/** One piece of a streamed range, in bytes of keys and values. */
const pieceBytes = 256 * 1024;

/** etcd's KV service. */
export function kvHandlers(calls: StoreCalls): Handlers<typeof KV> {
  return {
    range: async (message, { context }) => {
      const options = { serializable: message.serializable, minRevision: 0 };
      const reply = await calls.range(rangeRequestOf(message), options, context);
      return rangeAnswerOf(reply, headerOf(calls.header(reply.stamp)));
    },
    rangeStream: (message, { context }) => pieces(calls, message, context),
    put: async (message, { context }) => {
      const reply = await calls.put(putRequestOf(message), context);
      return putAnswerOf(reply, headerOf(calls.header(reply.stamp)));
    },
    deleteRange: async (message, { context }) => {
      const reply = await calls.deleteRange(deleteRangeRequestOf(message), context);
      return deleteAnswerOf(reply, headerOf(calls.header(reply.stamp)));
    },
    txn: async (message, { context }) => {
      const request = txnRequestOf(message);
      const reply = await calls.txn(request, isSerializable(message), context);
      return txnAnswerOf(reply, headerOf(calls.header(reply.stamp)));
    },
    compact: async ({ revision, physical }, { context }) => {
      const { stamp } = await calls.compact({ revision: countOf(revision), physical }, context);
      return { header: headerOf(calls.header(stamp)) };
    },
  };
}

type Context = Parameters<StoreCalls['range']>[2];

/** A range in pieces of one revision; the last carries header, more and count (etcd API, RangeStream). */
async function* pieces(calls: StoreCalls, message: RangeRequest, context: Context) {
  refuseWhatNeedsAll(message);
  const request = rangeRequestOf(message);
  if (request.countOnly || request.rangeEnd === '') {
    const reply = await calls.range(
      request,
      { serializable: message.serializable, minRevision: 0 },
      context,
    );
    yield { rangeResponse: rangeAnswerOf(reply, headerOf(calls.header(reply.stamp))) };
    return;
  }
  // The count comes from the first look; every piece is of that revision.
  const options = { serializable: message.serializable, minRevision: 0 };
  const counted = await calls.range({ ...request, countOnly: true, limit: 0 }, options, context);
  const revision = request.revision || counted.stamp.revision;
  let after = emptyBytes;
  let left = request.limit || Number.POSITIVE_INFINITY;
  let isFirst = true;
  for (;;) {
    const chunk: Stamped<ScanReply> = await calls.scan(
      {
        ...{ key: request.key, rangeEnd: request.rangeEnd, after, revision },
        ...{ limit: Number.isFinite(left) ? left : 0, keysOnly: request.keysOnly },
        bytesMax: pieceBytes,
      },
      // Whoever has that revision may answer from what it has.
      { serializable: true, minRevision: isFirst ? revision : 0 },
      context,
    );
    isFirst = false;
    left -= chunk.kvs.length;
    after = chunk.kvs.at(-1)?.key ?? after;
    const kvs = chunk.kvs.map(pairOf);
    if (chunk.more && left > 0) {
      yield { rangeResponse: { kvs } };
      continue;
    }
    const header = headerOf(calls.header(counted.stamp));
    yield { rangeResponse: { header, kvs, more: chunk.more, count: BigInt(counted.count) } };
    return;
  }
}

/** What can only be answered when everything was seen has no pieces. @throws GrpcError `unimplemented`. */
function refuseWhatNeedsAll(message: RangeRequest): void {
  const isSorted = message.sortOrder !== Order.NONE || message.sortTarget !== Target.KEY;
  const isFiltered = [
    message.minModRevision,
    message.maxModRevision,
    message.minCreateRevision,
    message.maxCreateRevision,
  ].some((bound) => bound !== 0n);
  if (message.key.length === 0) throw new TableError('empty_key');
  if (!isSorted && !isFiltered) return;
  throw new GrpcError(
    grpcCodes.unimplemented,
    'range stream takes no sort order and no bounds of revisions: use Range',
  );
}
