import type { CallOptions } from './calls/call.ts';
import type { Client } from './client.ts';
import type { Clock } from './clock.ts';
import { wireOf } from './connection/wire.ts';
import { ClosedError, UnavailableError } from './errors.ts';
import {
  type Bytes,
  wireOf as bytesToWire,
  type KeyValue,
  keyId,
  type Selector,
  wireSelector,
} from './key-value.ts';
import type { SpaceRange } from './space.ts';
import { RevisionWaiters } from './watch/revision-waiters.ts';
import { Watch, type WatchEvent } from './watch/watch.ts';

export interface CacheOptions extends CallOptions {
  /** Keep no values. */
  readonly keysOnly?: boolean;
}

/** A key whose entry has changed; `entry` is undefined when it is gone. */
export interface CacheChange<Entry> {
  /** The pair of the last event; of a delete, with the key and the revision alone. */
  readonly kv: KeyValue;
  readonly entry: Entry | undefined;
}

interface Slot<Entry> {
  readonly kv: KeyValue;
  readonly entry: Entry;
}

/** Who reads changes: the keys it has not been told of, so its bound is that of the cache. */
interface Reader {
  readonly dirty: Map<string, KeyValue>;
  wake: (() => void) | undefined;
}

/** What a cache can be of, beside a client: a space. */
export interface CacheOrigin<Entry> {
  readonly client: Client;
  selector(range: SpaceRange): Selector;
  readonly shape: (kv: KeyValue) => Entry;
}

/** What a cache needs of whoever makes it. */
export interface CacheSource<Entry> {
  readonly watch: Watch;
  readonly clock: Clock;
  readonly timeoutMs: number;
  shape(kv: KeyValue): Entry;
  /** Why there is no connection; for messages. */
  describe(): string;
}

/**
 * The pairs of a range, in memory and always fresh: read once, then kept up by a watch, through lost
 * connections and compactions. Every moment shows the range as it was at one revision, {@link revision},
 * which never goes back.
 */
export class LiveCache<Entry = KeyValue> implements AsyncDisposable {
  readonly #source: CacheSource<Entry>;
  readonly #slots = new Map<string, Slot<Entry>>();
  readonly #readers = new Set<Reader>();
  readonly #waiters: RevisionWaiters;
  #revision = 0;
  #staleSince: number | undefined;
  /** Why it ended: by an error, or because it was closed. */
  #end: { readonly reason: unknown } | undefined;

  /**
   * Reads a range and follows it; resolves when all that is there is in. Of a space the entries are those of
   * the space; the keys are whole keys all the same (`space.key(name)`).
   * @throws UnavailableError when that takes longer than the deadline; the signal's reason.
   */
  static open(client: Client, range: Selector, options?: CacheOptions): Promise<LiveCache>;
  static open<Shaped>(
    space: CacheOrigin<Shaped>,
    range: SpaceRange,
    options?: CacheOptions,
  ): Promise<LiveCache<Shaped>>;
  static async open<Shaped>(
    of: Client | CacheOrigin<Shaped>,
    range: Selector & SpaceRange,
    options: CacheOptions = {},
  ): Promise<LiveCache<Shaped> | LiveCache> {
    if ('shape' in of) return opened(of.client, of.selector(range), options, of.shape);
    return opened(of, range, options, (kv) => kv);
  }

  constructor(source: CacheSource<Entry>) {
    this.#source = source;
    this.#waiters = new RevisionWaiters(source.clock);
    this.#staleSince = source.clock.now();
  }

  get size(): number {
    return this.#slots.size;
  }

  /** Everything up to this revision is in the cache. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * True while nobody says what happens: there is no connection, or no member runs the watch. What the cache
   * holds is then right for {@link revision}, and may be old. A connection that fell silent is noticed
   * after five seconds.
   */
  get isStale(): boolean {
    return this.#end !== undefined || this.#staleSince !== undefined;
  }

  /** For how long it has been stale, in milliseconds; 0 while it is fresh. */
  get staleMs(): number {
    return this.#staleSince === undefined ? 0 : this.#source.clock.now() - this.#staleSince;
  }

  /** The entry of a key. @throws what ended the cache, unless it was closed: an old entry must not pass for a live one. */
  get(key: Bytes): Entry | undefined {
    this.#refuseBroken();
    return this.#slots.get(keyId(bytesToWire(key)))?.entry;
  }

  has(key: Bytes): boolean {
    this.#refuseBroken();
    return this.#slots.has(keyId(bytesToWire(key)));
  }

