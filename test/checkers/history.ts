/**
 * What clients asked and were told, as they saw it: what checkers judge a store by, simulated or real. Everything in it is
 * plain JSON, so that a history can be written to a file while it grows.
 */

/** Which keys, by the rules of etcd: one, or those in [key, rangeEnd). Bytes are written as latin1 text. */
export interface Keys {
  readonly key: string;
  readonly rangeEnd?: string;
}

export interface RangeAsk extends Keys {
  readonly type: 'range';
  /** The store as it was then; absent for now. */
  readonly revision?: number;
  readonly limit?: number;
  /** Answered by one member from what it has, however old. */
  readonly isSerializable?: boolean;
}

export interface PutAsk {
  readonly type: 'put';
  readonly key: string;
  readonly value: string;
  /** Absent for none. */
  readonly lease?: string;
  readonly prevKv?: boolean;
}

export interface DeleteAsk extends Keys {
  readonly type: 'delete';
  readonly prevKv?: boolean;
}

export interface Condition {
  readonly key: string;
  readonly target: 'mod' | 'create' | 'version' | 'value';
  readonly operator: '=' | '!=' | '<' | '>';
  readonly operand: number | string;
}

export interface TxnAsk {
  readonly type: 'txn';
  readonly compare: readonly Condition[];
  readonly success: readonly Ask[];
  readonly failure: readonly Ask[];
}

/** What may also stand in a transaction. */
export type Ask = RangeAsk | PutAsk | DeleteAsk | TxnAsk;

/** What may be asked for alone. Revoking deletes the keys of a lease, all at one revision. */
export type Request =
  | Ask
  | { readonly type: 'grant'; readonly ttlMs: number }
  | { readonly type: 'renew'; readonly lease: string }
  | { readonly type: 'revoke'; readonly lease: string }
  | { readonly type: 'compact'; readonly revision: number };

export interface Pair {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease?: string;
}

export type Answer =
  | {
      readonly type: 'range';
      readonly pairs: readonly Pair[];
      readonly count: number;
      readonly more: boolean;
    }
  | { readonly type: 'put'; readonly prev?: Pair }
  | { readonly type: 'delete'; readonly deleted: number; readonly prev?: readonly Pair[] }
  | { readonly type: 'txn'; readonly succeeded: boolean; readonly answers: readonly Answer[] }
  | { readonly type: 'grant'; readonly lease: string }
  | { readonly type: 'renew'; readonly ttlMs: number }
  | { readonly type: 'done' };

export type Outcome =
  /** It ran, once; `revision` is the store's right after it. */
  | { readonly type: 'ok'; readonly revision: number; readonly answer: Answer }
  /** It surely did not run: refused, or never handed over. `code` as in the table of errors. */
  | { readonly type: 'refused'; readonly code: string }
  /** It ran once or not at all. */
  | { readonly type: 'unknown' };

/** One call of a client, from the moment it was made to the moment its answer was there. */
export interface Operation {
  readonly id: number;
  readonly client: string;
  /** Milliseconds on one monotonic clock for the whole history; fractions are welcome. */
  readonly calledAt: number;
  /** Infinity, in JSON null, for an outcome that is unknown: it may take effect at any later time. */
  readonly returnedAt: number;
  readonly request: Request;
  readonly outcome: Outcome;
}

export interface WatchedEvent {
  readonly type: 'put' | 'delete';
  /** Of a delete only key and modRevision count. */
  readonly pair: Pair;
  readonly prev?: Pair;
}

/** What one watch was told, in order. */
export type WatchItem =
  | { readonly type: 'events'; readonly revision: number; readonly events: readonly WatchedEvent[] }
  /** Everything up to this revision was told. */
  | { readonly type: 'progress'; readonly revision: number }
  /** `resumeAt`: where to go on; with the reason `compacted` the oldest revision that is left. */
  | { readonly type: 'ended'; readonly reason: string; readonly resumeAt?: number };

/** One watch from its creation until its end, on one member. */
export interface WatchSession {
  readonly member: string;
  /** The first revision that was asked for. */
  readonly from: number;
  readonly items: WatchItem[];
}

/** One user of a watch, who goes on on other members where it had to stop. */
export interface WatcherRecord extends Keys {
  readonly name: string;
  readonly prevKv: boolean;
  readonly only?: 'puts' | 'deletes';
  readonly sessions: WatchSession[];
}

/** Takes down what clients and watchers see. */
export class History {
  readonly operations: Operation[] = [];
  readonly watchers: WatcherRecord[] = [];
  /** What was done to the cluster, for whoever draws or reads the history. */
  readonly harms: { readonly at: number; readonly what: string }[] = [];
  #calls = 0;
  readonly #open = new Map<number, Pick<Operation, 'id' | 'client' | 'calledAt' | 'request'>>();

  /** A call begins; give its answer to {@link ended}. */
  begin(client: string, request: Request, at: number): number {
    const id = this.#calls++;
    this.#open.set(id, { id, client, calledAt: at, request });
    return id;
  }

  /** A call is over; only the first end counts. */
  ended(id: number, outcome: Outcome, at: number): void {
    const call = this.#open.get(id);
    if (call === undefined) return;
    this.#open.delete(id);
    const returnedAt = outcome.type === 'unknown' ? Number.POSITIVE_INFINITY : at;
    this.operations.push({ ...call, returnedAt, outcome });
  }

  /** Nobody waits any more: what has no answer has an outcome that is unknown. */
  close(): void {
    for (const id of [...this.#open.keys()]) this.ended(id, { type: 'unknown' }, 0);
  }

  watcher(record: Omit<WatcherRecord, 'sessions'>): WatcherRecord {
    const made: WatcherRecord = { ...record, sessions: [] };
    this.watchers.push(made);
    return made;
  }

  harm(at: number, what: string): void {
    this.harms.push({ at, what });
  }
}
