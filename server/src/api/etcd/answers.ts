/** From what the store answers to the messages of etcd's API. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Header } from '@lockstep/client/protocol';
import type {
  DeleteRangeReply,
  KeyValue,
  PutReply,
  RangeReply,
  TxnOperationReply,
  TxnReply,
} from '../../store.ts';
import { arrayOf } from './bytes.ts';
import type { KeyValueSchema } from './gen/kv_pb.ts';
import type {
  DeleteRangeResponseSchema,
  PutResponseSchema,
  RangeResponseSchema,
  ResponseHeaderSchema,
  ResponseOpSchema,
  TxnResponseSchema,
} from './gen/rpc_pb.ts';

export type HeaderMessage = MessageInitShape<typeof ResponseHeaderSchema>;

export function headerOf({ clusterId, memberId, revision, term }: Header): HeaderMessage {
  return { clusterId, memberId, revision: BigInt(revision), raftTerm: BigInt(term) };
}

export function pairOf(kv: KeyValue): MessageInitShape<typeof KeyValueSchema> {
  return {
    key: arrayOf(kv.key),
    value: arrayOf(kv.value),
    createRevision: BigInt(kv.createRevision),
    modRevision: BigInt(kv.modRevision),
    version: BigInt(kv.version),
    lease: kv.lease,
  };
}

export function rangeAnswerOf(
  { kvs, more, count }: RangeReply,
  header: HeaderMessage,
): MessageInitShape<typeof RangeResponseSchema> {
  return { header, kvs: kvs.map(pairOf), more, count: BigInt(count) };
}

export function putAnswerOf(
  { prevKv }: PutReply,
  header: HeaderMessage,
): MessageInitShape<typeof PutResponseSchema> {
  return prevKv === undefined ? { header } : { header, prevKv: pairOf(prevKv) };
}

export function deleteAnswerOf(
  { deleted, prevKvs }: DeleteRangeReply,
  header: HeaderMessage,
): MessageInitShape<typeof DeleteRangeResponseSchema> {
  return { header, deleted: BigInt(deleted), prevKvs: prevKvs.map(pairOf) };
}

export function txnAnswerOf(
  { succeeded, results }: TxnReply,
  header: HeaderMessage,
): MessageInitShape<typeof TxnResponseSchema> {
  return { header, succeeded, responses: results.map(operationAnswerOf) };
}

/** Of an operation etcd tells the revision only. */
function operationAnswerOf(result: TxnOperationReply): MessageInitShape<typeof ResponseOpSchema> {
  const header = { revision: BigInt(result.revision) };
  switch (result.type) {
    case 'range':
      return {
        response: { case: 'responseRange', value: rangeAnswerOf(result.reply, header) },
      };
    case 'put':
      return { response: { case: 'responsePut', value: putAnswerOf(result.reply, header) } };
    case 'deleteRange':
      return {
        response: { case: 'responseDeleteRange', value: deleteAnswerOf(result.reply, header) },
      };
    case 'txn':
      // The header of a transaction within one is empty at etcd.
      return { response: { case: 'responseTxn', value: txnAnswerOf(result.reply, {}) } };
  }
}
