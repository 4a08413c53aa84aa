/** Short sequences in which a request means something only after the ones before it. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { errorTable } from '@lockstep/client/protocol';
import {
  KV,
  Lease,
  Maintenance,
  type RangeRequest_SortOrder as Order,
  type RangeRequest_SortTarget as SortTarget,
  type TxnRequestSchema,
} from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import { Election } from '../../../server/src/api/etcd/gen/v3election_pb.ts';
import { Lock } from '../../../server/src/api/etcd/gen/v3lock_pb.ts';
import type { Random } from '../../../server/src/core/base/random.ts';
import {
  bytes,
  type RawCall,
  type RawRequest,
  type RawWatchRequest,
  rawCall,
  wireEnum,
} from './messages.ts';
import { field, isObject } from './normalise.ts';
import type { Outcome } from './raw-store.ts';
import { wildBytes } from './wild.ts';

/** A request that etcd 3.4 cannot be asked, with the answer that 3.6 would give. */
export interface OnlyLockstep extends RawCall {
  readonly expected: { readonly row: string; readonly code: number; readonly message: string };
}

/** A step may be about the last answer. */
export type Step = (last: Outcome | undefined) => RawRequest | OnlyLockstep;
export type Scene = (random: Random) => readonly Step[];

const { put, range, deleteRange, txn, compact } = KV.method;
/** Leases that no other request is about. */
const ownLease = '7701';
const shortLease = '7702';

const always =
  (...requests: (RawRequest | OnlyLockstep)[]) =>
  (): readonly Step[] =>
    requests.map((request) => () => request);

const key = (text: string) => ({ key: bytes(text) });
const mebibytes = (count: number): Uint8Array => Buffer.alloc(Math.ceil(count * 1024 * 1024), 'v');

const invalidSort = {
  row: 'an order or a target of sorting that there is not',
  code: errorTable.invalid_sort_option.grpc,
  message: errorTable.invalid_sort_option.text,
};

function txnWith(request: MessageInitShape<typeof TxnRequestSchema>): RawCall {
  return rawCall(txn, request);
}

