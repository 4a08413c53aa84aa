/** Puts, ranges and deletes by chance. */
import type { Random } from '../../../server/src/core/base/random.ts';
import { noKey, randomKey, randomKeys, randomValue, wideRanges } from './key-space.ts';
import type { DeleteRange, Put, Range } from './model.ts';

/** Few, so that they meet again, with both ends of what 64 bits hold. */
export const leaseIds = [
  '1',
  '2',
  '-1',
  '7587848392164529667',
  '9223372036854775807',
  '-9223372036854775808',
];

/** What a run knows of the store's past, from the answers that it had. */
export interface History {
  /** The newest revision. */
  readonly revision: number;
  /** Of the last compaction. */
  readonly compacted: number;
  /** Leases that were granted and not revoked, in the order of their grants. */
  readonly leases: readonly string[];
  /** One that is kept, mostly near the newest. */
  someRevision(random: Random): number;
}

const orders = ['none', 'ascend', 'descend'] as const;
const sortTargets = ['key', 'version', 'create', 'mod', 'value'] as const;

/** Absent, 0 and "no lease" are the same, and mostly no lease at all is named. */
function randomLease(random: Random, { leases }: History): string {
  if (random.oneIn(12)) return random.pick(leaseIds);
  return leases.length > 0 && random.oneIn(3) ? random.pick(leases) : '0';
}

export function randomPut(random: Random, history: History): Put {
  const ignoreValue = random.oneIn(8);
  const ignoreLease = random.oneIn(8);
  return {
    kind: 'put',
    key: random.oneIn(150) ? noKey : randomKey(random),
    value: ignoreValue && !random.oneIn(8) ? noKey : randomValue(random),
    lease: ignoreLease && !random.oneIn(8) ? '0' : randomLease(random, history),
    prevKv: random.oneIn(2),
    ignoreValue,
    ignoreLease,
  };
}

export function randomDelete(random: Random, _history: History): DeleteRange {
  const one = { key: randomKey(random), rangeEnd: noKey };
  const keys = random.oneIn(5) ? randomKeys(random) : one;
  const none = random.oneIn(150);
  return { kind: 'deleteRange', ...keys, ...(none && { key: noKey }), prevKv: random.oneIn(2) };
}

export function randomRange(random: Random, history: History): Range {
  const bound = (): number => (random.oneIn(8) ? history.someRevision(random) : 0);
  const isSorted = random.oneIn(2);
  return {
    kind: 'range',
    ...(isSorted ? random.pick([randomKeys(random), ...wideRanges]) : randomKeys(random)),
    ...(random.oneIn(150) && { key: noKey }),
    limit: random.oneIn(3) ? 1 + random.below(4) : random.oneIn(20) ? 1_000 : 0,
    revision: readRevision(random, history),
    serializable: random.oneIn(4),
    keysOnly: random.oneIn(6),
    countOnly: random.oneIn(8),
    sortOrder: isSorted ? random.pick(orders) : 'none',
    sortTarget: isSorted ? random.pick(sortTargets) : 'key',
    minModRevision: bound(),
    maxModRevision: bound(),
    minCreateRevision: bound(),
    maxCreateRevision: bound(),
  };
}

function readRevision(random: Random, history: History): number {
  const { revision, compacted } = history;
  switch (random.below(24)) {
    case 0:
      return revision + 1 + (random.oneIn(2) ? 0 : random.below(1_000));
    case 1:
      return Math.max(1, compacted - random.below(3));
    case 2:
      return compacted;
    case 3:
      return 1;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
      return history.someRevision(random);
    default:
      return 0;
  }
}
