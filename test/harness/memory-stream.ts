import { type ByteString, TableError, type WatchEndReason } from '@lockstep/client/protocol';
import type {
  WatchBatch,
  WatchEvent,
  WatchRequest,
  WatchSink,
  WatchStream,
} from '../../server/src/store.ts';
import { isInside, type MemoryHistory } from './memory-history.ts';

interface MemoryWatch {
  readonly id: number;
  readonly request: WatchRequest;
  next: number;
  credits: number;
}

/** The same object for everybody who sees the same events of a history. */
const batches = new WeakMap<MemoryHistory, Map<string, WatchBatch>>();

/** The watches of one connection, by reading the whole history again each time. */
export class MemoryStream implements WatchStream {
  readonly #history: MemoryHistory;
  readonly #sink: WatchSink;
  readonly #onClose: () => void;
  readonly #watches = new Map<number, MemoryWatch>();
  #synced: ((revision: number) => void)[] = [];

  constructor(history: MemoryHistory, sink: WatchSink, onClose: () => void) {
    this.#history = history;
    this.#sink = sink;
    this.#onClose = onClose;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Delivers at once, so that a door that does not order its frames is found out. */
  create(watchId: number, request: WatchRequest): number {
    if (this.#watches.has(watchId)) throw new TableError('watch_id_taken');
    const { compactRevision, revision } = this.#history;
    const next = request.startRevision > 0 ? request.startRevision : revision + 1;
    if (next < compactRevision) throw new TableError('compacted', undefined, { compactRevision });
    const credits = request.credits ?? Number.POSITIVE_INFINITY;
    this.#watches.set(watchId, { id: watchId, request, next, credits });
    this.deliver();
    return next;
  }

  cancel(watchId: number): boolean {
    return this.#watches.delete(watchId);
  }

  credit(watchId: number, credits: number): boolean {
    const watch = this.#watches.get(watchId);
    if (watch === undefined) return false;
    watch.credits += credits;
    this.deliver();
    return true;
  }

  whenSynced(synced: (revision: number) => void): void {
    this.#synced.push(synced);
    this.deliver();
  }

  resume(): void {
    this.deliver();
  }

  close(): void {
    this.#watches.clear();
    this.#synced = [];
    this.#onClose();
  }

  /** Revision by revision, each batch to all watches that are due it. */
  deliver(): void {
    const { compactRevision, revision: newest } = this.#history;
    for (const watch of [...this.#watches.values()]) {
      if (watch.next < compactRevision) this.#end(watch, 'compacted');
    }
    const nexts = [...this.#watches.values()].map(({ next }) => next);
    for (let revision = Math.min(...nexts); revision <= newest; revision++) {
      if (!this.#sink.ready()) return;
      const due = new Map<WatchBatch, number[]>();
      for (const watch of this.#watches.values()) {
        if (watch.next !== revision || watch.credits === 0) continue;
        watch.next = revision + 1;
        const batch = this.#batchAt(revision, watch.request);
        if (batch === undefined) continue;
        watch.credits--;
        due.set(batch, [...(due.get(batch) ?? []), watch.id]);
      }
      for (const [batch, ids] of due) this.#sink.events(ids, batch);
    }
    if ([...this.#watches.values()].some(({ next }) => next <= newest)) return;
    for (const synced of this.#synced.splice(0)) synced(newest);
  }

  #batchAt(revision: number, request: WatchRequest): WatchBatch | undefined {
    const seen = this.#history.versions.filter(
      (kv) =>
        kv.modRevision === revision &&
        (kv.version === 0 ? !request.noDelete : !request.noPut) &&
        request.ranges.some((range) => isInside(range, kv.key)),
    );
    if (seen.length === 0) return undefined;
    const { prevKv, keysOnly } = request;
    const name = JSON.stringify([revision, prevKv, keysOnly, seen.map(({ key }) => key)]);
    const known = batches.get(this.#history) ?? new Map<string, WatchBatch>();
    batches.set(this.#history, known);
    const shown = (kv: WatchEvent['kv']) => (keysOnly ? { ...kv, value: '' as ByteString } : kv);
    const batch = known.get(name) ?? {
      revision,
      events: seen.map((kv) => {
        const before = prevKv ? this.#history.latest(kv.key, revision - 1) : undefined;
        return { kv: shown(kv), prevKv: before && shown(before) };
      }),
    };
    known.set(name, batch);
    return batch;
  }

  /** As a member does now and then. */
  progress(): void {
    const { revision } = this.#history;
    const ids = [...this.#watches.values()]
      .filter(({ request, next }) => request.progressNotify && next === revision + 1)
      .map(({ id }) => id);
    if (ids.length > 0) this.#sink.progress(ids, revision);
  }

  endAll(reason: WatchEndReason): void {
    for (const watch of [...this.#watches.values()]) this.#end(watch, reason);
  }

  #end(watch: MemoryWatch, reason: WatchEndReason): void {
    this.#watches.delete(watch.id);
    const { compactRevision } = this.#history;
    const isCompacted = reason === 'compacted';
    this.#sink.ended(watch.id, {
      reason,
      resumeRevision: isCompacted ? compactRevision : watch.next,
      compactRevision: isCompacted ? compactRevision : undefined,
    });
  }
}
