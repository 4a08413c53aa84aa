import {
  type CallOptions,
  type Client,
  ClosedError,
  invalid,
  type KeyValue,
  pause,
  RevisionWaiters,
  type Watch,
  type WatchEvent,
} from '@lockstep/client';
import { MirrorMismatchError } from './errors.ts';
import { type Mark, MirrorTarget } from './mirror-target.ts';
import type { OriginRedis, RedisArgument } from './redis.ts';

export interface MirrorOptions {
  /** What of the store to mirror; all of it if it is empty. */
  readonly prefix: string;
  /** What stands in Redis instead of `prefix`. Keys that begin so are the mirror's alone: whatever else is there is deleted. */
  readonly keyPrefix: string;
  /** The Redis hash that says how far the mirror is; also the channel it tells of changes on. Default `lockstep:mirror:<keyPrefix>`. */
  readonly markKey?: string;
  /** Ends the mirror, as {@link Mirror.close} does: the `lost` of a lock, for instance. */
  readonly signal?: AbortSignal;
  /** How long Redis may take for one answer before the connection is given up. Default 10,000. */
  readonly redisTimeoutMs?: number;
  /** Keys and values of more bytes are not mirrored. Default 64 MiB. */
  readonly bytesMax?: number;
  /** Told why the mirror has to begin anew, whenever it has to. */
  readonly onTrouble?: (error: unknown) => void;
}

/** `filling` until Redis is equal to the store, at first and after trouble; then `live`; `ended` after close, or for good by an error. */
export type MirrorState = 'filling' | 'live' | 'ended';

const bytesMaxDefault = 64 * 1024 * 1024;
const redisTimeoutMsDefault = 10_000;
const retryMsBase = 100;
const retryMsMax = 5_000;
const lookMs = 5_000;

/**
 * Keeps the keys of a prefix in Redis equal to those of a prefix of the store, so that programs which read Redis have
 * live configuration. Each revision of the store is one MULTI; so is the filling at the beginning, which also
 * deletes what is not in the store. Beside them stands the revision that Redis shows, and it never goes back:
 * any number of mirrors may run at one time. After trouble of any kind it begins anew, until it is closed.
 *
 * Not promised: that Redis is fresh at any moment (ask {@link isLive}), or that somebody who writes under the prefix in Redis is noticed
 * before the next filling. Redis Cluster is not supported: a revision is one MULTI, and would have to be in one slot.
 */
export class Mirror implements AsyncDisposable {
  readonly markKey: string;
  readonly #client: Client;
  readonly #redis: OriginRedis;
  readonly #options: MirrorOptions;
  readonly #keyPrefix: string;
  readonly #prefixBytes: number;
  readonly #ending = new AbortController();
  readonly #waiters: RevisionWaiters;
  readonly #running: Promise<void>;
  #state: MirrorState = 'filling';
  #revision = 0;
  #staleSince: number | undefined;
  #lastError: unknown;
  #watch: Watch | undefined;

  /**
   * Begins to mirror, with a connection of its own like the one that is given.
   * @throws InvalidError when an option is wrong.
   */
  constructor(client: Client, redis: OriginRedis, options: MirrorOptions) {
    this.#client = client;
    this.#redis = redis;
    this.#options = options;
    const ofClient = redis.options?.keyPrefix ?? '';
    const markKey = options.markKey ?? `lockstep:mirror:${options.keyPrefix}`;
    checkOptions(options, markKey);
    this.#keyPrefix = `${ofClient}${options.keyPrefix}`;
    this.markKey = `${ofClient}${markKey}`;
    this.#prefixBytes = Buffer.byteLength(options.prefix);
    this.#waiters = new RevisionWaiters(client.clock);
    this.#staleSince = client.clock.now();
    const { signal } = options;
    const close = (): void => this.#ending.abort(signal?.reason);
    if (signal?.aborted) close();
    signal?.addEventListener('abort', close, { once: true });
    this.#running = this.#run().finally(() => signal?.removeEventListener('abort', close));
    this.#running.catch(() => {});
  }

  get state(): MirrorState {
    return this.#state;
  }

  /** While it is live, Redis shows the store as it was at this revision or at a later one; 0 before the first filling. */
  get revision(): number {
    return this.#revision;
  }

  /** True while every change of the store is on its way to Redis. */
  get isLive(): boolean {
    return this.#state === 'live' && this.#watch?.isRunning === true;
  }

  /** For how long Redis has not been kept equal because of trouble with Redis, in milliseconds; 0 while it is. */
  get staleMs(): number {
    return this.#staleSince === undefined ? 0 : this.#client.clock.now() - this.#staleSince;
  }

  /** Why it began anew the last time, or has ended. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Resolves when Redis has been made equal to the store. @throws as {@link waitFor}. */
  ready(options: CallOptions = {}): Promise<void> {
    return this.waitFor(1, options);
  }

