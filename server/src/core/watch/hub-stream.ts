import type { KeyValue } from '../mvcc/key-value.ts';
import type { BatchMaker } from './batch-maker.ts';
import type {
  WatchBatch,
  WatchEnd,
  WatchEndReason,
  WatchService,
  WatchSink,
  WatchSource,
  WatchSpec,
} from './types.ts';
import { Watch } from './watch.ts';
import { WatchGroups } from './watch-group.ts';

/** How many events one slice of catching up looks at for one connection. */
const sliceEvents = 1_000;

/** What a stream needs of its hub. */
export interface StreamHost {
  readonly source: WatchSource;
  readonly groups: WatchGroups<HubStream, Watch>;
  /** Goes up whenever progress was told. */
  readonly round: number;
  batches(revision: number, events: readonly KeyValue[]): BatchMaker;
  counted(change: number): void;
  awaits(watch: Watch): void;
  noLongerAwaits(watch: Watch): void;
  /** Whether the stream has something to read from the log. */
  setWork(stream: HubStream, has: boolean): void;
  setNotified(stream: HubStream, is: boolean): void;
  forget(stream: HubStream): void;
}

/** The watches of one connection. */
export class HubStream {
  readonly sink: WatchSink;
  readonly #host: StreamHost;
  readonly #watches = new Map<number, Watch>();
  readonly #behind = new Set<Watch>();
  /** Watches without credit. */
  readonly #paused = new Set<Watch>();
  /** Watches that are told of progress. */
  readonly #notified = new Set<Watch>();
  readonly #synced: ((revision: number) => void)[] = [];

  constructor(host: StreamHost, sink: WatchSink) {
    this.#host = host;
    this.sink = sink;
  }

  get watchesBehind(): number {
    return this.#behind.size;
  }

  has(watchId: number): boolean {
    return this.#watches.has(watchId);
  }

  /**
   * Starts a watch at `startRevision` (0: after what is applied now). The id must be free and the
   * revision not compacted; the caller has checked both.
   * @returns the first revision it delivers.
   */
  create(watchId: number, spec: WatchSpec, service: WatchService, startRevision: number): number {
    const next = startRevision || this.#host.source.revision + 1;
    const watch = new Watch(this, watchId, spec, service, next);
    this.#watches.set(watchId, watch);
    this.#host.counted(1);
    if (watch.progressNotify) this.#notified.add(watch);
    if (this.#notified.size === 1) this.#host.setNotified(this, true);
    this.#place(watch);
    return next;
  }

  /** Puts a watch that is nowhere where its cursor and its credits belong. */
  #place(watch: Watch): void {
    const { revision } = this.#host.source;
    if (watch.credits !== undefined && watch.credits <= 0) {
      watch.state = 'paused';
      this.#paused.add(watch);
    } else if (watch.next > revision + 1) {
      watch.state = 'future';
      this.#host.awaits(watch);
    } else if (watch.next === revision + 1) {
      watch.state = 'live';
      watch.group = this.#host.groups.add(watch.spec, watch);
      // One object for all that ask the same.
      watch.spec = watch.group.spec;
    } else {
      watch.state = 'behind';
      this.#behind.add(watch);
      this.#host.setWork(this, true);
    }
  }

