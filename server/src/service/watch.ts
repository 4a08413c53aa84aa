import {
  limits,
  TableError,
  type WatchCancelParams,
  type WatchCancelResult,
  type WatchCreateParams,
  type WatchCreateResult,
  type WatchCreditParams,
  type WatchCreditResult,
  type WatchProgressResult,
} from '@lockstep/client/protocol';
import type { KeyRange, Store, WatchBatch, WatchEnd, WatchSink, WatchStream } from '../store.ts';
import { batchFragments, batchJson } from './batch-json.ts';
import type { CallContext } from './caller.ts';
import type { Headers } from './headers.ts';
import { requestRange } from './keys.ts';
import type { RequestCounts } from './request-counts.ts';
import { WatchRights, type WatchRightsSetup } from './watch-rights.ts';

/** What a door does with the events and ends of its connection's watches. Calls must not throw. */
export interface WatchOutlet {
  /** False while the connection should get no events; then {@link ConnectionWatches.resume}. */
  ready(): boolean;
  /** `body` is {@link batchJson}, or a part of it for watches that asked for fragments. */
  events(watchIds: readonly number[], revision: number, body: string): void;
  progress(watchIds: readonly number[], revision: number): void;
  ended(watchId: number, end: WatchEnd): void;
}

/** What the watches of all connections share. */
export interface WatchesSetup extends WatchRightsSetup {
  readonly headers: Headers;
  readonly requests: RequestCounts;
  /** How many watches ended by themselves, by reason. */
  readonly watchEnds: Map<string, number>;
}

/**
 * The watches of one connection: chooses ids, keeps count, knows where each would resume, and
 * keeps the order [W-31]: first the answer to the create, then events, and none after the end.
 */
export class ConnectionWatches implements WatchSink {
  readonly #store: Store;
  readonly #headers: Headers;
  readonly #requests: RequestCounts;
  readonly #ends: Map<string, number>;
  readonly #outlet: WatchOutlet;
  readonly #stream: WatchStream;
  /** Watch id to the revision a successor would start at. */
  readonly #next = new Map<number, number>();
  readonly #rights: WatchRights;
  readonly #stopListening: () => void;
  /** Watches that asked for fragments. */
  readonly #fragmented = new Set<number>();
  /** Calls that wait for {@link whenSynced}. */
  readonly #unsynced = new Set<(reason: TableError) => void>();
  #lastChosenId = 0;
  #creating = false;
  #refusedWhileCreating = false;
  #closed = false;

  constructor(setup: WatchesSetup, outlet: WatchOutlet) {
    const { store } = setup;
    this.#store = store;
    this.#headers = setup.headers;
    this.#requests = setup.requests;
    this.#ends = setup.watchEnds;
    this.#outlet = outlet;
    this.#stream = store.openWatchStream(this);
    this.#rights = new WatchRights(setup);
    this.#stopListening = store.onAuthChange(() => this.#recheck());
  }

  get size(): number {
    return this.#next.size;
  }

  /**
   * Starts a watch and calls `answer` before anything else about it is said; at once, or when the
   * member has applied `minRevision`.
   * @throws TableError (or rejects with one) `watch_id_taken`, `compacted`, `too_many_requests`,
   * and what {@link requestRange} throws.
   */
  create(
    params: WatchCreateParams,
    context: CallContext,
    answer: (result: WatchCreateResult) => void,
  ): Promise<void> | undefined {
    return this.#requests.run('watch.create', () => this.#create(params, context, answer));
  }

