import type { KeyValue } from '../mvcc/key-value.ts';
import { BatchMaker } from './batch-maker.ts';
import { HubStream, type StreamHost } from './hub-stream.ts';
import type { WatchBatch, WatchEndReason, WatchSink, WatchSource } from './types.ts';
import type { Watch } from './watch.ts';
import { WatchGroups } from './watch-group.ts';

export type { HubStream } from './hub-stream.ts';

/** How many connections one slice serves. */
const streamsPerSlice = 8;
/** Revisions of which the batches are kept for others who read the same part of the log. */
const batchesKept = 64;

/** What one stream is to be given of a revision: the lists of its watches, a group's after another's. */
interface Delivery {
  readonly ids: (readonly number[])[];
  readonly watches: Iterable<Watch>[];
}

/**
 * Every watch is a cursor into the store's event log, never a queue of copies. What is applied goes
 * at once to the watches that are up to date; the others read the log in slices.
 *
 * A watch that is behind and whose next revision is compacted away ends with the typed reason.
 * Per watch, revisions only go up and none that matches is left out (etcd: ordered, unique,
 * reliable, atomic).
 */
export class WatchHub {
  #source: WatchSource;
  readonly #groups = new WatchGroups<HubStream, Watch>();
  readonly #streams = new Set<HubStream>();
  /** Streams that have something to read, who was served longest ago first. */
  readonly #working = new Set<HubStream>();
  /** Streams with watches that are told of progress. */
  readonly #notified = new Set<HubStream>();
  /** Watches that wait for a revision, by it. */
  readonly #awaited = new Map<number, Set<Watch>>();
  /** Made while catching up, oldest first. */
  readonly #batches = new Map<number, BatchMaker>();
  /** The compaction point when they were made. */
  #batchesAt = 0;
  readonly #host: StreamHost;
  #watches = 0;
  /** How often progress was told. */
  #round = 1;

  constructor(source: WatchSource) {
    this.#source = source;
    this.#host = this.#hostOfStreams();
  }