export const scenes: Readonly<Record<string, Scene>> = {
  'operations of no kind': always(
    txnWith({ success: [{}] }),
    txnWith({ failure: [{}] }),
    txnWith({ success: [{ request: { case: 'requestTxn', value: { failure: [{}] } } }] }),
    txnWith({}),
    txnWith({ compare: [{}] }),
    txnWith({ compare: [{ key: bytes('~') }] }),
    txnWith({ compare: [{ key: bytes('nothing') }] }),
  ),
  'empty requests': always(
    rawCall(range, {}),
    rawCall(range, { rangeEnd: bytes('\0') }),
    rawCall(put, {}),
    rawCall(put, { value: bytes('v') }),
    rawCall(deleteRange, {}),
    rawCall(deleteRange, { rangeEnd: bytes('\0') }),
    rawCall(compact, {}),
    rawCall(Lease.method.leaseRevoke, {}),
    rawCall(Lease.method.leaseTimeToLive, {}),
    rawCall(Lease.method.leaseTimeToLive, { keys: true }),
    rawCall(Lease.method.leaseKeepAlive, {}),
    rawCall(Maintenance.method.alarm, {}),
  ),
  'bytes that are no text': (random) => {
    const wild = wildBytes(random);
    return always(
      rawCall(put, { key: wild, value: wildBytes(random), prevKv: true }),
      rawCall(range, { key: wild }),
      rawCall(put, { key: wild, value: wildBytes(random), prevKv: true }),
      rawCall(range, { key: wild, rangeEnd: bytes('\0'), limit: 2n }),
      rawCall(deleteRange, { key: wild, prevKv: true }),
    )();
  },
  'orders and targets of sorting that there are not': always(
    {
      ...rawCall(range, { ...key('a'), rangeEnd: bytes('b'), sortOrder: wireEnum<Order>(7) }),
      expected: invalidSort,
    },
    {
      ...rawCall(range, { ...key('a'), rangeEnd: bytes('b'), sortTarget: wireEnum<SortTarget>(9) }),
      expected: invalidSort,
    },
  ),
  'what keeps the value and gives one': always(
    rawCall(put, { ...key('a'), value: bytes('x') }),
    rawCall(put, { ...key('a'), value: bytes('y'), ignoreValue: true }),
    rawCall(put, { ...key('a'), ignoreValue: true, prevKv: true }),
    rawCall(put, { ...key('a'), lease: '1', ignoreLease: true }),
    rawCall(put, { ...key('a'), ignoreLease: true, ignoreValue: true, prevKv: true }),
    rawCall(put, { ...key('never'), ignoreValue: true }),
    rawCall(put, { ...key('never'), ignoreLease: true }),
    rawCall(put, { ignoreValue: true, value: bytes('y') }),
  ),
  'large values': always(
    rawCall(put, { ...key('big'), value: mebibytes(1.2) }),
    rawCall(range, key('big')),
    rawCall(put, { ...key('big'), value: mebibytes(1.6) }),
    rawCall(put, { ...key('big'), value: mebibytes(2.5) }),
    txnWith({
      success: ['big1', 'big2'].map((each) => ({
        request: { case: 'requestPut', value: { ...key(each), value: mebibytes(0.9) } },
      })),
    }),
    rawCall(deleteRange, { ...key('big'), prevKv: true }),
  ),
  'a large key': always(
    rawCall(put, { key: Buffer.alloc(40_000, 'k'), value: bytes('v') }),
    rawCall(deleteRange, { key: Buffer.alloc(40_000, 'k'), prevKv: true }),
  ),
  'terms of leases': always(
    rawCall(Lease.method.leaseGrant, { ID: shortLease, TTL: -5n }),
    rawCall(Lease.method.leaseGrant, { ID: shortLease, TTL: 100n }),
    rawCall(Lease.method.leaseTimeToLive, { ID: shortLease, keys: true }),
    rawCall(Lease.method.leaseRevoke, { ID: shortLease }),
    rawCall(Lease.method.leaseGrant, { ID: shortLease, TTL: 0n }),
    rawCall(Lease.method.leaseRevoke, { ID: shortLease }),
    rawCall(Lease.method.leaseRevoke, { ID: shortLease }),
    rawCall(Lease.method.leaseGrant, { ID: shortLease, TTL: 9_000_000_001n }),
    rawCall(Lease.method.leaseGrant, { ID: shortLease, TTL: 2n ** 63n - 1n }),
    rawCall(Lease.method.leaseGrant, { ID: shortLease, TTL: -(2n ** 63n) }),
    rawCall(Lease.method.leaseRevoke, { ID: shortLease }),
    rawCall(Lease.method.leaseKeepAlive, { ID: shortLease }),
    rawCall(Lease.method.leaseTimeToLive, { ID: shortLease, keys: true }),
    rawCall(Lease.method.leaseTimeToLive, { ID: '-3' }),
    rawCall(Lease.method.leaseKeepAlive, { ID: '-3' }),
    rawCall(Lease.method.leaseRevoke, { ID: '-3' }),
    rawCall(Lease.method.leaseGrant, { ID: '-3', TTL: 100n }),
    rawCall(put, { ...key('a'), lease: '-3' }),
    rawCall(Lease.method.leaseTimeToLive, { ID: '-3', keys: true }),
    rawCall(Lease.method.leaseLeases, {}),
    rawCall(Lease.method.leaseRevoke, { ID: '-3' }),
  ),
  'a revision in fragments': (random) => {
    const stream = random.below(2);
    const watch = (union: RawWatchRequest['request']['requestUnion']): RawWatchRequest => ({
      ...{ kind: 'watch', stream },
      request: { ...(union && { requestUnion: union }) },
    });
    const parts = ['part1', 'part2', 'part3'].map((each) => ({
      request: { case: 'requestPut' as const, value: { ...key(each), value: mebibytes(0.45) } },
    }));
    const range = { ...key('part'), rangeEnd: bytes('paru') };
    const value = { ...range, watchId: 77n, prevKv: true, fragment: random.oneIn(2) };
    return always(
      txnWith({ success: parts }),
      watch({ case: 'createRequest', value }),
      txnWith({ success: parts }),
      rawCall(deleteRange, range),
      watch({ case: 'progressRequest', value: {} }),
      watch({ case: 'cancelRequest', value: { watchId: 77n } }),
    )();
  },
  'a lock': always(
    rawCall(Lease.method.leaseGrant, { ID: ownLease, TTL: 500n }),
    rawCall(Lock.method.lock, { name: bytes('lock'), lease: ownLease }),
    rawCall(Lock.method.lock, { name: bytes('lock'), lease: ownLease }),
    rawCall(range, { ...key('lock/'), rangeEnd: bytes('lock0') }),
    rawCall(Lock.method.unlock, { key: bytes(`lock/${Number(ownLease).toString(16)}`) }),
    rawCall(Lock.method.unlock, { key: bytes(`lock/${Number(ownLease).toString(16)}`) }),
    rawCall(Lock.method.unlock, {}),
    rawCall(Lock.method.lock, { name: bytes('\xff\x00'), lease: ownLease }),
    rawCall(Lock.method.lock, { lease: ownLease }),
    rawCall(Lock.method.lock, { name: bytes('lock'), lease: '7799' }),
    rawCall(Lease.method.leaseRevoke, { ID: ownLease }),
    rawCall(Lock.method.lock, { name: bytes('lock'), lease: ownLease }),
  ),
  'an election': election,
  alarms: always(
    rawCall(Maintenance.method.alarm, { action: 0 }),
    rawCall(Maintenance.method.alarm, { action: 2 }),
    rawCall(Maintenance.method.alarm, { action: 2, alarm: 1 }),
    rawCall(Maintenance.method.alarm, { action: 2, alarm: 1, memberID: '5' }),
    rawCall(Maintenance.method.alarm, { action: 0, alarm: 1 }),
  ),
};

