import { type ByteString, fromKeyEnd, limits } from '@lockstep/client/protocol';
import type { Random } from '../../../server/src/core/base/random.ts';
import {
  holds,
  keys,
  noKey,
  randomKey,
  randomKeys,
  randomValue,
  shuffledKeys,
} from './key-space.ts';
import type { Condition, DeleteRange, Operation, Put, Range, Txn } from './model.ts';
import { type History, leaseIds, randomDelete, randomPut, randomRange } from './operations.ts';

const depthMax = 3;
const operators = ['=', '!=', '<', '>'] as const;
const targets = ['version', 'create', 'mod', 'value', 'lease'] as const;

export function randomTxn(random: Random, history: History): Txn {
  if (random.oneIn(25)) return wideTxn(random, history);
  if (random.oneIn(40)) return openDeleteTxn(random, history);
  for (;;) {
    const txn = randomLevel(random, history, 1, shuffledKeys(random));
    if (!isMisreadByEtcd(txn)) return txn;
  }
}

/**
 * @param free keys that are not written yet on the way to this level.
 * @param before what was put on the way to it.
 */
function randomLevel(
  random: Random,
  history: History,
  depth: number,
  free: ByteString[],
  before: readonly Put[] = [],
): Txn {
  const compare =
    before.length > 0 && random.oneIn(2)
      ? [aboutPut(random, random.pick(before))]
      : several(random, 3, () => randomCondition(random, history));
  const branch = () => randomBranch(random, history, depth, [...free], before);
  return { kind: 'txn', compare, success: branch(), failure: branch() };
}

/** A condition that would hold, or not, if it were looked at after the put; it is looked at before. */
function aboutPut(random: Random, { key, value }: Put): Condition {
  const base = { key, rangeEnd: noKey, operator: random.pick(['=', '!='] as const) };
  return random.oneIn(3)
    ? { ...base, target: 'version', operand: random.below(3) }
    : { ...base, target: 'value', operand: value };
}

function several<Item>(random: Random, most: number, make: () => Item): Item[] {
  return Array.from({ length: random.below(most + 1) }, make);
}

/** Mostly a key is written once, since a transaction that writes one twice is only refused. */
function randomBranch(
  random: Random,
  history: History,
  depth: number,
  free: ByteString[],
  before: readonly Put[],
): Operation[] {
  const puts = [...before];
  return several(random, 4, () => {
    const kind = random.below(10);
    if (kind >= 4 && kind < 7) return randomRange(random, history);
    if (kind > 7 && depth < depthMax) {
      const rest = free.splice(0, free.length / 2);
      return randomLevel(random, history, depth + 1, rest, puts);
    }
    const any = kind < 4 ? randomPut(random, history) : randomDelete(random, history);
    const key = random.oneIn(12) ? undefined : free.pop();
    if (any.kind === 'deleteRange') return key ? { ...any, key, rangeEnd: noKey } : any;
    const put = key ? { ...any, key } : any;
    puts.push(put);
    return put;
  });
}

export function randomCondition(random: Random, history: History): Condition {
  const range = random.oneIn(3) ? randomKeys(random) : { key: randomKey(random), rangeEnd: noKey };
  const base = { ...range, operator: random.pick(operators) };
  const target = random.pick(targets);
  switch (target) {
    case 'version':
      return { ...base, target, operand: random.below(4) };
    case 'create':
    case 'mod':
      return { ...base, target, operand: random.oneIn(3) ? 0 : history.someRevision(random) };
    case 'value':
      return { ...base, target, operand: randomValue(random) };
    case 'lease':
      return { ...base, target, operand: random.oneIn(2) ? '0' : random.pick(leaseIds) };
  }
}

/** As many operations as there may be, or one more, on one level or over several. */
function wideTxn(random: Random, history: History): Txn {
  const many = limits.txnOperationsMax + random.below(2);
  const read = (): Range => ({ ...randomRange(random, history), revision: 0, countOnly: true });
  const reads = (count: number): Operation[] => Array.from({ length: count }, read);
  const plain: Txn = { kind: 'txn', compare: [], success: [], failure: [] };
  switch (random.below(4)) {
    case 0:
      return { ...plain, success: reads(many) };
    case 1:
      return { ...plain, failure: reads(many) };
    case 2: {
      const compare = Array.from({ length: many }, () => randomCondition(random, history));
      return { ...plain, compare, success: reads(1) };
    }
    default: {
      const outer = 20 + random.below(60);
      const inner: Txn = { ...plain, success: reads(many - outer) };
      return { ...plain, success: [...reads(outer - 1), inner], failure: reads(1) };
    }
  }
}

/** A delete without an end beside a put that it covers: see the list of what is allowed. */
function openDeleteTxn(random: Random, history: History): Txn {
  const key = random.pick(keys.slice(0, 4));
  const open: DeleteRange = { ...randomDelete(random, history), key, rangeEnd: fromKeyEnd };
  const lease = '0';
  const put: Put = { ...randomPut(random, history), key: random.pick(keys.slice(4)), lease };
  const sound: Put = { ...put, ignoreValue: false, ignoreLease: false };
  const branch = random.oneIn(2) ? [open, sound] : [sound, open];
  return { kind: 'txn', compare: [], success: branch, failure: [] };
}

/**
 * etcd 3.4 takes a delete without an end for one of nothing when it looks for keys that are written
 * twice, and can crash when it then runs the puts. Such a transaction must not be sent to it.
 */
export function isMisreadByEtcd(txn: Txn): boolean {
  const all = operationsOf(txn);
  const open = all.filter(
    (operation): operation is DeleteRange =>
      operation.kind === 'deleteRange' && operation.rangeEnd === '\0',
  );
  return all.some(
    (operation) => operation.kind === 'put' && open.some((range) => holds(range, operation.key)),
  );
}

/** All operations of a transaction and of those within it. */
export function operationsOf(txn: Txn): Operation[] {
  const own = [...txn.success, ...txn.failure];
  return own.flatMap((operation) =>
    operation.kind === 'txn' ? [operation, ...operationsOf(operation)] : [operation],
  );
}
