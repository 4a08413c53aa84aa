import { isMessage } from '@bufbuild/protobuf';
import {
  type RangeRequest,
  RangeRequestSchema,
  type TxnRequest,
  TxnRequestSchema,
} from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import type { Difference } from './difference.ts';
import type { Json } from './messages.ts';
import { field } from './normalise.ts';

/** The range that a difference is about: the call's own, or the operation of its transaction that was run. */
export function rangeAt({ request, path, outcomes }: Difference): RangeRequest | undefined {
  if (request.kind !== 'call' || outcomes === undefined) return undefined;
  const message = request.request;
  if (isMessage(message, RangeRequestSchema)) return message;
  if (!isMessage(message, TxnRequestSchema)) return undefined;
  const steps = [...path.matchAll(/\.responses\.(\d+)\.(response\w+)/g)];
  let txn: TxnRequest = message;
  let answer: Json | undefined = outcomes.etcd.answers[0];
  for (const [, at, kind] of steps) {
    const branch = field(answer, 'succeeded') === true ? txn.success : txn.failure;
    const operation = branch[Number(at)]?.request;
    const responses: Json | undefined = field(answer, 'responses');
    answer = Array.isArray(responses) ? field(responses[Number(at)], kind ?? '') : undefined;
    if (operation?.case === 'requestRange') return operation.value;
    if (operation?.case !== 'requestTxn') return undefined;
    txn = operation.value;
  }
  return undefined;
}
