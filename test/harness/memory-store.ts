import {
  type ByteString,
  type MemberInfo,
  noLease,
  TableError,
  type WatchEndReason,
} from '@lockstep/client/protocol';
import type {
  DeleteRangeReply,
  DeleteRangeRequest,
  KeyRange,
  KeyValue,
  PutReply,
  PutRequest,
  RangeReply,
  RangeRequest,
  ReadOptions,
  Stamp,
  Stamped,
  Store,
  StoreStatus,
  WatchBatch,
  WatchRequest,
  WatchSink,
  WatchStream,
} from '../../server/src/store.ts';

/** One line of the history: a version of a key, or its tombstone (version 0). */
type Entry = KeyValue;

/**
 * The dumb model of a store: a list of everything that ever happened, read from the start for each
 * answer. What the real one answers must be equal to what this one does. It also has the handles
 * that a test of the doors needs: calls can be held back, the leader can be away, a watch can be ended.
 */
export class MemoryStore implements Store {
  readonly capabilities = { transactions: false, leases: false };
  readonly #history: Entry[] = [];
  readonly #streams = new Set<MemoryStream>();
  readonly #batches = new Map<string, WatchBatch>();
  #revision = 1;
  #compactRevision = 0;
  #held: (() => void)[] | undefined;
  #waitingForRevision: { revision: number; resolve: () => void }[] = [];
  hasLeader = true;
  /** Thrown at every call, if set. */
  failure: Error | undefined;
  /** Calls that reached the store so far, answered or held. */
  calls = 0;

  get revision(): number {
    return this.#revision;
  }

  get heldCalls(): number {
    return this.#held?.length ?? 0;
  }

