import { arePairsEqual } from './answers.ts';
import type {
  Answer,
  Keys,
  Operation,
  Pair,
  Request,
  WatchedEvent,
  WatcherRecord,
} from './history.ts';
import { isAskedFor, isWithin } from './model.ts';

/** What one watch was told: from the first revision it asked for up to the last it heard of, it was told everything. */
interface Told {
  readonly record: WatcherRecord;
  readonly from: number;
  readonly until: number;
  readonly events: ReadonlyMap<number, readonly WatchedEvent[]>;
}

/** One answer to a range that shows everything in it. */
interface Read {
  readonly revision: number;
  readonly keys: Keys;
  readonly found: ReadonlySet<string>;
}

function versionOf({ key, modRevision }: Pair): string {
  return `${modRevision} ${key}`;
}

/**
 * What is known of a revision though no answer tells who wrote it: pairs that were read later or that stood before others, what
 * watches were told there, and that those who were told of everything were told of nothing else.
 */
export class Evidence {
  /** The newest revision that anything is known of. */
  readonly last: number;
  /** Pairs by the revision that wrote them, then by key. */
  readonly #pairs = new Map<number, Map<string, Pair>>();
  readonly #told: Told[] = [];
  /** Until which revision each version of a key was surely there, by its key and revision. */
  readonly #alive = new Map<string, number>();
  /** What was read whole, by revision. */
  readonly #reads: Read[] = [];

  constructor(operations: readonly Operation[], watchers: readonly WatcherRecord[]) {
    for (const operation of operations) this.#noteAnswer(operation);
    this.#reads.sort((one, other) => one.revision - other.revision);
    let last = 1;
    for (const record of watchers) {
      for (const { from, items } of record.sessions) {
        const events = new Map<number, readonly WatchedEvent[]>();
        let until = from - 1;
        for (const item of items) {
          if (item.type === 'events') {
            events.set(item.revision, item.events);
            for (const { type, pair, prev } of item.events) {
              if (type === 'put') this.#note(pair);
              if (prev !== undefined) {
                this.#note(prev);
                this.#noteAlive(prev, item.revision - 1);
              }
            }
          }
          if (item.type !== 'ended') until = Math.max(until, item.revision);
        }
        if (until >= from) this.#told.push({ record, from, until, events });
        if (until >= from) last = Math.max(last, until);
      }
    }
    this.last = last;
  }

  /** A quick look, before it is run. */
  allows(revision: number, request: Request): boolean {
    const pairs = this.#pairs.get(revision);
    if (pairs === undefined || request.type === 'txn') return true;
    if (request.type !== 'put') return false;
    return pairs.size === 1 && pairs.get(request.key)?.value === request.value;
  }

  /** The first revision from there on at which a read shows that the key is not there; Infinity when none does. */
  missedAt(key: string, from: number): number {
    const read = this.#reads.find(
      ({ revision, keys, found }) => revision >= from && isWithin(keys, key) && !found.has(key),
    );
    return read?.revision ?? Number.POSITIVE_INFINITY;
  }

  /** In what way something else is known than what was made; undefined when in none. */
  faultOf(revision: number, made: readonly WatchedEvent[]): string | undefined {
    for (const pair of this.#pairs.get(revision)?.values() ?? []) {
      const own = made.find((event) => event.pair.key === pair.key);
      if (own?.type === 'put' && arePairsEqual(own.pair, pair)) continue;
      return `${JSON.stringify(pair)} was seen of revision ${revision}, the order has ${JSON.stringify(own)}`;
    }
    for (const { prev } of made) {
      const alive = prev === undefined ? 0 : (this.#alive.get(versionOf(prev)) ?? 0);
      if (alive < revision) continue;
      return `${JSON.stringify(prev)} was there at revision ${alive}, the order ends it at ${revision}`;
    }
    for (const { record, from, until, events } of this.#told) {
      if (revision < from || revision > until) continue;
      const told = events.get(revision) ?? [];
      const due = made.filter((event) => isAskedFor(record, event));
      if (namesOf(told) === namesOf(due)) continue;
      return `${record.name} was told of ${namesOf(told) || 'nothing'} at revision ${revision}, the order has ${namesOf(due) || 'nothing'}`;
    }
    return undefined;
  }

  #noteAnswer({ request, outcome }: Operation): void {
    if (outcome.type !== 'ok') return;
    const { answer, revision } = outcome;
    for (const pair of pairsIn(answer)) this.#note(pair);
    if (request.type !== 'range' || answer.type !== 'range') return;
    const at = request.revision ?? revision;
    for (const pair of answer.pairs) this.#noteAlive(pair, at);
    if (answer.more) return;
    const found = new Set(answer.pairs.map(({ key }) => key));
    this.#reads.push({ revision: at, keys: request, found });
  }

  #noteAlive(pair: Pair, revision: number): void {
    const version = versionOf(pair);
    this.#alive.set(version, Math.max(this.#alive.get(version) ?? 0, revision));
  }

  #note(pair: Pair): void {
    const pairs = this.#pairs.get(pair.modRevision) ?? new Map<string, Pair>();
    if (!pairs.has(pair.key)) pairs.set(pair.key, pair);
    this.#pairs.set(pair.modRevision, pairs);
  }
}

function namesOf(events: readonly WatchedEvent[]): string {
  return events
    .map(({ type, pair }) => `${type} ${pair.key}`)
    .sort()
    .join(', ');
}

function pairsIn(answer: Answer): readonly Pair[] {
  switch (answer.type) {
    case 'range':
      return answer.pairs;
    case 'put':
      return answer.prev === undefined ? [] : [answer.prev];
    case 'delete':
      return answer.prev ?? [];
    case 'txn':
      return answer.answers.flatMap(pairsIn);
    default:
      return [];
  }
}
