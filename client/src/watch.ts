import type { WireEvent } from '@lockstep/client/protocol';
import type { BatchQueue } from './batch-queue.ts';
import { KeyValue, type Selector } from './key-value.ts';

export interface WatchOptions {
  /** The first revision to deliver; absent or 0 for "from now on". */
  readonly startRevision?: number;
  /** Events carry the pair as it was before. */
  readonly prevKv?: boolean;
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

/** `Selector` with its options in one object, as `client.watch` takes it. */
export type WatchRequest = WatchOptions & Exclude<Selector, string | Uint8Array>;

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

/**
 * A watch that is running since it was made. Events come in order of revision, each exactly once,
 * through any number of lost connections. It ends when it is closed, when its signal aborts, or
 * with a typed error; never silently. One consumer: loops over it share its events.
 */
export class Watch implements AsyncIterable<WatchEvent>, AsyncDisposable {
  readonly #queue: BatchQueue<WatchBatch>;
  readonly #started: Promise<number>;
  readonly #close: () => void;

  /** Made by `client.watch`. */
  constructor(queue: BatchQueue<WatchBatch>, started: Promise<number>, close: () => void) {
    this.#queue = queue;
    this.#started = started;
    this.#close = close;
  }

  /**
   * Resolves when a member runs the watch, with the first revision it delivers: what is written from then on
   * will be seen. Rejects when the watch ends before.
   */
  ready(): Promise<number> {
    return this.#started;
  }

  /** Whole revisions. Leaving the loop closes the watch. */
  async *batches(): AsyncGenerator<WatchBatch, void, undefined> {
    try {
      for (;;) {
        const next = await this.#queue.take();
        if (next.done === true) return;
        yield next.value;
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
    this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