  get watchers(): number {
    let count = 0;
    for (const stream of this.#streams) count += stream.size;
    return count;
  }

  /** From now on calls are taken and not answered, until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  compact(revision: number): void {
    this.#compactRevision = revision;
    for (const stream of this.#streams) stream.deliver();
  }

  endWatches(reason: WatchEndReason): void {
    for (const stream of this.#streams) stream.endAll(reason);
  }

  range(request: RangeRequest, options: ReadOptions): Promise<Stamped<RangeReply>> {
    return this.waitForRevision(options.minRevision).then(() =>
      this.#answer(() => this.#range(request)),
    );
  }

  #range(request: RangeRequest): RangeReply {
    const at = request.revision === 0 ? this.#revision : request.revision;
    if (at > this.#revision) throw new TableError('future_revision');
    if (request.revision !== 0 && at < this.#compactRevision) {
      throw new TableError('compacted', undefined, { compactRevision: this.#compactRevision });
    }
    const all = this.#pairs(request, at);
    const limit = request.limit > 0 ? request.limit : all.length;
    const shown = request.countOnly ? [] : all.slice(0, limit);
    const kvs = request.keysOnly ? shown.map((kv) => ({ ...kv, value: empty })) : shown;
    return { kvs, more: !request.countOnly && all.length > limit, count: all.length };
  }

  put(request: PutRequest): Promise<Stamped<PutReply>> {
    return this.#answer(() => {
      const { key, value, lease } = request;
      const before = this.#latest(key, this.#revision);
      const revision = this.#revision + 1;
      const createRevision = before?.createRevision ?? revision;
      const version = (before?.version ?? 0) + 1;
      this.#write([{ key, value, createRevision, modRevision: revision, version, lease }]);
      return { prevKv: request.prevKv ? before : undefined };
    });
  }

  deleteRange(request: DeleteRangeRequest): Promise<Stamped<DeleteRangeReply>> {
    return this.#answer(() => {
      const gone = this.#pairs(request, this.#revision);
      const revision = this.#revision + 1;
      if (gone.length > 0) this.#write(gone.map(({ key }) => tombstone(key, revision)));
      return { deleted: gone.length, prevKvs: request.prevKv ? gone : [] };
    });
  }

  openWatchStream(sink: WatchSink): WatchStream {
    const stream = new MemoryStream(this, sink, () => this.#streams.delete(stream));
    this.#streams.add(stream);
    return stream;
  }

  waitForRevision(revision: number): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForRevision.push({ revision, resolve }));
  }

  confirmLeadership(): Promise<Stamp> {
    return this.#answer(() => ({})).then(({ stamp }) => stamp);
  }

  members(): readonly MemberInfo[] {
    return [{ memberId: '7', name: 'a', clientAddress: '', peerAddress: '', isLearner: false }];
  }

  status(): StoreStatus {
    const keys = this.#pairs(everything, this.#revision).length;
    const index = this.#history.length;
    return {
      clusterId: '42',
      memberId: '7',
      name: 'a',
      leaderId: this.hasLeader ? '7' : undefined,
      isLearner: false,
      revision: this.#revision,
      term: 2,
      lastIndex: index,
      committedIndex: index,
      appliedIndex: index,
      keys,
      compactRevision: this.#compactRevision,
      watchers: this.watchers,
      errors: [],
    };
  }

  moveLeader(target: string): Promise<void> {
    if (target === '7') return Promise.resolve();
    return Promise.reject(new TableError('bad_leader_transferee'));
  }

  /** The events of a range at one revision; the same object for everybody who sees the same. */
  batchAt(revision: number, range: KeyRange, prevKv: boolean): WatchBatch | undefined {
    const entries = this.#history.filter((entry) => entry.modRevision === revision);
    const seen = entries.filter((entry) => isInside(range, entry.key));
    if (seen.length === 0) return undefined;
    const name = JSON.stringify([revision, prevKv, seen.map((entry) => entry.key)]);
    let batch = this.#batches.get(name);
    if (batch === undefined) {
      const events = seen.map((kv) => ({
        kv,
        prevKv: prevKv ? this.#latest(kv.key, revision - 1) : undefined,
      }));
      batch = { revision, events };
      this.#batches.set(name, batch);
    }
    return batch;
  }

  get compactRevision(): number {
    return this.#compactRevision;
  }

  #answer<Reply>(run: () => Reply): Promise<Stamped<Reply>> {
    this.calls++;
    return new Promise((resolve, reject) => {
      const answer = () => {
        try {
          if (this.failure !== undefined) throw this.failure;
          if (!this.hasLeader) throw new TableError('no_leader');
          const reply = run();
          resolve({ ...reply, stamp: { revision: this.#revision, term: 2 } });
        } catch (error) {
          reject(error);
        }
      };
      if (this.#held === undefined) answer();
      else this.#held.push(answer);
    });
  }

  #write(entries: readonly Entry[]): void {
    this.#revision++;
    this.#history.push(...entries);
    for (const stream of this.#streams) stream.deliver();
    const waiting = this.#waitingForRevision;
    this.#waitingForRevision = waiting.filter(({ revision }) => revision > this.#revision);
    for (const { revision, resolve } of waiting) if (revision <= this.#revision) resolve();
  }

  #latest(key: ByteString, revision: number): KeyValue | undefined {
    const found = this.#history.findLast(
      (entry) => entry.key === key && entry.modRevision <= revision,
    );
    return found === undefined || found.version === 0 ? undefined : found;
  }

  #pairs(range: KeyRange, revision: number): KeyValue[] {
    const keys = new Set(this.#history.map((entry) => entry.key));
    return [...keys]
      .filter((key) => isInside(range, key))
      .sort(byteOrder)
      .flatMap((key) => this.#latest(key, revision) ?? []);
  }
}

interface MemoryWatch {
  readonly id: number;
  readonly request: WatchRequest;
  next: number;
}

class MemoryStream implements WatchStream {
  readonly #store: MemoryStore;
  readonly #sink: WatchSink;
  readonly #onClose: () => void;
  readonly #watches = new Map<number, MemoryWatch>();

  constructor(store: MemoryStore, sink: WatchSink, onClose: () => void) {
    this.#store = store;
    this.#sink = sink;
    this.#onClose = onClose;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Delivers at once, so that a door that does not order its frames is found out. */
  create(watchId: number, request: WatchRequest): number {
    if (this.#watches.has(watchId)) throw new TableError('watch_id_taken');
    const { compactRevision } = this.#store;
    const start = request.startRevision > 0 ? request.startRevision : this.#store.revision + 1;
    if (start < compactRevision) throw new TableError('compacted', undefined, { compactRevision });
    this.#watches.set(watchId, { id: watchId, request, next: start });
    this.deliver();
    return start;
  }

  cancel(watchId: number): boolean {
    return this.#watches.delete(watchId);
  }

  resume(): void {
    this.deliver();
  }

  close(): void {
    this.#watches.clear();
    this.#onClose();
  }

  /** Revision by revision, each batch to all watches that are due it. */
  deliver(): void {
    const { compactRevision } = this.#store;
    for (const watch of [...this.#watches.values()]) {
      if (watch.next < compactRevision) {
        this.#end(watch, 'compacted');
      }
    }
    let revision = Math.min(...[...this.#watches.values()].map((watch) => watch.next));
    for (; revision <= this.#store.revision; revision++) {
      if (!this.#sink.ready()) return;
      const due = new Map<WatchBatch, number[]>();
      for (const watch of this.#watches.values()) {
        if (watch.next !== revision) continue;
        watch.next = revision + 1;
        const batch = this.#store.batchAt(revision, watch.request, watch.request.prevKv);
        if (batch !== undefined) due.set(batch, [...(due.get(batch) ?? []), watch.id]);
      }
      for (const [batch, ids] of due) this.#sink.events(ids, batch);
    }
  }

  endAll(reason: WatchEndReason): void {
    for (const watch of [...this.#watches.values()]) this.#end(watch, reason);
  }

  #end(watch: MemoryWatch, reason: WatchEndReason): void {
    this.#watches.delete(watch.id);
    const { compactRevision } = this.#store;
    const isCompacted = reason === 'compacted';
    this.#sink.ended(watch.id, {
      reason,
      resumeRevision: isCompacted ? compactRevision : watch.next,
      compactRevision: isCompacted ? compactRevision : undefined,
    });
  }
}

const empty = '' as ByteString;
const zero = '\0' as ByteString;
const everything: KeyRange = { key: zero, rangeEnd: zero };

function tombstone(key: ByteString, revision: number): Entry {
  return {
    key,
    value: empty,
    createRevision: 0,
    modRevision: revision,
    version: 0,
    lease: noLease,
  };
}

function isInside({ key, rangeEnd }: KeyRange, candidate: ByteString): boolean {
  if (rangeEnd === '') return candidate === key;
  return candidate >= key && (rangeEnd === '\0' || candidate < rangeEnd);
}

function byteOrder(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