  get watches(): number {
    return this.#watches;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Watches that read the log, because they began in the past or their connection was slow. */
  get watchesBehind(): number {
    let count = 0;
    for (const stream of this.#streams) count += stream.watchesBehind;
    return count;
  }

  open(sink: WatchSink): HubStream {
    const stream = new HubStream(this.#host, sink);
    this.#streams.add(stream);
    return stream;
  }

  /** A command was applied; `events` are all it wrote, of one revision or of several in order. */
  publish(events: readonly KeyValue[]): void {
    let start = 0;
    while (start < events.length) {
      const revision = (events[start] as KeyValue).modRevision;
      let end = start + 1;
      while (end < events.length && events[end]?.modRevision === revision) end++;
      this.#publish(
        revision,
        start === 0 && end === events.length ? events : events.slice(start, end),
      );
      start = end;
    }
  }

  #publish(revision: number, events: readonly KeyValue[]): void {
    this.#arrive(revision);
    const batches = new BatchMaker(this.#source, revision, events);
    const deliveries = new Map<HubStream, Map<WatchBatch, Delivery>>();
    for (const [group, places] of this.#groups.matching(events)) {
      const batch = batches.for(group.spec, places);
      if (batch === undefined) continue;
      group.forEach((stream, ids, watches) => {
        const byBatch = deliveries.get(stream) ?? new Map<WatchBatch, Delivery>();
        deliveries.set(stream, byBatch);
        const delivery = byBatch.get(batch);
        if (delivery === undefined) byBatch.set(batch, { ids: [ids], watches: [watches] });
        else {
          delivery.ids.push(ids);
          delivery.watches.push(watches);
        }
      });
    }
    for (const [stream, byBatch] of deliveries) {
      if (!stream.sink.ready()) {
        stream.fallBehind(revision);
        continue;
      }
      for (const [batch, { ids, watches }] of byBatch) stream.deliver(joined(ids), watches, batch);
    }
  }

  /** Watches that waited for this revision take part from here on. */
  #arrive(revision: number): void {
    const awaited = this.#awaited.get(revision);
    if (awaited === undefined) return;
    this.#awaited.delete(revision);
    for (const watch of awaited) watch.stream.arrived(watch);
  }

  /** True when some watch can catch up now; then {@link work} is to be called soon. */
  get hasWork(): boolean {
    return this.#working.size > 0;
  }

  /** One slice of catching up: a few streams, each a part of its way; the others' turn comes next. */
  work(): void {
    let left = Math.min(streamsPerSlice, this.#working.size);
    for (const stream of this.#working) {
      stream.catchUp();
      // To the end of the order, so that nobody waits behind who was just served.
      if (this.#working.delete(stream)) this.#working.add(stream);
      if (--left === 0) return;
    }
  }

  /**
   * Tells the watches that asked for it, and had no event since the last call, how far they are; the
   * host decides how often.
   */
  progressDue(): void {
    for (const stream of this.#notified) stream.progress();
    this.#round++;
  }

  /**
   * The whole state was replaced by a snapshot that is ahead of it. Every watch keeps its place and
   * reads the missing events from the new log, so it neither skips nor goes back in time.
   */
  replaceSource(source: WatchSource): void {
    for (const stream of this.#streams) stream.fallBehind(this.#source.revision + 1);
    this.#source = source;
    this.#batches.clear();
    for (const [revision, awaited] of this.#awaited) {
      if (revision > source.revision) continue;
      this.#awaited.delete(revision);
      for (const watch of awaited) watch.stream.overtaken(watch);
    }
  }

  /** Ends every watch, for instance because the member lost touch with the cluster. */
  endAll(reason: WatchEndReason): void {
    for (const stream of [...this.#streams]) {
      if (reason === 'no_leader' && stream.sink.staysWithoutLeader === true) continue;
      stream.endAll(reason);
    }
  }

  #hostOfStreams(): StreamHost {
    const source = (): WatchSource => this.#source;
    const round = (): number => this.#round;
    return {
      get source() {
        return source();
      },
      get round() {
        return round();
      },
      groups: this.#groups,
      batches: (revision, events) => this.#batchesOf(revision, events),
      counted: (change) => {
        this.#watches += change;
      },
      awaits: (watch) => {
        const others = this.#awaited.get(watch.next);
        if (others === undefined) this.#awaited.set(watch.next, new Set([watch]));
        else others.add(watch);
      },
      noLongerAwaits: (watch) => {
        const awaited = this.#awaited.get(watch.next);
        awaited?.delete(watch);
        if (awaited?.size === 0) this.#awaited.delete(watch.next);
      },
      setWork: (stream, has) => {
        if (has) this.#working.add(stream);
        else this.#working.delete(stream);
      },
      setNotified: (stream, is) => {
        if (is) this.#notified.add(stream);
        else this.#notified.delete(stream);
      },
      forget: (stream) => {
        this.#streams.delete(stream);
        this.#working.delete(stream);
        this.#notified.delete(stream);
      },
    };
  }

  #batchesOf(revision: number, events: readonly KeyValue[]): BatchMaker {
    // A compaction may have taken the pair before an event, and who reads later must not be shown it.
    if (this.#batchesAt !== this.#source.compactRevision) this.#batches.clear();
    this.#batchesAt = this.#source.compactRevision;
    let batches = this.#batches.get(revision);
    if (batches !== undefined) return batches;
    batches = new BatchMaker(this.#source, revision, events);
    this.#batches.set(revision, batches);
    const [oldest] = this.#batches.keys();
    if (this.#batches.size > batchesKept && oldest !== undefined) this.#batches.delete(oldest);
    return batches;
  }
}

/** Id lists are never changed once they were handed out. */
function joined(lists: readonly (readonly number[])[]): readonly number[] {
  const [first] = lists;
  return lists.length === 1 && first !== undefined ? first : lists.flat();
}