  #create(
    params: WatchCreateParams,
    context: CallContext,
    answer: (result: WatchCreateResult) => void,
  ): Promise<void> | undefined {
    const ranges = requestRanges(params);
    const { caller } = context;
    this.#rights.decide(caller, ranges);
    const start = () => {
      if (this.#closed) return;
      this.#rights.decide(caller, ranges);
      this.#recheck();
      const watchId = this.#reserve(params.watchId);
      this.#creating = true;
      try {
        const startRevision = this.#stream.create(watchId, {
          ranges,
          startRevision: params.startRevision ?? 0,
          prevKv: params.prevKv === true,
          noPut: params.noPut === true,
          noDelete: params.noDelete === true,
          keysOnly: params.keysOnly === true,
          progressNotify: params.progressNotify === true,
          credits: params.credits,
        });
        if (params.fragment === true) this.#fragmented.add(watchId);
        this.#next.set(watchId, startRevision);
        this.#rights.add(watchId, caller, ranges);
        answer({ header: this.#headers.now(), watchId, startRevision });
      } finally {
        this.#creating = false;
        this.#resumeAfterCreate();
      }
    };
    const minRevision = params.minRevision ?? 0;
    if (minRevision > 0) return this.#store.waitForRevision(minRevision).then(start);
    start();
    return undefined;
  }

  #reserve(chosen: number | undefined): number {
    const most = limits.watchesPerConnectionMax;
    if (this.#next.size >= most) {
      throw new TableError(
        'too_many_requests',
        `a connection holds at most ${most} watches; cancel some or open another connection`,
      );
    }
    if (chosen === undefined) {
      do this.#lastChosenId++;
      while (this.#next.has(this.#lastChosenId));
      return this.#lastChosenId;
    }
    if (this.#next.has(chosen)) {
      throw new TableError(
        'watch_id_taken',
        `watchId ${chosen} is in use on this connection; choose another or leave it out`,
      );
    }
    return chosen;
  }

  #resumeAfterCreate(): void {
    if (!this.#refusedWhileCreating) return;
    this.#refusedWhileCreating = false;
    this.resume();
  }

  cancel(params: WatchCancelParams): WatchCancelResult {
    return this.#requests.run('watch.cancel', () => {
      const canceled = this.#forget(params.watchId) && this.#stream.cancel(params.watchId);
      return { header: this.#headers.now(), canceled };
    });
  }

  #forget(watchId: number): boolean {
    this.#fragmented.delete(watchId);
    this.#rights.forget(watchId);
    return this.#next.delete(watchId);
  }

  /** Lets a watch with credits deliver so many more revisions. */
  credit({ watchId, credits }: WatchCreditParams): WatchCreditResult {
    return this.#requests.run('watch.credit', () => {
      const credited = this.#next.has(watchId) && this.#stream.credit(watchId, credits);
      return { header: this.#headers.now(), credited };
    });
  }

  /**
   * Resolves after every event up to the header's revision was handed to the outlet.
   * @throws TableError (rejects with) `server_stopped` when the watches end before.
   */
  whenSynced(): Promise<WatchProgressResult> {
    return this.#requests.run('watch.progress', () => this.#whenSynced());
  }

  #whenSynced(): Promise<WatchProgressResult> {
    return new Promise((resolve, reject) => {
      this.#unsynced.add(reject);
      this.#stream.whenSynced((revision) => {
        if (!this.#unsynced.delete(reject)) return;
        for (const [watchId, next] of this.#next) {
          if (next <= revision) this.#next.set(watchId, revision + 1);
        }
        resolve({ header: { ...this.#headers.now(), revision } });
      });
    });
  }

  /** The outlet is ready again after it was not. */
  resume(): void {
    if (!this.#closed) this.#stream.resume();
  }

  /** Ends every watch because the member stops; each learns where to resume. */
  stop(): void {
    for (const [watchId, resumeRevision] of this.#next) {
      const end = { reason: 'server_stopped', resumeRevision, compactRevision: undefined } as const;
      this.#tellEnd(watchId, end);
    }
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#next.clear();
    this.#rights.clear();
    this.#fragmented.clear();
    this.#stream.close();
    for (const reject of this.#unsynced) reject(new TableError('server_stopped'));
    this.#unsynced.clear();
  }

  ready(): boolean {
    if (!this.#creating) return this.#outlet.ready();
    this.#refusedWhileCreating = true;
    return false;
  }

  /** Ends the watches that their callers may not have any more. */
  #recheck(): void {
    for (const watchId of this.#rights.lost()) {
      const resumeRevision = this.#next.get(watchId) ?? 0;
      if (!this.#forget(watchId)) continue;
      this.#stream.cancel(watchId);
      const end = {
        reason: 'permission_denied',
        resumeRevision,
        compactRevision: undefined,
      } as const;
      this.#tellEnd(watchId, end);
    }
  }

  events(watchIds: readonly number[], batch: WatchBatch): void {
    this.#recheck();
    const after = batch.revision + 1;
    let known = 0;
    for (const watchId of watchIds) {
      if (!this.#next.has(watchId)) continue;
      this.#next.set(watchId, after);
      known++;
    }
    if (known === 0) return;
    const ids = known === watchIds.length ? watchIds : watchIds.filter((id) => this.#next.has(id));
    this.#deliver(ids, batch);
  }

  #deliver(ids: readonly number[], batch: WatchBatch): void {
    const whole = batchJson(batch);
    if (whole.length <= limits.chunkBytesMax || this.#fragmented.size === 0) {
      return this.#outlet.events(ids, batch.revision, whole);
    }
    const inParts = ids.filter((id) => this.#fragmented.has(id));
    const inOne = ids.filter((id) => !this.#fragmented.has(id));
    if (inOne.length > 0) this.#outlet.events(inOne, batch.revision, whole);
    if (inParts.length === 0) return;
    for (const part of batchFragments(batch)) this.#outlet.events(inParts, batch.revision, part);
  }

  progress(watchIds: readonly number[], revision: number): void {
    const ids = watchIds.filter((id) => this.#next.has(id));
    if (ids.length === 0) return;
    for (const watchId of ids) this.#next.set(watchId, revision + 1);
    this.#outlet.progress(ids, revision);
  }

  ended(watchId: number, end: WatchEnd): void {
    if (this.#forget(watchId)) this.#tellEnd(watchId, end);
  }

  #tellEnd(watchId: number, end: WatchEnd): void {
    this.#ends.set(end.reason, (this.#ends.get(end.reason) ?? 0) + 1);
    this.#outlet.ended(watchId, end);
  }
}

/** One selector, or several in `ranges`. @throws TableError as {@link requestRange}. */
function requestRanges(params: WatchCreateParams): readonly KeyRange[] {
  const { ranges, key, rangeEnd, prefix } = params;
  if (ranges === undefined) return [requestRange(params)];
  if (key !== undefined || rangeEnd !== undefined || prefix !== undefined) {
    throw new TableError(
      'invalid_params',
      'params.ranges excludes key, rangeEnd and prefix: put every selector into the list',
    );
  }
  const most = limits.watchRangesMax;
  if (ranges.length < 1 || ranges.length > most) {
    throw new TableError(
      'invalid_params',
      `params.ranges must hold 1 to ${most} selectors; it holds ${ranges.length}`,
    );
  }
  return ranges.map((range, at) => requestRange(range, `params.ranges[${at}]`));
}
