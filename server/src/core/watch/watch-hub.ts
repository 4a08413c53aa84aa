import type { KeyValue } from '../mvcc/key-value.ts';
import { BatchMaker } from './batch-maker.ts';
import type { WatchEnd, WatchEndReason, WatchSink, WatchSource, WatchSpec } from './types.ts';
import { WatchGroups } from './watch-group.ts';

/** How many events one slice of catching up looks at for one connection. */
const sliceEvents = 1_000;
/** How many connections one slice serves. */
const streamsPerSlice = 8;

interface Watch {
  readonly id: number;
  readonly spec: WatchSpec;
  /** While behind: the first revision it has not seen. Up to date it has seen everything. */
  next: number;
}

/**
 * Every watch is a cursor into the store's event log, never a queue of copies.
 *
 *   up to date   in a group; gets each new revision as it is applied
 *   behind       started in the past, or its connection was full: catches up from the log in slices
 *   future       starts at a revision that does not exist yet: waits behind until it does
 *
 * A watch that is behind and whose next revision is compacted away ends with the typed reason.
 * Per watch, revisions only go up and none that matches is left out (etcd: ordered, unique,
 * reliable, atomic).
 */
export class WatchHub {
  #source: WatchSource;
  readonly #groups = new WatchGroups<HubStream>();
  readonly #streams = new Set<HubStream>();
  #watches = 0;

  constructor(source: WatchSource) {
    this.#source = source;
  }

  get watches(): number {
    return this.#watches;
  }

  open(sink: WatchSink): HubStream {
    const stream = new HubStream(this, sink);
    this.#streams.add(stream);
    return stream;
  }

