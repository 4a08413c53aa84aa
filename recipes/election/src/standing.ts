import { type CallOptions, type Client, type KeyValue, op } from '@lockstep/client';
import { type Candidate, type CandidateRecord, recordIn } from './candidate.ts';
import type { ElectionKeys } from './keys.ts';

/** An election at one revision. */
export interface Standing {
  /** In line: the one who has waited longest first. */
  readonly candidates: readonly Candidate[];
  /** The id of the candidate that the last leader chose. It may be gone. */
  readonly successor: string | undefined;
}

export async function standingOf(
  client: Client,
  keys: ElectionKeys,
  call: CallOptions = {},
): Promise<Standing> {
  const byAge = { sortTarget: 'create', sortOrder: 'ascend' } as const;
  const success = [
    op.range({ prefix: keys.candidates }, byAge).map(({ kvs }) => kvs),
    op.range({ prefix: keys.records }).map(({ kvs }) => kvs),
    op.range(keys.successor).map(({ kvs }) => kvs),
  ];
  const { results } = await client.txn({ success }, call);
  const [line = [], records = [], [successor] = []] = results;
  const known = new Map(records.map((kv) => [keys.recordOf(kv), recordIn(kv)] as const));
  return {
    candidates: line.flatMap((kv) => candidateIn(keys, kv, (id) => known.get(id)) ?? []),
    successor: typeof successor?.wireValue === 'string' ? successor.wireValue : undefined,
  };
}

/** The candidate whose key this is; undefined when it is nobody's. */
export function candidateIn(
  keys: ElectionKeys,
  kv: KeyValue,
  recordFor: (id: string) => CandidateRecord | undefined,
): Candidate | undefined {
  const id = keys.candidateOf(kv);
  return id === undefined ? undefined : { id, kv, record: recordFor(id) };
}

/**
 * Whether the first in line is the one to lead, or has to go to the end of the line for a better one: the successor
 * that the last leader chose, then the one with the higher priority, then the one who has waited longer. No two are
 * equal, so nobody ever lets somebody pass who lets him pass.
 *
 * Nobody better counts behind a candidate of another program: that one leads as soon as it is the first, so going
 * behind would give the office to it.
 */
export function isToLead({ candidates, successor }: Standing): boolean {
  const [first, ...others] = candidates;
  // Without a record it counts as in office already: see isInOffice.
  if (first?.record === undefined) return true;
  for (const other of others) {
    if (isBetter(other, first, successor)) return false;
    if (other.record === undefined) return true;
  }
  return true;
}

function isBetter(one: Candidate, other: Candidate, successor: string | undefined): boolean {
  if (one.id === successor || other.id === successor) return one.id === successor;
  const priorities = [one, other].map(({ record }) => record?.priority ?? 0);
  const [its = 0, others = 0] = priorities;
  return its === others ? cameOf(one) < cameOf(other) : its > others;
}

function cameOf({ kv, record }: Candidate): number {
  return record?.came ?? kv.createRevision;
}
