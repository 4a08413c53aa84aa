import type { Answer, History, Pair, Request } from '../checkers/history.ts';
import type { MemberState } from './final-state.ts';

export interface LostWrites {
  /** Pairs that were written and acknowledged. */
  readonly acknowledged: number;
  /** Acknowledged, and not to be found: a sentence each. */
  readonly lost: readonly string[];
}

interface Written {
  readonly key: string;
  /** Undefined for a delete. */
  readonly value: string | undefined;
}

/**
 * Acknowledged writes that are gone: from the final state of a member, unless something newer was written over them, and from what
 * watchers were told. It is simple on purpose: it asks nothing of the checkers, which demand much more.
 */
export function lostWrites(
  history: Pick<History, 'operations' | 'watchers'>,
  states: readonly MemberState[],
): LostWrites {
  const told = eventsOf(history);
  const deletedAt = lastDeletes(told);
  const held = states.map(({ member, revision, pairs }) => ({
    member,
    revision,
    pairs: new Map(pairs.map((pair) => [pair.key, pair])),
  }));
  const lost: string[] = [];
  let acknowledged = 0;
  for (const { request, outcome } of history.operations) {
    if (outcome.type !== 'ok') continue;
    for (const { key, value } of writtenBy(request, outcome.answer)) {
      acknowledged++;
      const what = `${value === undefined ? 'the delete of' : `"${value}" in`} ${key}, acknowledged at revision ${outcome.revision}`;
      const faults: string[] = [];
      const others = told.get(outcome.revision);
      const event = others?.get(key);
      if (others !== undefined && event?.value !== value) {
        faults.push(`watchers were told of ${JSON.stringify([...others.values()])}`);
      }
      for (const { member, revision, pairs } of held) {
        const holding = { revision, pair: pairs.get(key), deletedAt: deletedAt.get(key) ?? 0 };
        const fault = faultIn({ key, value }, outcome.revision, holding);
        if (fault !== undefined) faults.push(`${member} ${fault}`);
      }
      if (faults.length > 0) lost.push(`${what}: ${faults.join('; ')}`);
    }
  }
  return { acknowledged, lost };
}

interface Holding {
  readonly revision: number;
  readonly pair: Pair | undefined;
  /** The newest revision at which anybody was told of a delete of the key. */
  readonly deletedAt: number;
}

function faultIn(
  { value }: Written,
  at: number,
  { revision, pair, deletedAt }: Holding,
): string | undefined {
  if (revision < at) return `ends at revision ${revision}`;
  if (pair === undefined) {
    const isGone = value === undefined || deletedAt > at;
    return isGone ? undefined : 'has no such key, and nobody was told of a delete';
  }
  if (pair.modRevision > at) return undefined;
  if (pair.modRevision === at && pair.value === value) return undefined;
  return `has ${JSON.stringify(pair)}`;
}

/** What any watcher was told of each revision. */
function eventsOf({ watchers }: Pick<History, 'watchers'>): Map<number, Map<string, Written>> {
  const told = new Map<number, Map<string, Written>>();
  for (const { sessions, key, rangeEnd, only } of watchers) {
    // One who sees a part tells nothing about the rest of a revision.
    if (only !== undefined || rangeEnd === undefined || key !== 'a') continue;
    for (const item of sessions.flatMap(({ items }) => items)) {
      if (item.type !== 'events') continue;
      const events = told.get(item.revision) ?? new Map<string, Written>();
      for (const { type, pair } of item.events) {
        events.set(pair.key, { key: pair.key, value: type === 'put' ? pair.value : undefined });
      }
      told.set(item.revision, events);
    }
  }
  return told;
}

function lastDeletes(told: ReadonlyMap<number, ReadonlyMap<string, Written>>): Map<string, number> {
  const last = new Map<string, number>();
  for (const [revision, events] of told) {
    for (const { key, value } of events.values()) {
      if (value === undefined) last.set(key, Math.max(last.get(key) ?? 0, revision));
    }
  }
  return last;
}

/** What an acknowledged call surely wrote. */
function writtenBy(request: Request, answer: Answer): Written[] {
  if (request.type === 'put') return [{ key: request.key, value: request.value }];
  if (request.type === 'delete' && request.rangeEnd === undefined && answer.type === 'delete') {
    return answer.deleted > 0 ? [{ key: request.key, value: undefined }] : [];
  }
  if (request.type !== 'txn' || answer.type !== 'txn') return [];
  const branch = answer.succeeded ? request.success : request.failure;
  return branch.flatMap((ask, at) => {
    const own = answer.answers[at];
    return own === undefined ? [] : writtenBy(ask, own);
  });
}