  /**
   * Resolves when Redis shows `revision` or later: that of a write of your own, for instance. The default deadline is 5 s.
   * @throws DeadlineError, what ended the mirror, or the signal's reason.
   */
  async waitFor(revision: number, options: CallOptions = {}): Promise<void> {
    const { signal, timeoutMs = 5_000 } = options;
    signal?.throwIfAborted();
    if (this.#state === 'live' && revision <= this.#revision) return;
    if (this.#state === 'ended') throw this.#lastError;
    const late = (): string => {
      const why = this.#lastError === undefined ? '' : `; the last trouble: ${this.#lastError}`;
      return `Redis shows revision ${this.#revision} and did not reach ${revision} within ${timeoutMs} ms${why}`;
    };
    const waited = this.#waiters.wait(revision, { signal, timeoutMs, late });
    this.#askProgress();
    await waited;
  }

  /** Stops mirroring; the keys stay. Resolves when it sends nothing any more. */
  async close(): Promise<void> {
    this.#ending.abort(new ClosedError('the mirror is closed'));
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Lives one after the other, until it ends. Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#ending;
    const { clock } = this.#client;
    let failures = 0;
    while (!signal.aborted) {
      const revision = this.#revision;
      try {
        await this.#live();
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof MirrorMismatchError || error instanceof ClosedError) {
          this.#ending.abort(error);
          break;
        }
        this.#trouble(error);
      }
      failures = this.#revision > revision ? 1 : failures + 1;
      const ceiling = Math.min(retryMsMax, retryMsBase * 2 ** Math.min(failures - 1, 10));
      await pause(clock, clock.random() * ceiling, signal);
    }
    this.#state = 'ended';
    this.#staleSince ??= this.#client.clock.now();
    this.#lastError = signal.reason;
    this.#waiters.fail(signal.reason);
  }

  #trouble(error: unknown): void {
    this.#state = 'filling';
    this.#staleSince ??= this.#client.clock.now();
    this.#lastError = error;
    try {
      this.#options.onTrouble?.(error);
    } catch {
      // Whoever is told has no say in whether it goes on.
    }
  }

  /** One connection to Redis and one watch of the store: fills, then follows. @throws what ended it. */
  async #live(): Promise<void> {
    const { redisTimeoutMs = redisTimeoutMsDefault, prefix } = this.#options;
    const life = new AbortController();
    const signal = AbortSignal.any([this.#ending.signal, life.signal]);
    const target = await MirrorTarget.connect(this.#redis, {
      keyPrefix: this.#keyPrefix,
      markKey: this.markKey,
      clock: this.#client.clock,
      timeoutMs: redisTimeoutMs,
      closed: (reason) => life.abort(reason),
    });
    const close = (): void => target.close();
    signal.addEventListener('abort', close, { once: true });
    let stopLooking = (): void => {};
    try {
      signal.throwIfAborted();
      const of = await this.#source(target, signal);
      const watch = this.#client.watch({ prefix, initial: true, progressNotify: true, signal });
      this.#watch = watch;
      const list = new List(this.#options.bytesMax ?? bytesMaxDefault);
      let position = 0;
      for await (const item of watch.items()) {
        if (item.type === 'events' && item.isListed) {
          for (const event of item.events) list.take(this.#redisKey(event.kv), event);
        } else if (item.type === 'synced') {
          this.#checkNotBack(of.found, item.revision);
          await target.fill(list.pairs, { ...of, revision: item.revision });
          list.clear();
          position = item.revision;
          this.#isFilled(position);
          stopLooking = this.#look(target, () => position, life);
        } else {
          const commands = item.type === 'events' ? item.events.map(this.#command) : [];
          const { revision } = item;
          if (revision > position) {
            await target.apply({ after: position, revision, commands }, of);
            position = revision;
            this.#reached(position);
          }
        }
      }
      signal.throwIfAborted();
      throw new ClosedError('the client is closed');
    } catch (error) {
      // That the connection is gone says more than what a command says of it.
      throw life.signal.aborted ? life.signal.reason : error;
    } finally {
      stopLooking();
      signal.removeEventListener('abort', close);
      this.#watch = undefined;
      life.abort(new ClosedError('this life of the mirror is over'));
      target.close();
    }
  }

  /** Of what the keys are mirrored, after a look at what they were mirrored from. @throws MirrorMismatchError. */
  async #source(
    target: MirrorTarget,
    signal: AbortSignal,
  ): Promise<Omit<Mark, 'revision'> & { readonly found: Mark | undefined }> {
    const { prefix } = this.#options;
    const found = await target.readMark();
    const { header } = await this.#client.range({ prefix }, { limit: 1, keysOnly: true, signal });
    const { clusterId: cluster } = header;
    const differs =
      found === undefined
        ? undefined
        : found.cluster !== cluster
          ? `cluster ${found.cluster}, and this is cluster ${cluster}`
          : found.prefix !== prefix
            ? `the prefix ${JSON.stringify(found.prefix)}, and this mirror is of ${JSON.stringify(prefix)}`
            : undefined;
    if (differs !== undefined) {
      const what = JSON.stringify(`${this.#keyPrefix}*`);
      throw new MirrorMismatchError(this.markKey, `the keys ${what} are a mirror of ${differs}`);
    }
    return { cluster, prefix, found };
  }

  /** The mark was read before the list, so the list is as new, unless the store is not the same any more. */
  #checkNotBack(found: Mark | undefined, revision: number): void {
    if (found === undefined || found.revision <= revision) return;
    throw new MirrorMismatchError(
      this.markKey,
      `Redis shows revision ${found.revision}, and the store is at ${revision}: it was set back`,
    );
  }

  /** Looks now and then whether Redis still has what was written, and whether it answers. @returns what stops it. */
  #look(target: MirrorTarget, position: () => number, life: AbortController): () => void {
    const { clock } = this.#client;
    let cancel = (): void => {};
    const again = (): void => {
      cancel = clock.after(lookMs, () => {
        const written = position();
        target.peek().then(
          (found) => {
            if (life.signal.aborted) return;
            if (found === undefined || found.revision < written) {
              life.abort(target.behind(found, written));
            } else again();
          },
          (error: unknown) => life.abort(error),
        );
      });
    };
    again();
    return () => cancel();
  }