  /** All entries; not in order of their keys. @throws as {@link get}. */
  *entries(): Generator<Entry, void, undefined> {
    this.#refuseBroken();
    for (const { entry } of this.#slots.values()) yield entry;
  }

  /**
   * Resolves when the cache shows `revision` or later: that of a write of your own, for instance.
   * @throws DeadlineError, what ended the cache, or the signal's reason.
   */
  async waitFor(revision: number, options: CallOptions = {}): Promise<void> {
    const { signal, timeoutMs = this.#source.timeoutMs } = options;
    signal?.throwIfAborted();
    if (this.#end !== undefined) throw this.#end.reason;
    if (revision <= this.#revision) return;
    const late = (): string => {
      const why = this.isStale ? `; it is stale (${this.#source.describe()})` : '';
      return `the cache is at revision ${this.#revision} and did not reach ${revision} within ${timeoutMs} ms${why}`;
    };
    const waited = this.#waiters.wait(revision, { signal, timeoutMs, late });
    this.#askProgress();
    await waited;
  }

  /**
   * What has changed since the last round: each changed key once, with what it is now, however often it changed
   * meanwhile. Begins with all that is there. Ends when the cache is closed; throws what ended it else.
   */
  async *changes(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<CacheChange<Entry>, void, undefined> {
    const { signal } = options;
    const dirty = new Map([...this.#slots].map(([id, { kv }]) => [id, kv]));
    const reader: Reader = { dirty, wake: undefined };
    const abort = (): void => reader.wake?.();
    this.#readers.add(reader);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        signal?.throwIfAborted();
        const [next] = dirty;
        if (next !== undefined) {
          const [id, kv] = next;
          dirty.delete(id);
          yield { kv, entry: this.#slots.get(id)?.entry };
        } else if (this.#end !== undefined) {
          this.#refuseBroken();
          return;
        } else {
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
          });
          reader.wake = undefined;
        }
      }
    } finally {
      this.#readers.delete(reader);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Stops following; what it holds stays readable and stale. */
  close(): void {
    this.#source.watch.close();
    this.#finish(new ClosedError('the cache is closed'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Follows the watch to its end; `synced` is called when all that was there is in. Never rejects. */
  async follow(synced: () => void): Promise<void> {
    const listed: WatchEvent[] = [];
    try {
      for await (const item of this.#source.watch.items()) {
        if (item.type === 'events' && item.isListed) {
          // A list counts when it is whole, so that nobody sees half of it.
          listed.push(...item.events);
          continue;
        }
        for (const event of item.type === 'events' ? item.events : listed.splice(0)) {
          this.#take(event);
        }
        this.#reached(item.revision);
        if (item.type === 'synced') synced();
      }
      this.#finish(new ClosedError('the cache is closed'));
    } catch (error) {
      this.#finish(error);
    }
  }

  /** Told when a member begins to run the watch, or no longer does. */
  running(isRunning: boolean): void {
    if (isRunning) this.#staleSince = undefined;
    else this.#staleSince ??= this.#source.clock.now();
    if (isRunning) this.#askProgress();
  }

  #take(event: WatchEvent): void {
    const id = keyId(event.kv.wireKey);
    if (event.type === 'delete') this.#slots.delete(id);
    else this.#slots.set(id, { kv: event.kv, entry: this.#source.shape(event.kv) });
    for (const reader of this.#readers) {
      reader.dirty.set(id, event.kv);
      reader.wake?.();
    }
  }

  #reached(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    this.#waiters.reached(revision);
  }

  #askProgress(): void {
    this.#waiters.ask(() => (this.isStale ? undefined : this.#source.watch));
  }

  #finish(reason: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { reason };
    this.#staleSince ??= this.#source.clock.now();
    this.#waiters.fail(reason);
    for (const reader of this.#readers) reader.wake?.();
  }

  #refuseBroken(): void {
    const reason = this.#end?.reason;
    if (reason !== undefined && !(reason instanceof ClosedError)) throw reason;
  }
}

function opened<Shaped>(
  client: Client,
  selector: Selector,
  options: CacheOptions,
  shape: (kv: KeyValue) => Shaped,
): Promise<LiveCache<Shaped>> {
  const wire = wireOf(client);
  const { signal, keysOnly = false, timeoutMs = wire.callTimeoutMs } = options;
  let cache: LiveCache<Shaped> | undefined;
  let lookWhetherOpen = (): void => {};
  const source = wire.watch(
    [wireSelector(selector)],
    {
      initial: true,
      onCompaction: 'relist',
      progressNotify: true,
      keysOnly,
      ...(signal === undefined ? {} : { signal }),
    },
    (isRunning) => {
      cache?.running(isRunning);
      lookWhetherOpen();
    },
  );
  const made = new LiveCache<Shaped>({
    watch: new Watch(source, (event) => event),
    clock: wire.clock,
    timeoutMs,
    shape,
    describe: () => wire.describeFailures(),
  });
  cache = made;
  return new Promise((resolve, reject) => {
    const cancel = wire.clock.after(timeoutMs, () => {
      made.close();
      const why = wire.describeFailures();
      const because = why === '' ? '' : ` (${why})`;
      reject(new UnavailableError(`the range was not read within ${timeoutMs} ms${because}`));
    });
    let isIn = false;
    // Not before a member runs the watch: a cache that was just opened is fresh.
    lookWhetherOpen = () => {
      if (!isIn || !source.isRunning) return;
      cancel();
      resolve(made);
    };
    const following = made.follow(() => {
      isIn = true;
      lookWhetherOpen();
    });
    // If it ended before all was in, what ended it is what every use of it throws.
    following
      .then(() => made.waitFor(Number.MAX_SAFE_INTEGER))
      .then(undefined, (reason: unknown) => {
        cancel();
        reject(reason);
      });
  });
}
