/** What only a raw message can hold, put into messages that were sound. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Compare,
  CompareSchema,
  type WatchCreateRequest_FilterType as Filter,
  type RequestOp,
  RequestOpSchema,
  type Compare_CompareResult as Result,
  type Compare_CompareTarget as Target,
} from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import type { Random } from '../../../server/src/core/base/random.ts';
import { type RawCall, type RawWatchRequest, wireEnum } from './messages.ts';

/** Around zero, around what JavaScript counts exactly, and at the ends of 64 bits. */
const wildNumbers = [
  -1n,
  -7n,
  -(2n ** 63n),
  1n,
  2n,
  2n ** 53n - 1n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
];

export const wildNumber = (random: Random): bigint => random.pick(wildNumbers);

export function wildBytes(random: Random): Uint8Array {
  return Uint8Array.from({ length: 1 + random.below(12) }, () => random.below(256));
}

type Fields = Record<string, unknown>;

/** Numbers of a message whose values have no meaning that another request depends on. */
const wildFields: Readonly<Record<string, readonly string[]>> = {
  Range: [
    'limit',
    'revision',
    'minModRevision',
    'maxModRevision',
    'minCreateRevision',
    'maxCreateRevision',
  ],
  Compact: ['revision'],
};

/** Changes the message of one call in place, or leaves it. */
export function makeWild(random: Random, { method, request }: RawCall): void {
  // Written to by the names of its fields, which the table above and the cases below know.
  const fields = request as unknown as Fields;
  const names = wildFields[method.name];
  if (names !== undefined && random.oneIn(2)) {
    const name = random.pick(names);
    // A compaction that is taken must be one that the generator knows of.
    fields[name] =
      method.name === 'Compact'
        ? random.pick([-1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n])
        : wildNumber(random);
    return;
  }
  switch (method.name) {
    case 'Range':
    case 'DeleteRange':
      fields[random.oneIn(3) ? 'key' : 'rangeEnd'] = wildBytes(random);
      return;
    case 'Put':
      if (random.oneIn(3)) fields.lease = wildNumber(random).toString();
      else fields[random.oneIn(2) ? 'key' : 'value'] = wildBytes(random);
      return;
    case 'Txn':
      makeWildTxn(
        random,
        fields as { compare: Compare[]; success: RequestOp[]; failure: RequestOp[] },
      );
      return;
    case 'LeaseKeepAlive':
    case 'LeaseTimeToLive':
      fields.ID = wildNumber(random).toString();
      return;
  }
}

function makeWildTxn(
  random: Random,
  txn: { compare: Compare[]; success: RequestOp[]; failure: RequestOp[] },
): void {
  if (random.oneIn(3)) {
    (random.oneIn(2) ? txn.success : txn.failure).push(wildOperation(random));
    return;
  }
  const [condition] = txn.compare;
  if (condition === undefined || random.oneIn(2)) txn.compare.push(wildCondition(random));
  else condition.targetUnion = wildUnion(random);
}

/** An operation of no kind, or of a kind without a message in it. */
function wildOperation(random: Random): RequestOp {
  const key = wildBytes(random);
  const empty: MessageInitShape<typeof RequestOpSchema>[] = [
    {},
    { request: { case: 'requestRange', value: {} } },
    { request: { case: 'requestPut', value: {} } },
    { request: { case: 'requestDeleteRange', value: {} } },
    { request: { case: 'requestTxn', value: {} } },
    { request: { case: 'requestTxn', value: { success: [{}] } } },
    { request: { case: 'requestTxn', value: { compare: [{}] } } },
    { request: { case: 'requestRange', value: { key, rangeEnd: Buffer.of(0), limit: -1n } } },
    { request: { case: 'requestRange', value: { key, revision: wildNumber(random) } } },
    { request: { case: 'requestPut', value: { key, lease: wildNumber(random).toString() } } },
  ];
  return create(RequestOpSchema, random.pick(empty));
}

/** A condition whose operand is of another target than it names, or absent, or beyond what can be. */
function wildCondition(random: Random): Compare {
  const condition = create(CompareSchema, {
    key: random.oneIn(20)
      ? Buffer.of()
      : Buffer.from(random.pick(['a', 'a/1', 'b', '~']), 'latin1'),
    rangeEnd: random.oneIn(4) ? Buffer.of(0) : Buffer.of(),
    target: wireEnum<Target>(random.below(5)),
    result: wireEnum<Result>(random.below(4)),
  });
  condition.targetUnion = wildUnion(random);
  return condition;
}

function wildUnion(random: Random): Compare['targetUnion'] {
  switch (random.below(6)) {
    case 0:
      return { case: 'version', value: wildNumber(random) };
    case 1:
      return { case: 'createRevision', value: wildNumber(random) };
    case 2:
      return { case: 'modRevision', value: wildNumber(random) };
    case 3:
      return { case: 'lease', value: wildNumber(random).toString() };
    case 4:
      return { case: 'value', value: wildBytes(random) };
    default:
      return { case: undefined };
  }
}

/** Changes a create of a watch in place, or leaves it. */
export function makeWildWatch(random: Random, { request }: RawWatchRequest): void {
  const union = request.requestUnion;
  if (union?.case !== 'createRequest') return;
  const create = union.value;
  switch (random.below(7)) {
    case 0:
      create.key = Buffer.of();
      return;
    case 1:
      create.rangeEnd = wildBytes(random);
      return;
    case 2:
      create.startRevision = random.pick([-1n, -(2n ** 63n), 2n ** 53n + 1n, 2n ** 63n - 1n]);
      return;
    case 3:
      create.filters = [random.below(4), random.below(4), 9].map(wireEnum<Filter>);
      return;
    case 4:
      create.fragment = true;
      return;
    case 5:
      create.key = wildBytes(random);
      return;
    default:
      create.watchId = random.pick([-1n, -9n, 2n ** 53n - 1n, 7n]);
  }
}
