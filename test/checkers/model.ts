import type {
  Answer,
  Ask,
  Condition,
  DeleteAsk,
  Keys,
  Pair,
  PutAsk,
  RangeAsk,
  TxnAsk,
  WatchedEvent,
} from './history.ts';

/** One write of a key; no pair where it was deleted. */
interface Version {
  readonly revision: number;
  readonly pair: Pair | undefined;
}

/** Which branches a transaction takes, and those in it. */
interface Path {
  readonly succeeded: boolean;
  readonly inner: readonly (Path | undefined)[];
}

/**
 * What a store does, as plainly as it can be said: every version of every key is kept, every read looks at all of them. Nothing of
 * it is shared with the store, so that they cannot be wrong together. Revisions can be taken back, for whoever tries what may have
 * happened.
 */
export class Model {
  /** A new store is at revision 1. */
  revision = 1;
  readonly #keys: string[] = [];
  readonly #versions = new Map<string, Version[]>();
  /** By revision. */
  readonly #events = new Map<number, WatchedEvent[]>();
  /** What the keys in it are attached to. */
  readonly #attached = new Map<string, Set<string>>();

  /** Answers, and writes at the next revision if it changes anything. */
  run(ask: Ask): Answer {
    const events: WatchedEvent[] = [];
    const answer = this.#run(ask, events);
    this.#commit(events);
    return answer;
  }

  /** Ends a lease. @returns whether it had keys, which are deleted at one revision. */
  endLease(lease: string): boolean {
    const events: WatchedEvent[] = [];
    for (const key of [...(this.#attached.get(lease) ?? [])].sort()) this.#delete(key, events);
    this.#commit(events);
    return events.length > 0;
  }

  /** Leases that keys are attached to. */
  get leases(): string[] {
    return [...this.#attached].filter(([, keys]) => keys.size > 0).map(([lease]) => lease);
  }

  keysOf(lease: string): string[] {
    return [...(this.#attached.get(lease) ?? [])];
  }

  /** All that is there now, in one text. */
  get digest(): string {
    const pairs: Pair[] = [];
    for (const key of this.#keys) {
      const pair = this.#last(key);
      if (pair !== undefined) pairs.push(pair);
    }
    return JSON.stringify(pairs);
  }

  /** What was written at a revision, in the order of the writes. */
  events(revision: number): readonly WatchedEvent[] {
    return this.#events.get(revision) ?? [];
  }

  /** The last revision has not happened. */
  takeBack(): void {
    const events = this.#events.get(this.revision) ?? [];
    for (const { pair } of [...events].reverse()) {
      this.#detach(pair.key, this.#last(pair.key));
      this.#versions.get(pair.key)?.pop();
      this.#attach(pair.key, this.#last(pair.key));
    }
    this.#events.delete(this.revision);
    this.revision--;
  }

  /** The pair of a key as of a revision. */
  get(key: string, revision: number): Pair | undefined {
    const versions = this.#versions.get(key) ?? [];
    for (let at = versions.length - 1; at >= 0; at--) {
      const version = versions[at] as Version;
      if (version.revision <= revision) return version.pair;
    }
    return undefined;
  }

  /** Inside of a transaction what it wrote before is seen, though its revision is not there yet. */
  read(ask: RangeAsk, newest = this.revision): Extract<Answer, { type: 'range' }> {
    const revision = ask.revision ?? newest;
    const pairs: Pair[] = [];
    for (const key of this.#within(ask)) {
      const pair = this.get(key, revision);
      if (pair !== undefined) pairs.push(pair);
    }
    const { limit = 0 } = ask;
    const more = limit > 0 && pairs.length > limit;
    return {
      type: 'range',
      pairs: more ? pairs.slice(0, limit) : pairs,
      count: pairs.length,
      more,
    };
  }

  #run(ask: Ask, events: WatchedEvent[]): Answer {
    switch (ask.type) {
      case 'range':
        return this.read(ask, this.revision + 1);
      case 'put':
        return this.#put(ask, events);
      case 'delete':
        return this.#deleteAll(ask, events);
      case 'txn':
        return this.#txn(ask, events);
    }
  }

  #txn(ask: TxnAsk, events: WatchedEvent[]): Answer {
    return this.#follow(ask, this.#pathOf(ask), events);
  }

  /** Every condition is about the state before the whole transaction, those of inner ones as well. */
  #pathOf({ compare, success, failure }: TxnAsk): Path {
    const succeeded = compare.every((condition) => this.#holds(condition));
    const inner = (succeeded ? success : failure).map((ask) =>
      ask.type === 'txn' ? this.#pathOf(ask) : undefined,
    );
    return { succeeded, inner };
  }

  #follow({ success, failure }: TxnAsk, path: Path, events: WatchedEvent[]): Answer {
    const answers = (path.succeeded ? success : failure).map((ask, at) => {
      const inner = path.inner[at];
      const isTxn = ask.type === 'txn' && inner !== undefined;
      return isTxn ? this.#follow(ask, inner, events) : this.#run(ask, events);
    });
    return { type: 'txn', succeeded: path.succeeded, answers };
  }

  #holds({ key, target, operator, operand }: Condition): boolean {
    const pair = this.#last(key);
    if (target === 'value' && pair === undefined) return false;
    const value = { mod: pair?.modRevision, create: pair?.createRevision, version: pair?.version };
    const own = target === 'value' ? pair?.value : (value[target] ?? 0);
    if (own === undefined || typeof own !== typeof operand) return false;
    switch (operator) {
      case '=':
        return own === operand;
      case '!=':
        return own !== operand;
      case '<':
        return own < operand;
      case '>':
        return own > operand;
    }
  }

  #put({ key, value, lease, prevKv }: PutAsk, events: WatchedEvent[]): Answer {
    const revision = this.revision + 1;
    const prev = this.#last(key);
    const pair: Pair = {
      key,
      value,
      createRevision: prev?.createRevision ?? revision,
      modRevision: revision,
      version: (prev?.version ?? 0) + 1,
      ...(lease === undefined ? {} : { lease }),
    };
    this.#write(key, pair);
    events.push({ type: 'put', pair, ...(prev === undefined ? {} : { prev }) });
    return { type: 'put', ...(prevKv === true && prev !== undefined ? { prev } : {}) };
  }

  #deleteAll(ask: DeleteAsk, events: WatchedEvent[]): Answer {
    const prev: Pair[] = [];
    for (const key of this.#within(ask)) {
      const pair = this.#delete(key, events);
      if (pair !== undefined) prev.push(pair);
    }
    const pairs = ask.prevKv === true && prev.length > 0 ? { prev } : {};
    return { type: 'delete', deleted: prev.length, ...pairs };
  }