function election(): readonly Step[] {
  const { campaign, leader, proclaim, resign } = Election.method;
  const name = bytes('vote');
  let mine: MessageInitShape<typeof Election.method.proclaim.input>['leader'];
  const steps: Step[] = [
    () => rawCall(leader, { name }),
    () => rawCall(Lease.method.leaseGrant, { ID: ownLease, TTL: 500n }),
    () => rawCall(campaign, { name, lease: ownLease, value: bytes('one') }),
    (last) => {
      const told = field(last?.answers[0], 'leader');
      if (isObject(told)) {
        const at = Buffer.from(String(told.key), 'base64');
        mine = { name, key: at, rev: BigInt(String(told.rev)), lease: ownLease };
      }
      return rawCall(leader, { name });
    },
    () => rawCall(campaign, { name, lease: ownLease, value: bytes('two') }),
    () => rawCall(proclaim, { ...(mine && { leader: mine }), value: bytes('three') }),
    () => rawCall(leader, { name }),
    () => rawCall(proclaim, { leader: { ...mine, rev: 1n }, value: bytes('four') }),
    () => rawCall(proclaim, { value: bytes('four') }),
    () => rawCall(resign, {}),
    () => rawCall(resign, { leader: { ...mine, rev: 1n } }),
    () => rawCall(resign, { ...(mine && { leader: mine }) }),
    () => rawCall(resign, { ...(mine && { leader: mine }) }),
    () => rawCall(proclaim, { ...(mine && { leader: mine }), value: bytes('five') }),
    () => rawCall(leader, { name }),
    () => rawCall(leader, {}),
    () => rawCall(campaign, { name, lease: '7799', value: bytes('six') }),
    () => rawCall(Lease.method.leaseRevoke, { ID: ownLease }),
  ];
  return steps;
}