  /** One request was applied; `events` are all it wrote, of one revision. */
  publish(events: readonly KeyValue[]): void {
    const revision = events[0]?.modRevision;
    if (revision === undefined) return;
    const batches = new BatchMaker(this.#source, revision, events);
    const deliveries = new Map<HubStream, Map<object, number[]>>();
    for (const group of this.#groups.matching(events)) {
      const batch = batches.for(group.spec);
      for (const [stream, ids] of group.members) {
        const byBatch = deliveries.get(stream) ?? new Map<object, number[]>();
        const gathered = byBatch.get(batch);
        byBatch.set(batch, gathered === undefined ? ids : [...gathered, ...ids]);
        deliveries.set(stream, byBatch);
      }
    }
    for (const [stream, byBatch] of deliveries) {
      if (!stream.sink.ready()) {
        stream.fallBehind(revision);
        continue;
      }
      for (const [batch, ids] of byBatch) {
        stream.sink.events(ids, batch as ReturnType<BatchMaker['for']>);
      }
    }
  }

  /** True when some watch can catch up now; then {@link work} is to be called soon. */
  get hasWork(): boolean {
    for (const stream of this.#streams) if (stream.hasWork) return true;
    return false;
  }

  /** One slice of catching up: a few streams, each a part of its way; the others' turn comes next. */
  work(): void {
    let left = streamsPerSlice;
    for (const stream of [...this.#streams]) {
      if (!stream.hasWork) continue;
      stream.catchUp();
      // To the end of the order, so that nobody waits behind who was just served.
      this.#streams.delete(stream);
      this.#streams.add(stream);
      if (--left === 0) return;
    }
  }

  /**
   * The whole state was replaced by a snapshot that is ahead of it. Every watch keeps its place and
   * reads the missing events from the new log, so it neither skips nor goes back in time.
   */
  replaceSource(source: WatchSource): void {
    for (const stream of this.#streams) stream.fallBehind(this.#source.revision + 1);
    this.#source = source;
  }

  /** Ends every watch, for instance because the member lost touch with the cluster. */
  endAll(reason: WatchEndReason): void {
    for (const stream of [...this.#streams]) stream.endAll(reason);
  }

  /** Only for {@link HubStream}. */
  get source(): WatchSource {
    return this.#source;
  }

  /** Only for {@link HubStream}. */
  get groups(): WatchGroups<HubStream> {
    return this.#groups;
  }

  /** Only for {@link HubStream}. */
  counted(change: number): void {
    this.#watches += change;
  }

  /** Only for {@link HubStream}. */
  forget(stream: HubStream): void {
    this.#streams.delete(stream);
  }
}

/** The watches of one connection. */
export class HubStream {
  readonly sink: WatchSink;
  readonly #hub: WatchHub;
  readonly #watches = new Map<number, Watch>();
  readonly #behind = new Set<Watch>();

  constructor(hub: WatchHub, sink: WatchSink) {
    this.#hub = hub;
    this.sink = sink;
  }

  has(watchId: number): boolean {
    return this.#watches.has(watchId);
  }

  /**
   * Starts a watch at `startRevision` (0: after what is applied now). The id must be free and the
   * revision not compacted; the caller has checked both.
   * @returns the first revision it delivers.
   */
  create(watchId: number, spec: WatchSpec, startRevision: number): number {
    const next = startRevision || this.#hub.source.revision + 1;
    const watch: Watch = { id: watchId, spec, next };
    this.#watches.set(watchId, watch);
    this.#hub.counted(1);
    if (next === this.#hub.source.revision + 1) this.#join(watch);
    else this.#behind.add(watch);
    return next;
  }

  cancel(watchId: number): boolean {
    const watch = this.#watches.get(watchId);
    if (watch === undefined) return false;
    this.#watches.delete(watchId);
    this.#hub.counted(-1);
    if (!this.#behind.delete(watch)) this.#hub.groups.remove(watch.spec, this, watchId);
    return true;
  }

  close(): void {
    for (const watchId of [...this.#watches.keys()]) this.cancel(watchId);
    this.#hub.forget(this);
  }

  #join(watch: Watch): void {
    this.#hub.groups.add(watch.spec, this, watch.id);
  }

  /** The sink could not take `revision`: from there on the watches read the log. */
  fallBehind(revision: number): void {
    for (const watch of this.#watches.values()) {
      if (this.#behind.has(watch)) continue;
      this.#hub.groups.remove(watch.spec, this, watch.id);
      watch.next = revision;
      this.#behind.add(watch);
    }
  }

  /** True when something waits in the log and the connection can take it. */
  get hasWork(): boolean {
    if (this.#behind.size === 0 || !this.sink.ready()) return false;
    const { revision } = this.#hub.source;
    for (const watch of this.#behind) if (watch.next <= revision + 1) return true;
    return false;
  }

  /** Reads one slice of the log for all watches that are behind. */
  catchUp(): void {
    this.#endCompacted();
    const { source } = this.#hub;
    let next = Number.POSITIVE_INFINITY;
    for (const watch of this.#behind) next = Math.min(next, watch.next);
    let position = source.events.positionOf(next);
    const end = Math.min(source.events.length, position + sliceEvents);
    while (position < end && this.sink.ready()) {
      const events: KeyValue[] = [];
      next = source.events.at(position).modRevision;
      // A revision is never split, so the last one may reach beyond the slice.
      while (position < source.events.length && source.events.at(position).modRevision === next) {
        events.push(source.events.at(position++));
      }
      this.#deliver(next, events);
      next++;
    }
    if (position === source.events.length) next = source.revision + 1;
    this.#advance(next);
  }

  #deliver(revision: number, events: readonly KeyValue[]): void {
    const batches = new BatchMaker(this.#hub.source, revision, events);
    const idsOf = new Map<ReturnType<BatchMaker['for']>, number[]>();
    for (const watch of this.#behind) {
      if (watch.next > revision) continue;
      const batch = batches.for(watch.spec);
      if (batch.events.length === 0) continue;
      const ids = idsOf.get(batch);
      if (ids === undefined) idsOf.set(batch, [watch.id]);
      else ids.push(watch.id);
    }
    for (const [batch, ids] of idsOf) this.sink.events(ids, batch);
  }

  /** Everything below `next` was looked at for all watches that are behind. */
  #advance(next: number): void {
    for (const watch of [...this.#behind]) {
      watch.next = Math.max(watch.next, next);
      if (watch.next !== this.#hub.source.revision + 1) continue;
      this.#behind.delete(watch);
      this.#join(watch);
    }
  }

  #endCompacted(): void {
    const { compactRevision } = this.#hub.source;
    for (const watch of [...this.#behind]) {
      if (watch.next >= compactRevision) continue;
      this.#end(watch, { reason: 'compacted', resumeRevision: compactRevision, compactRevision });
    }
  }

  endAll(reason: WatchEndReason): void {
    for (const watch of [...this.#watches.values()]) {
      const seen = this.#behind.has(watch) ? watch.next : this.#hub.source.revision + 1;
      this.#end(watch, { reason, resumeRevision: seen, compactRevision: undefined });
    }
  }

  #end(watch: Watch, end: WatchEnd): void {
    this.cancel(watch.id);
    this.sink.ended(watch.id, end);
  }
}