  #delete(key: string, events: WatchedEvent[]): Pair | undefined {
    const prev = this.#last(key);
    if (prev === undefined) return undefined;
    this.#write(key, undefined);
    const none = { value: '', createRevision: 0, version: 0 };
    events.push({ type: 'delete', pair: { key, modRevision: this.revision + 1, ...none }, prev });
    return prev;
  }

  #write(key: string, pair: Pair | undefined): void {
    let versions = this.#versions.get(key);
    if (versions === undefined) {
      versions = [];
      this.#versions.set(key, versions);
      const at = this.#keys.findIndex((other) => other > key);
      this.#keys.splice(at < 0 ? this.#keys.length : at, 0, key);
    }
    this.#detach(key, this.#last(key));
    versions.push({ revision: this.revision + 1, pair });
    this.#attach(key, pair);
  }

  #commit(events: WatchedEvent[]): void {
    if (events.length === 0) return;
    this.revision++;
    this.#events.set(this.revision, events);
  }

  #last(key: string): Pair | undefined {
    return this.#versions.get(key)?.at(-1)?.pair;
  }

  #attach(key: string, pair: Pair | undefined): void {
    if (pair?.lease === undefined) return;
    const keys = this.#attached.get(pair.lease) ?? new Set();
    this.#attached.set(pair.lease, keys.add(key));
  }

  #detach(key: string, pair: Pair | undefined): void {
    if (pair?.lease !== undefined) this.#attached.get(pair.lease)?.delete(key);
  }

  #within(keys: Keys): string[] {
    return this.#keys.filter((key) => isWithin(keys, key));
  }
}

/** "\0" as an end is etcd's way to say: to the last key. */
export function isWithin({ key, rangeEnd }: Keys, one: string): boolean {
  if (rangeEnd === undefined || rangeEnd === '') return one === key;
  return one >= key && (rangeEnd === '\0' || one < rangeEnd);
}

/** Whether a watch asks for an event. */
export function isAskedFor(
  record: Keys & { readonly only?: 'puts' | 'deletes' },
  { type, pair }: WatchedEvent,
): boolean {
  const { only } = record;
  return (
    isWithin(record, pair.key) && (only === undefined || (only === 'puts') === (type === 'put'))
  );
}

/** Whether an answer tells of a write. */
export function hasWritten(answer: Answer): boolean {
  switch (answer.type) {
    case 'put':
      return true;
    case 'delete':
      return answer.deleted > 0;
    case 'txn':
      return answer.answers.some(hasWritten);
    default:
      return false;
  }
}
