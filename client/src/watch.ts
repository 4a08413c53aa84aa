import type { WireEvent } from '@lockstep/client/protocol';
import type { BatchQueue } from './batch-queue.ts';
import { KeyValue, type Selector } from './key-value.ts';

export interface WatchOptions {
  /** The first revision to deliver; absent or 0 for "from now on". */
  readonly startRevision?: number;
  /** Events carry the pair as it was before. */
  readonly prevKv?: boolean;
  /** Leave out puts, or deletes. */
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  /** Events carry no values. */
  readonly keysOnly?: boolean;
  /**
   * Let the member say now and then, while nothing happens, how far it has looked. A lost
   * connection is then resumed from there, so that compaction does not overtake a quiet watch.
   */
  readonly progressNotify?: boolean;
  /** Called in its place among the events of the loop: every event up to `revision` came before. */
  readonly onProgress?: (revision: number) => void;
  /** Ends the watch: the loop over it throws the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * How much may be received and not yet taken, in bytes of wire text. Beyond it (and at most one
   * revision more) the watch stops at the member and goes on from there once half is taken, so
   * a slow consumer loses nothing unless compaction overtakes it, which ends the watch with a
   * WatchCompactedError. Default 8 MiB.
   */
  readonly bufferBytes?: number;
}

/** A selector that is an object; a watch takes it with its options in one. */
export type WatchSelector = Exclude<Selector, string | Uint8Array>;

/** What to watch, and how; of several `ranges` an event that fits more than one comes once. */
export type WatchRequest = WatchOptions &
  (WatchSelector | { readonly ranges: readonly Selector[] });

export class WatchEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: the key and, as modRevision, the revision of the delete. */
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;

  constructor(wire: WireEvent) {
    this.type = wire.type;
    this.kv = new KeyValue(wire.kv);
    this.prevKv = wire.prevKv === undefined ? undefined : new KeyValue(wire.prevKv);
  }

  get revision(): number {
    return this.kv.modRevision;
  }
}

/** Everything that happened to the watched keys at one revision; never split, never empty. */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

/** What a watch has received: a revision's events, or that it has everything up to a revision. */
export type WatchItem = WatchBatch | { readonly progress: number };

/** What a {@link Watch} needs of whoever runs it. */
export interface WatchSource {
  readonly queue: BatchQueue<WatchItem>;
  readonly started: Promise<number>;
  readonly onProgress: ((revision: number) => void) | undefined;
  requestProgress(): Promise<number>;
  close(): void;
}

/**
 * A watch that is running since it was made. Events come in order of revision, each exactly once,
 * through any number of lost connections. It ends when it is closed, when its signal aborts, or
 * with a typed error; never silently. One consumer: loops over it share its events.
 */
export class Watch implements AsyncIterable<WatchEvent>, AsyncDisposable {
  readonly #source: WatchSource;

  /** Made by `client.watch`. */
  constructor(source: WatchSource) {
    this.#source = source;
  }

  /**
   * Resolves when a member runs the watch, with the first revision it delivers: what is written from then on
   * will be seen. Rejects when the watch ends before.
   */
  ready(): Promise<number> {
    return this.#source.started;
  }

  /**
   * Asks the member how far it has looked. Resolves with a revision when everything up to it has
   * been received; the loop gives what it has not taken yet.
   * @throws UnavailableError while no member runs the watch: ask again later.
   */
  requestProgress(): Promise<number> {
    return this.#source.requestProgress();
  }

  /** Whole revisions. Leaving the loop closes the watch. */
  async *batches(): AsyncGenerator<WatchBatch, void, undefined> {
    try {
      for (;;) {
        const next = await this.#source.queue.take();
        if (next.done === true) return;
        if ('progress' in next.value) this.#source.onProgress?.(next.value.progress);
        else yield next.value;
      }
    } finally {
      this.close();
    }
  }

  /** Single events. Leaving the loop closes the watch. */
  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent, void, undefined> {
    for await (const batch of this.batches()) yield* batch.events;
  }

  /** Ends the watch; loops over it end quietly. */
  close(): void {
    this.#source.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
