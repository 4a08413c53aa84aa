import { everything, keys, noKey } from './key-space.ts';
import type { Call } from './model.ts';
import { readAll } from './reads.ts';

const [key = noKey] = keys;
const compact = { kind: 'compact', physical: false } as const;
const empty = { kind: 'txn', compare: [], success: [], failure: [] } as const;

/** What is asked of a store that nobody has written to. */
export const freshCalls: readonly Call[] = [
  readAll(0),
  readAll(1),
  readAll(2),
  { ...readAll(0), serializable: true },
  { kind: 'leases' },
  { kind: 'timeToLive', id: '1', keys: true },
  { kind: 'deleteRange', ...everything, prevKv: true },
  empty,
  { ...empty, success: [empty, readAll(1)] },
  {
    ...empty,
    compare: [{ ...everything, target: 'version', operator: '=', operand: 0 }],
    success: [{ kind: 'deleteRange', key, rangeEnd: noKey, prevKv: false }],
  },
  {
    ...empty,
    compare: [{ ...everything, target: 'value', operator: '!=', operand: noKey }],
    success: [readAll(0)],
  },
  { ...compact, revision: 2 },
  { ...compact, revision: 0 },
  { ...compact, revision: 1 },
  { ...compact, revision: 1 },
  readAll(1),
  readAll(0),
];
