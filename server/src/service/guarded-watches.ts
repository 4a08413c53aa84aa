import type { KeyRange, Store, WatchRequest, WatchSink, WatchStream } from '../store.ts';
import { authorise, type Caller } from './caller.ts';
import type { Gate } from './gate.ts';
import type { RequestCounts } from './request-counts.ts';

export interface GuardedWatchesSetup {
  readonly store: Store;
  readonly gate: Gate;
  readonly requests: RequestCounts;
  /** How many watches ended by themselves, by reason. */
  readonly watchEnds: Map<string, number>;
}

interface Guarded {
  readonly ranges: readonly KeyRange[];
  /** Where one that goes on in its place would start. */
  next: number;
}

/**
 * The watches of one caller's connection, each with the right to read all that it watches: asked when it begins, and again whenever
 * rights change. One that has lost it ends with `permission_denied` before it is told anything more.
 */
export class GuardedWatches implements WatchStream {
  readonly #setup: GuardedWatchesSetup;
  readonly #caller: Caller;
  readonly #sink: WatchSink;
  readonly #stream: WatchStream;
  readonly #watches = new Map<number, Guarded>();
  readonly #stopListening: () => void;

  constructor(setup: GuardedWatchesSetup, sink: WatchSink, caller: Caller) {
    this.#setup = setup;
    this.#caller = caller;
    this.#sink = sink;
    const stays = sink.staysWithoutLeader;
    this.#stream = setup.store.openWatchStream({
      ...(stays === undefined ? {} : { staysWithoutLeader: stays }),
      ready: () => sink.ready(),
      events: (watchIds, batch) => {
        this.#told(watchIds, batch.revision);
        sink.events(watchIds, batch);
      },
      progress: (watchIds, revision) => {
        this.#told(watchIds, revision);
        sink.progress(watchIds, revision);
      },
      ended: (watchId, end) => {
        this.#watches.delete(watchId);
        this.#count(end.reason);
        sink.ended(watchId, end);
      },
    });
    this.#stopListening = setup.store.onAuthChange(() => this.#recheck());
  }

  /** @throws TableError as the store's, and what says that it may not be read. */
  create(watchId: number, request: WatchRequest): number {
    return this.#setup.requests.run('watch.create', () => {
      this.#decide(request.ranges);
      const next = this.#stream.create(watchId, request);
      this.#watches.set(watchId, { ranges: request.ranges, next });
      return next;
    });
  }

  cancel(watchId: number): boolean {
    this.#watches.delete(watchId);
    return this.#stream.cancel(watchId);
  }

  credit(watchId: number, credits: number): boolean {
    return this.#stream.credit(watchId, credits);
  }

  whenSynced(synced: (revision: number) => void): void {
    this.#stream.whenSynced(synced);
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): void {
    this.#stopListening();
    this.#watches.clear();
    this.#stream.close();
  }

  #decide(ranges: readonly KeyRange[]): void {
    const caller = this.#setup.gate.enter(this.#caller);
    for (const range of ranges) authorise(caller, 'read', range);
  }

  #told(watchIds: readonly number[], revision: number): void {
    for (const watchId of watchIds) {
      const watch = this.#watches.get(watchId);
      if (watch !== undefined) watch.next = revision + 1;
    }
  }

  #recheck(): void {
    for (const [watchId, { ranges, next }] of this.#watches) {
      try {
        this.#decide(ranges);
      } catch {
        this.cancel(watchId);
        this.#count('permission_denied');
        const reason = 'permission_denied' as const;
        this.#sink.ended(watchId, { reason, resumeRevision: next, compactRevision: undefined });
      }
    }
  }

  #count(reason: string): void {
    const { watchEnds } = this.#setup;
    watchEnds.set(reason, (watchEnds.get(reason) ?? 0) + 1);
  }
}