  readonly #command = (event: WatchEvent): RedisArgument[] => {
    const key = this.#redisKey(event.kv);
    return event.type === 'put' ? ['set', key, redisValue(event.kv)] : ['del', key];
  };

  #redisKey({ keyBytes }: KeyValue): Buffer {
    return Buffer.concat([Buffer.from(this.#keyPrefix), keyBytes.subarray(this.#prefixBytes)]);
  }

  #isFilled(revision: number): void {
    this.#state = 'live';
    this.#staleSince = undefined;
    this.#reached(revision);
    this.#askProgress();
  }

  #reached(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
    this.#waiters.reached(this.#revision);
  }

  #askProgress(): void {
    this.#waiters.ask(() => (this.#state === 'live' ? this.#watch : undefined));
  }
}

/** The keys of the store under their names in Redis, as latin1, as a list brings them. */
class List {
  readonly pairs = new Map<string, string | Buffer>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @throws Error when it becomes too large. */
  take(key: Buffer, event: WatchEvent): void {
    const id = key.toString('latin1');
    const before = this.pairs.get(id);
    if (before !== undefined) this.#bytes -= id.length + Buffer.byteLength(before);
    if (event.type === 'delete') {
      this.pairs.delete(id);
      return;
    }
    const value = redisValue(event.kv);
    this.#bytes += id.length + Buffer.byteLength(value);
    this.pairs.set(id, value);
    if (this.#bytes > this.#bytesMax) {
      throw new Error(
        `the prefix holds more than ${this.#bytesMax} bytes, which is what bytesMax allows to be mirrored`,
      );
    }
  }

  clear(): void {
    this.pairs.clear();
  }
}

/** Text where it is text. */
function redisValue({ wireValue, valueBytes }: KeyValue): string | Buffer {
  return typeof wireValue === 'string' ? wireValue : Buffer.from(valueBytes);
}

function checkOptions(options: MirrorOptions, markKey: string): void {
  const { prefix, keyPrefix, redisTimeoutMs = 1, bytesMax = 1 } = options;
  const faults: readonly (readonly [boolean, string])[] = [
    [typeof prefix !== 'string', 'prefix is no text: it says what of the store to mirror'],
    [
      typeof keyPrefix !== 'string' || keyPrefix === '',
      'keyPrefix is empty, and every key in Redis would be deleted that is not in the store: give one that nobody else uses',
    ],
    [
      markKey.startsWith(keyPrefix),
      `the mark ${JSON.stringify(markKey)} is under keyPrefix ${JSON.stringify(keyPrefix)}: give another markKey`,
    ],
    [
      /\p{Surrogate}/u.test(`${prefix}${keyPrefix}${markKey}`),
      'a prefix has half of a surrogate pair, which is no text',
    ],
    [!(redisTimeoutMs > 0), `redisTimeoutMs is ${redisTimeoutMs}; it must be above 0`],
    [!(bytesMax > 0), `bytesMax is ${bytesMax}; it must be above 0`],
  ];
  const fault = faults.find(([isWrong]) => isWrong)?.[1];
  if (fault !== undefined) throw invalid(fault);
}
