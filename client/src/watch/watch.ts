import type { WireEvent } from '@lockstep/client/protocol';
import { KeyValue, type Selector } from '../key-value.ts';
import type { BatchQueue } from './batch-queue.ts';

export interface WatchOptions {
  /** The first revision to deliver; absent or 0 for "from now on". */
  readonly startRevision?: number;
  /** Go on where an earlier watch of the same keys stopped: its {@link Watch.resumeToken}. */
  readonly resume?: string;
  /** Give what is there first, each pair as a put event whose `isInitial` is true, then `synced`, then what happens. */
  readonly initial?: boolean;
  /**
   * What to do when compaction has overtaken the watch: end it with a WatchCompactedError (`error`, the
   * default), or read the keys again and give the difference as events, then `relisted`. For that the
   * client remembers every key of the range with its revision, and has to begin with `initial` or `resume`.
   */
  readonly onCompaction?: 'error' | 'relist';
  /** Events carry the pair as it was before. */
  readonly prevKv?: boolean;
  /** Leave out puts, or deletes. */
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  /** Events carry no values. */
  readonly keysOnly?: boolean;
  /**
   * Let the member say now and then, while nothing happens, how far it has looked: `progress` among the
   * items. A lost connection is then resumed from there, so that compaction does not overtake a quiet watch.
   */
  readonly progressNotify?: boolean;
  /** Ends the watch: the loop over it throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** How much may be received and not yet taken, in bytes of wire text. Default 8 MiB. */
  readonly bufferBytes?: number;
  /**
   * What to do beyond `bufferBytes`, and at most one revision more. `block` (the default) stops the
   * watch at the member and goes on from there once half is taken: a slow consumer loses nothing
   * unless compaction overtakes it. `latest` keeps the last event of each key, in one batch, and blocks only
   * if that is still too much. `error` ends the watch with the code `overflow`.
   */
  readonly overflow?: 'block' | 'latest' | 'error';
}

/** A selector that is an object; a watch takes it with its options in one. */
export type WatchSelector = Exclude<Selector, string | Uint8Array>;

/** What to watch, and how; of several `ranges` an event that fits more than one comes once. */
export type WatchRequest = WatchOptions &
  (WatchSelector | { readonly ranges: readonly Selector[] });

/** One change of one key. */
export class WatchEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: the key and, as modRevision, the revision of the delete. */
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;
  /** True for what was there when the watch began; see {@link WatchOptions.initial}. */
  readonly isInitial: boolean;

  constructor(wire: WireEvent, isInitial = false) {
    this.type = wire.type;
    this.kv = new KeyValue(wire.kv);
    this.prevKv = wire.prevKv === undefined ? undefined : new KeyValue(wire.prevKv);
    this.isInitial = isInitial;
  }

  /** The key as text. @throws LockstepError `not_text` when it is not valid UTF-8. */
  get key(): string {
    return this.kv.key;
  }

  /** The value as text, empty for a delete. @throws LockstepError `not_text` when it is not valid UTF-8. */
  get value(): string {
    return this.kv.value;
  }

  get revision(): number {
    return this.kv.modRevision;
  }
}

/**
 * Everything that happened to the watched keys at one revision; never split, never empty. Only what is not
 * a revision's own comes otherwise: the pairs of an initial or later list in several batches of
 * the list's revision, and what `overflow: 'latest'` has merged, with the last revision of it.
 */
export interface WatchBatch<Event = WatchEvent> {
  readonly type: 'events';
  readonly revision: number;
  readonly events: readonly Event[];
  /** True for a part of a list, which is complete only with the mark behind it. */
  readonly isListed: boolean;
}

/** A place among the batches. */
export type WatchMark =
  /** What was there, or had happened, when the watch began has all been given: from here on it is live. Once. */
  | { readonly type: 'synced'; readonly revision: number }
  /** Every event up to `revision` has been given. */
  | { readonly type: 'progress'; readonly revision: number }
  /**
   * Compaction had overtaken the watch: it has read the keys again, at `revision`, and given the difference.
   * What happened in between is not known one by one. `complete` is false when deletes may be missing from the
   * difference, because the watch was resumed by a token and does not know what its consumer holds.
   */
  | { readonly type: 'relisted'; readonly revision: number; readonly complete: boolean };

export type WatchItem<Event = WatchEvent> = WatchBatch<Event> | WatchMark;

/** What a {@link Watch} needs of whoever runs it. */
export interface WatchSource {
  readonly queue: BatchQueue<WatchItem>;
  readonly started: Promise<number>;
  readonly isRunning: boolean;
  readonly clusterId: string | undefined;
  requestProgress(): Promise<number>;
  close(): void;
}

/**
 * A watch that is running since it was made. Events come in order of revision, each exactly once,
 * through any number of lost connections. It ends when it is closed, when its signal aborts, or
 * with a typed error; never silently. One consumer: loops over it share its events.
 */
export class Watch<Event = WatchEvent> implements AsyncIterable<Event>, AsyncDisposable {
  readonly #source: WatchSource;
  readonly #shape: (event: WatchEvent) => Event;
  #taken = 0;

  /** Made by `client.watch` and `space.watch`. */
  constructor(source: WatchSource, shape: (event: WatchEvent) => Event) {
    this.#source = source;
    this.#shape = shape;
  }

  /**
   * Resolves when a member runs the watch, with the first revision it delivers: what is written from then on
   * will be seen. Rejects when the watch ends before.
   */
  ready(): Promise<number> {
    return this.#source.started;
  }

  /** True while a member runs the watch: what happens is on its way. */
  get isRunning(): boolean {
    return this.#source.isRunning;
  }

  /**
   * Where to go on, for {@link WatchOptions.resume}, in this process or a later one: behind the last
   * revision whose events the loop has worked through, which is when it asks for what comes next.
   * Undefined before the first, and while an initial list is not yet through.
   */
  get resumeToken(): string | undefined {
    const { clusterId } = this.#source;
    if (this.#taken === 0 || clusterId === undefined) return undefined;
    return `${clusterId}:${this.#taken}`;
  }

  /**
   * Asks the member how far it has looked. Resolves with a revision when everything up to it has
   * been received; the loop gives what it has not taken yet.
   * @throws UnavailableError while no member runs the watch: ask again later.
   */
  requestProgress(): Promise<number> {
    return this.#source.requestProgress();
  }

  /** Whole revisions, and marks of how far the watch is. Leaving the loop closes the watch. */
  async *items(): AsyncGenerator<WatchItem<Event>, void, undefined> {
    try {
      for (;;) {
        const next = await this.#source.queue.take();
        if (next.done === true) return;
        const item = next.value;
        if (item.type === 'events') {
          yield { ...item, events: item.events.map(this.#shape) };
          if (!item.isListed) this.#taken = item.revision;
        } else {
          yield item;
          // A mark that was merged comes behind events that are newer than it.
          this.#taken = Math.max(this.#taken, item.revision);
        }
      }
    } finally {
      this.close();
    }
  }

  /** Whole revisions. Leaving the loop closes the watch. */
  async *batches(): AsyncGenerator<WatchBatch<Event>, void, undefined> {
    for await (const item of this.items()) if (item.type === 'events') yield item;
  }

  /** Single events. Leaving the loop closes the watch. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
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

/** The cluster and revision of a resume token; undefined when it is none. */
export function parseResumeToken(
  token: string,
): { readonly clusterId: string; readonly revision: number } | undefined {
  const match = /^(\d+):(\d{1,16})$/.exec(token);
  if (match === null) return undefined;
  return { clusterId: match[1] ?? '', revision: Number(match[2]) };
}
