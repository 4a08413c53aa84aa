/** The neutral requests of the other comparison as messages of etcd's API. */
import {
  create,
  type DescMethod,
  type Message,
  type MessageInitShape,
  toJson,
} from '@bufbuild/protobuf';
import type { ByteString } from '@lockstep/client/protocol';
import {
  type CompareSchema,
  WatchCreateRequest_FilterType as Filter,
  KV,
  Lease,
  RangeRequest_SortOrder as Order,
  type RangeRequestSchema,
  type RequestOpSchema,
  Compare_CompareResult as Result,
  RangeRequest_SortTarget as SortTarget,
  Compare_CompareTarget as Target,
  type TxnRequestSchema,
  Watch,
  type WatchCreateRequestSchema,
} from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import type * as neutral from '../etcd-comparison/model.ts';

/** What is asked: one request message of one method. */
export interface RawCall {
  readonly kind: 'call';
  readonly method: DescMethod;
  readonly request: Message;
}

export function rawCall<Method extends DescMethod>(
  method: Method,
  request: MessageInitShape<Method['input']>,
): RawCall {
  return { kind: 'call', method, request: create<Method['input']>(method.input, request) };
}

export function bytes(text: string | ByteString): Uint8Array {
  return Buffer.from(text, 'latin1');
}

const sortOrders = { none: Order.NONE, ascend: Order.ASCEND, descend: Order.DESCEND };
const sortTargets = {
  ...{ key: SortTarget.KEY, version: SortTarget.VERSION, create: SortTarget.CREATE },
  ...{ mod: SortTarget.MOD, value: SortTarget.VALUE },
};
const results = {
  ...{ '=': Result.EQUAL, '>': Result.GREATER, '<': Result.LESS, '!=': Result.NOT_EQUAL },
};
const targets = {
  ...{ version: Target.VERSION, create: Target.CREATE, mod: Target.MOD },
  ...{ value: Target.VALUE, lease: Target.LEASE },
};

/** A number in the place of an enum's, known or not: the wire takes any. */
export function wireEnum<Enum extends number>(value: number): Enum {
  // The types know the named numbers only.
  return value as Enum;
}

const keysOf = ({ key, rangeEnd }: neutral.Keys) => ({
  key: bytes(key),
  rangeEnd: bytes(rangeEnd),
});

export function rangeOf(range: neutral.Range): MessageInitShape<typeof RangeRequestSchema> {
  return {
    ...keysOf(range),
    limit: BigInt(range.limit),
    revision: BigInt(range.revision),
    sortOrder: sortOrders[range.sortOrder],
    sortTarget: sortTargets[range.sortTarget],
    serializable: range.serializable,
    keysOnly: range.keysOnly,
    countOnly: range.countOnly,
    minModRevision: BigInt(range.minModRevision),
    maxModRevision: BigInt(range.maxModRevision),
    minCreateRevision: BigInt(range.minCreateRevision),
    maxCreateRevision: BigInt(range.maxCreateRevision),
  };
}

function putOf({ key, value, lease, prevKv, ignoreValue, ignoreLease }: neutral.Put) {
  return { key: bytes(key), value: bytes(value), lease, prevKv, ignoreValue, ignoreLease };
}

function conditionOf(condition: neutral.Condition): MessageInitShape<typeof CompareSchema> {
  const base = {
    ...keysOf(condition),
    result: results[condition.operator],
    target: targets[condition.target],
  };
  switch (condition.target) {
    case 'version':
      return { ...base, targetUnion: { case: 'version', value: BigInt(condition.operand) } };
    case 'create':
      return { ...base, targetUnion: { case: 'createRevision', value: BigInt(condition.operand) } };
    case 'mod':
      return { ...base, targetUnion: { case: 'modRevision', value: BigInt(condition.operand) } };
    case 'value':
      return { ...base, targetUnion: { case: 'value', value: bytes(condition.operand) } };
    case 'lease':
      return { ...base, targetUnion: { case: 'lease', value: condition.operand } };
  }
}

function operationOf(operation: neutral.Operation): MessageInitShape<typeof RequestOpSchema> {
  switch (operation.kind) {
    case 'range':
      return { request: { case: 'requestRange', value: rangeOf(operation) } };
    case 'put':
      return { request: { case: 'requestPut', value: putOf(operation) } };
    case 'deleteRange': {
      const value = { ...keysOf(operation), prevKv: operation.prevKv };
      return { request: { case: 'requestDeleteRange', value } };
    }
    case 'txn':
      return { request: { case: 'requestTxn', value: txnOf(operation) } };
  }
}

export function txnOf({
  compare,
  success,
  failure,
}: neutral.Txn): MessageInitShape<typeof TxnRequestSchema> {
  return {
    compare: compare.map(conditionOf),
    success: success.map(operationOf),
    failure: failure.map(operationOf),
  };
}

export function createOf(watch: neutral.Watch): MessageInitShape<typeof WatchCreateRequestSchema> {
  return {
    ...keysOf(watch),
    startRevision: BigInt(watch.startRevision),
    progressNotify: watch.progress,
    filters: [...(watch.noPut ? [Filter.NOPUT] : []), ...(watch.noDelete ? [Filter.NODELETE] : [])],
    prevKv: watch.prevKv,
  };
}

export function callOf(call: Exclude<neutral.Call, neutral.Watch>): RawCall {
  const { range, put, deleteRange, txn, compact } = KV.method;
  switch (call.kind) {
    case 'range':
      return rawCall(range, rangeOf(call));
    case 'put':
      return rawCall(put, putOf(call));
    case 'deleteRange':
      return rawCall(deleteRange, { ...keysOf(call), prevKv: call.prevKv });
    case 'txn':
      return rawCall(txn, txnOf(call));
    case 'compact':
      return rawCall(compact, { revision: BigInt(call.revision), physical: call.physical });
    case 'grant':
      return rawCall(Lease.method.leaseGrant, { ID: call.id, TTL: BigInt(call.ttl) });
    case 'revoke':
      return rawCall(Lease.method.leaseRevoke, { ID: call.id });
    case 'keepAlive':
      return rawCall(Lease.method.leaseKeepAlive, { ID: call.id });
    case 'timeToLive':
      return rawCall(Lease.method.leaseTimeToLive, { ID: call.id, keys: call.keys });
    case 'leases':
      return rawCall(Lease.method.leaseLeases, {});
  }
}

/** One request of the watch stream with that number. */
export interface RawWatchRequest {
  readonly kind: 'watch';
  readonly stream: number;
  readonly request: MessageInitShape<typeof Watch.method.watch.input>;
}

export type RawRequest = RawCall | RawWatchRequest;

/** JSON with int64 as strings and bytes in base64. */
export type Json = ReturnType<typeof toJson>;

export function describeRequest(request: RawRequest): string {
  const [name, message, schema] =
    request.kind === 'call'
      ? [request.method.name, request.request, request.method.input]
      : [
          `Watch on stream ${request.stream}`,
          create(Watch.method.watch.input, request.request),
          Watch.method.watch.input,
        ];
  return `${name} ${JSON.stringify(toJson(schema, message))}`;
}
