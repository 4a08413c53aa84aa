import type { WatchRequest, WatchSink, WatchStream } from '../store.ts';
import type { Caller } from './caller.ts';
import type { RequestCounts } from './request-counts.ts';
import { WatchRights, type WatchRightsSetup } from './watch-rights.ts';

export interface GuardedWatchesSetup extends WatchRightsSetup {
  readonly requests: RequestCounts;
  /** How many watches ended by themselves, by reason. */
  readonly watchEnds: Map<string, number>;
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
  /** Where one that goes on in a watch's place would start. */
  readonly #next = new Map<number, number>();
  readonly #rights: WatchRights;
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
        this.#recheck();
        const left = this.#told(watchIds, batch.revision);
        if (left.length > 0) sink.events(left, batch);
      },
      progress: (watchIds, revision) => {
        sink.progress(this.#told(watchIds, revision), revision);
      },
      ended: (watchId, end) => {
        this.#forget(watchId);
        this.#count(end.reason);
        sink.ended(watchId, end);
      },
    });
    this.#rights = new WatchRights(setup);
    this.#stopListening = setup.store.onAuthChange(() => this.#recheck());
  }

  /** @throws TableError as the store's, and what says that it may not be read. */
  create(watchId: number, request: WatchRequest): number {
    return this.#setup.requests.run('watch.create', () => {
      this.#rights.decide(this.#caller, request.ranges);
      // A store that has events at hand may tell them before it returns; of an id that is taken it throws.
      const isNew = !this.#next.has(watchId);
      if (isNew) {
        this.#next.set(watchId, request.startRevision);
        this.#rights.add(watchId, this.#caller, request.ranges);
      }
      try {
        const start = this.#stream.create(watchId, request);
        this.#next.set(watchId, Math.max(start, this.#next.get(watchId) ?? 0));
        return start;
      } catch (error) {
        if (isNew) this.#forget(watchId);
        throw error;
      }
    });
  }

  cancel(watchId: number): boolean {
    this.#forget(watchId);
    return this.#stream.cancel(watchId);
  }

  #forget(watchId: number): void {
    this.#next.delete(watchId);
    this.#rights.forget(watchId);
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
    this.#next.clear();
    this.#rights.clear();
    this.#stream.close();
  }

  /** @returns those of the watches that have not lost their right meanwhile. */
  #told(watchIds: readonly number[], revision: number): readonly number[] {
    let known = 0;
    for (const watchId of watchIds) {
      if (!this.#next.has(watchId)) continue;
      this.#next.set(watchId, revision + 1);
      known++;
    }
    return known === watchIds.length ? watchIds : watchIds.filter((id) => this.#next.has(id));
  }

  #recheck(): void {
    for (const watchId of this.#rights.lost()) {
      const resumeRevision = this.#next.get(watchId) ?? 0;
      this.cancel(watchId);
      this.#count('permission_denied');
      const reason = 'permission_denied' as const;
      this.#sink.ended(watchId, { reason, resumeRevision, compactRevision: undefined });
    }
  }

  #count(reason: string): void {
    const { watchEnds } = this.#setup;
    watchEnds.set(reason, (watchEnds.get(reason) ?? 0) + 1);
  }
}
