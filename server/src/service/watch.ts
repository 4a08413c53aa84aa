import {
  limits,
  TableError,
  type WatchCancelParams,
  type WatchCancelResult,
  type WatchCreateParams,
  type WatchCreateResult,
} from '@lockstep/client/protocol';
import type { Store, WatchBatch, WatchEnd, WatchSink, WatchStream } from '../store.ts';
import { authorise, type CallContext } from './caller.ts';
import type { Headers } from './headers.ts';
import { requestRange, wireEvent } from './keys.ts';

const encoded = new WeakMap<WatchBatch, string>();

/**
 * PROTOCOL [W-32]: the JSON members `"revision":...,"events":[...]` of one batch, encoded once
 * however many connections it goes to.
 */
export function batchJson(batch: WatchBatch): string {
  let text = encoded.get(batch);
  if (text === undefined) {
    text = `"revision":${batch.revision},"events":${JSON.stringify(batch.events.map(wireEvent))}`;
    encoded.set(batch, text);
  }
  return text;
}

/** What a door does with the events and ends of its connection's watches. Calls must not throw. */
export interface WatchOutlet {
  /** False while the connection should get no events; then {@link ConnectionWatches.resume}. */
  ready(): boolean;
  /** `body` is {@link batchJson}. */
  events(watchIds: readonly number[], revision: number, body: string): void;
  ended(watchId: number, end: WatchEnd): void;
}

/**
 * The watches of one connection: chooses ids, keeps count, knows where each would resume, and
 * keeps the order [W-31]: first the answer to the create, then events, and none after the end.
 */
export class ConnectionWatches implements WatchSink {
  readonly #store: Store;
  readonly #headers: Headers;
  readonly #outlet: WatchOutlet;
  readonly #stream: WatchStream;
  /** Watch id to the revision a successor would start at. */
  readonly #next = new Map<number, number>();
  #lastChosenId = 0;
  #creating = false;
  #refusedWhileCreating = false;
  #closed = false;

  constructor(store: Store, headers: Headers, outlet: WatchOutlet) {
    this.#store = store;
    this.#headers = headers;
    this.#outlet = outlet;
    this.#stream = store.openWatchStream(this);
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
    const range = requestRange(params);
    authorise(context.caller, 'read', range);
    const start = () => {
      if (this.#closed) return;
      const watchId = this.#reserve(params.watchId);
      this.#creating = true;
      try {
        const startRevision = this.#stream.create(watchId, {
          key: range.key,
          rangeEnd: range.rangeEnd,
          startRevision: params.startRevision ?? 0,
          prevKv: params.prevKv === true,
        });
        this.#next.set(watchId, startRevision);
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
    const canceled = this.#next.delete(params.watchId) && this.#stream.cancel(params.watchId);
    return { header: this.#headers.now(), canceled };
  }

  /** The outlet is ready again after it was not. */
  resume(): void {
    if (!this.#closed) this.#stream.resume();
  }

  /** Ends every watch because the member stops; each learns where to resume. */
  stop(): void {
    for (const [watchId, resumeRevision] of this.#next) {
      const end = { reason: 'server_stopped', resumeRevision, compactRevision: undefined } as const;
      this.#outlet.ended(watchId, end);
    }
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#next.clear();
    this.#stream.close();
  }

  ready(): boolean {
    if (!this.#creating) return this.#outlet.ready();
    this.#refusedWhileCreating = true;
    return false;
  }

  events(watchIds: readonly number[], batch: WatchBatch): void {
    const after = batch.revision + 1;
    let known = 0;
    for (const watchId of watchIds) {
      if (!this.#next.has(watchId)) continue;
      this.#next.set(watchId, after);
      known++;
    }
    if (known === 0) return;
    const ids = known === watchIds.length ? watchIds : watchIds.filter((id) => this.#next.has(id));
    this.#outlet.events(ids, batch.revision, batchJson(batch));
  }

  ended(watchId: number, end: WatchEnd): void {
    if (this.#next.delete(watchId)) this.#outlet.ended(watchId, end);
  }
}