  /** Takes a watch out of wherever it is. */
  #displace(watch: Watch): void {
    switch (watch.state) {
      case 'live':
        if (watch.group !== undefined) this.#host.groups.remove(watch.group, watch);
        watch.group = undefined;
        break;
      case 'behind':
        this.#behind.delete(watch);
        break;
      case 'future':
        this.#host.noLongerAwaits(watch);
        break;
      case 'paused':
        this.#paused.delete(watch);
        break;
    }
  }

  /** Goes on at `next`, wherever it is now. */
  #move(watch: Watch, next: number): void {
    this.#displace(watch);
    watch.next = next;
    this.#place(watch);
  }

  cancel(watchId: number): boolean {
    const watch = this.#watches.get(watchId);
    if (watch === undefined) return false;
    this.#remove(watch);
    this.#settleSynced();
    return true;
  }

  #remove(watch: Watch): void {
    this.#displace(watch);
    this.#watches.delete(watch.id);
    this.#host.counted(-1);
    this.#notified.delete(watch);
    if (this.#notified.size === 0) this.#host.setNotified(this, false);
  }

  close(): void {
    this.#synced.length = 0;
    for (const watchId of [...this.#watches.keys()]) this.cancel(watchId);
    this.#host.forget(this);
  }

  /** So many more batches; without effect on a watch that has no limit. False when there is no such watch. */
  credit(watchId: number, credits: number): boolean {
    const watch = this.#watches.get(watchId);
    if (watch === undefined) return false;
    if (watch.credits === undefined) return true;
    watch.credits += credits;
    if (watch.state === 'paused' && watch.credits > 0) this.#move(watch, watch.next);
    return true;
  }

  /**
   * Calls back, once, when every watch has been given everything up to the newest revision; at once
   * if that is so now. A watch that starts in the future misses nothing; one without credit may.
   */
  whenSynced(synced: (revision: number) => void): void {
    this.#synced.push(synced);
    this.#settleSynced();
  }

  #settleSynced(): void {
    if (this.#synced.length === 0 || this.#behind.size > 0) return;
    const { revision } = this.#host.source;
    for (const watch of this.#paused) if (watch.next <= revision) return;
    for (const synced of this.#synced.splice(0)) synced(revision);
  }

  /** Tells the watches that asked for it, and had no event in this round, how far they are. */
  progress(): void {
    if (!this.sink.ready()) return;
    const { round } = this.#host;
    const ids: number[] = [];
    for (const watch of this.#notified) {
      if (watch.state === 'live' && watch.servedInRound !== round) ids.push(watch.id);
    }
    if (ids.length > 0) this.sink.progress(ids, this.#host.source.revision);
  }

  /** A batch for watches that are live, or what keeps them from it. */
  deliver(ids: readonly number[], watches: readonly Iterable<Watch>[], batch: WatchBatch): void {
    this.sink.events(ids, batch);
    for (const each of watches) for (const watch of each) this.#spend(watch, batch.revision);
  }

  #spend(watch: Watch, revision: number): void {
    if (watch.progressNotify) watch.servedInRound = this.#host.round;
    if (watch.credits === undefined) return;
    if (--watch.credits === 0) this.#move(watch, revision + 1);
  }

  /** The sink could not take `revision`: from there on the watches read the log. */
  fallBehind(revision: number): void {
    for (const watch of this.#watches.values()) {
      if (watch.state !== 'live') continue;
      this.#displace(watch);
      watch.next = revision;
      watch.state = 'behind';
      this.#behind.add(watch);
    }
    if (this.#behind.size > 0) this.#host.setWork(this, true);
  }

  /** The revision that a watch waited for is about to be delivered. */
  arrived(watch: Watch): void {
    watch.state = 'live';
    watch.group = this.#host.groups.add(watch.spec, watch);
    watch.spec = watch.group.spec;
  }

  /** The revision that a watch waited for is in the log already. */
  overtaken(watch: Watch): void {
    watch.state = 'behind';
    this.#behind.add(watch);
    this.#host.setWork(this, true);
  }

  /** The sink is ready again after it was not. */
  resume(): void {
    if (this.#behind.size > 0) this.#host.setWork(this, true);
  }

  /** Reads one slice of the log for all watches that are behind. */
  catchUp(): void {
    this.#endCompacted();
    if (this.#behind.size === 0 || !this.sink.ready()) return this.#host.setWork(this, false);
    const { source } = this.#host;
    let next = Number.POSITIVE_INFINITY;
    for (const watch of this.#behind) next = Math.min(next, watch.next);
    let position = source.events.positionOf(next);
    const end = Math.min(source.events.length, position + sliceEvents);
    const groups = new WatchGroups<HubStream, Watch>();
    for (const watch of this.#behind) groups.add(watch.spec, watch);
    while (position < end && this.sink.ready()) {
      const events: KeyValue[] = [];
      next = source.events.at(position).modRevision;
      // A revision is never split, so the last one may reach beyond the slice.
      while (position < source.events.length && source.events.at(position).modRevision === next) {
        events.push(source.events.at(position++));
      }
      this.#deliverBehind(next, events, groups);
      next++;
    }
    if (position === source.events.length) next = source.revision + 1;
    this.#advance(next);
    this.#settleSynced();
  }

  #deliverBehind(
    revision: number,
    events: readonly KeyValue[],
    groups: WatchGroups<HubStream, Watch>,
  ): void {
    const batches = this.#host.batches(revision, events);
    const seers = new Map<WatchBatch, Watch[]>();
    for (const [group, places] of groups.matching(events)) {
      const batch = batches.for(group.spec, places);
      if (batch === undefined) continue;
      group.forEach((_stream, _ids, watches) => {
        for (const watch of watches) {
          if (watch.state !== 'behind' || watch.next > revision) continue;
          const others = seers.get(batch);
          if (others === undefined) seers.set(batch, [watch]);
          else others.push(watch);
        }
      });
    }
    for (const [batch, watches] of seers) {
      this.sink.events(
        watches.map(({ id }) => id),
        batch,
      );
      for (const watch of watches) this.#spend(watch, revision);
    }
  }

  /** Everything below `next` was looked at for all watches that are behind. */
  #advance(next: number): void {
    for (const watch of [...this.#behind]) {
      const reached = Math.max(watch.next, next);
      watch.next = reached;
      if (reached > this.#host.source.revision) this.#move(watch, reached);
    }
    if (this.#behind.size === 0) this.#host.setWork(this, false);
  }

  #endCompacted(): void {
    const { compactRevision } = this.#host.source;
    for (const watch of [...this.#behind]) {
      if (watch.next >= compactRevision) continue;
      this.#end(watch, { reason: 'compacted', resumeRevision: compactRevision, compactRevision });
    }
  }

  endAll(reason: WatchEndReason): void {
    for (const watch of [...this.#watches.values()]) {
      const next = watch.state === 'live' ? this.#host.source.revision + 1 : watch.next;
      this.#end(watch, { reason, resumeRevision: next, compactRevision: undefined });
    }
  }

  #end(watch: Watch, end: WatchEnd): void {
    this.#remove(watch);
    // First it is told of the end, and only then may the others be said to be up to date.
    this.sink.ended(watch.id, end);
    this.#settleSynced();
  }
}
