import type { CacheOrigin } from './cache.ts';
import type { CallOptions } from './calls/call.ts';
import { deleteKey, type UpdateOptions, type WrittenReply } from './changes.ts';
import type { Client } from './client.ts';
import type { Codec } from './codec.ts';
import { DecodeError, invalid } from './errors.ts';
import type { Bytes, KeyValue, Selector } from './key-value.ts';
import type {
  DeleteOptions,
  DeleteReply,
  PutOptions,
  ReadOptions,
  ScanOptions,
} from './options.ts';
import { type Compare, compare, type Operation, op, type PutOutcome } from './txn.ts';
import type { Watch, WatchEvent, WatchOptions } from './watch/watch.ts';

/** A pair of a space: its key without the prefix, and its value as the codec reads it. */
export class Entry<Value> {
  /** The pair as it is stored. */
  readonly kv: KeyValue;
  readonly #space: SpaceKeys<Value>;
  #decoded: { readonly value: Value } | undefined;

  constructor(kv: KeyValue, space: SpaceKeys<Value>) {
    this.kv = kv;
    this.#space = space;
  }

  get key(): string {
    return this.kv.key.slice(this.#space.prefix.length);
  }

  /** Read when it is first asked for. @throws DecodeError when the codec cannot read it; others are not affected. */
  get value(): Value {
    this.#decoded ??= { value: this.#space.decode(this.kv) };
    return this.#decoded.value;
  }

  get modRevision(): number {
    return this.kv.modRevision;
  }

  get createRevision(): number {
    return this.kv.createRevision;
  }

  get version(): number {
    return this.kv.version;
  }

  get lease(): string {
    return this.kv.lease;
  }
}

/** A change of a key of a space. */
export interface SpaceEvent<Value> {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  /** What is there now; undefined for a delete. */
  readonly entry: Entry<Value> | undefined;
  /** What was there before, if the watch asked for `prevKv` and it is not compacted. */
  readonly before: Entry<Value> | undefined;
  readonly isInitial: boolean;
}

/** Which keys of a space: one, those in a prefix, those from one on, up to another or to the end. */
export type SpaceRange =
  | { readonly prefix: string }
  | { readonly from: string; readonly to?: string };

/** A prefix and how values are written under it. */
export class SpaceKeys<Value> {
  readonly prefix: string;
  readonly codec: Codec<Value>;

  constructor(prefix: string, codec: Codec<Value>) {
    this.prefix = prefix;
    this.codec = codec;
  }

  key(name: string): string {
    return `${this.prefix}${name}`;
  }

  /** A range that ends where the space does. */
  selector(range: SpaceRange): Selector {
    if ('prefix' in range) return { prefix: this.key(range.prefix) };
    if (range.to !== undefined) return { key: this.key(range.from), rangeEnd: this.key(range.to) };
    const end = prefixEnd(this.prefix);
    if (end === undefined) return { fromKey: this.key(range.from) };
    return { key: this.key(range.from), rangeEnd: end };
  }

  encode(name: string, value: Value): Bytes {
    try {
      return this.codec.encode(value);
    } catch (cause) {
      const key = this.key(name);
      throw new DecodeError(
        `the value for ${JSON.stringify(key)} cannot be written: ${sentence(cause)}`,
        {
          key,
          cause,
        },
      );
    }
  }

  decode(kv: KeyValue): Value {
    try {
      return this.codec.decode(kv.valueBytes);
    } catch (cause) {
      throw new DecodeError(
        `the value of ${JSON.stringify(kv.key)} cannot be read: ${sentence(cause)}`,
        {
          key: kv.key,
          bytes: kv.valueBytes,
          cause,
        },
      );
    }
  }

  entry(kv: KeyValue): Entry<Value> {
    return new Entry(kv, this);
  }

  event({ type, kv, prevKv, isInitial }: WatchEvent): SpaceEvent<Value> {
    const { prefix } = this;
    return {
      type,
      // Asked for when it is used: one key that is no text must not end the watch of all.
      get key() {
        return kv.key.slice(prefix.length);
      },
      revision: kv.modRevision,
      entry: type === 'put' ? this.entry(kv) : undefined,
      before: prevKv === undefined ? undefined : this.entry(prevKv),
      isInitial,
    };
  }
}

/**
 * A part of the store with one kind of values: a prefix and a codec in one object, so that neither can be
 * forgotten. Keys are text, without the prefix. What it does is the client's methods of the same names.
 */
export class Space<Value> implements CacheOrigin<Entry<Value>> {
  readonly client: Client;
  readonly #keys: SpaceKeys<Value>;

  constructor(client: Client, prefix: string, codec: Codec<Value>) {
    this.client = client;
    this.#keys = new SpaceKeys(prefix, codec);
  }

  get prefix(): string {
    return this.#keys.prefix;
  }

  /** A space within this one. */
  space<Inner>(prefix: string, codec: Codec<Inner>): Space<Inner> {
    return new Space(this.client, this.key(prefix), codec);
  }

  async get(key: string, options?: ReadOptions): Promise<Entry<Value> | undefined> {
    const kv = await this.client.get(this.#keys.key(key), options);
    return kv === undefined ? undefined : this.#keys.entry(kv);
  }

  /** All of the space, or a range of it, of one revision and of any size. */
  async *scan(
    range: SpaceRange = { prefix: '' },
    options: ScanOptions = {},
  ): AsyncGenerator<Entry<Value>, void, undefined> {
    for await (const kv of this.client.scan(this.#keys.selector(range), options)) {
      yield this.#keys.entry(kv);
    }
  }

  /** The same, as a list. */
  async list(range?: SpaceRange, options?: ScanOptions): Promise<readonly Entry<Value>[]> {
    const entries: Entry<Value>[] = [];
    for await (const entry of this.scan(range, options)) entries.push(entry);
    return entries;
  }

  /** @throws DecodeError when the codec cannot write the value; then what `client.put` throws. */
  async put(key: string, value: Value, options?: PutOptions): Promise<WrittenReply> {
    const encoded = this.#keys.encode(key, value);
    const { header } = await this.client.put(this.#keys.key(key), encoded, options);
    return { revision: header.revision };
  }

  async create(key: string, value: Value, options?: PutOptions): Promise<WrittenReply> {
    return this.client.create(this.#keys.key(key), this.#keys.encode(key, value), options);
  }

  async update(key: string, value: Value, options: UpdateOptions): Promise<WrittenReply> {
    return this.client.update(this.#keys.key(key), this.#keys.encode(key, value), options);
  }

  async modify(
    key: string,
    change: (
      current: Value | undefined,
    ) => Promise<Value | typeof deleteKey | undefined> | Value | typeof deleteKey | undefined,
    options?: CallOptions & { readonly lease?: string },
  ): Promise<Entry<Value> | undefined> {
    const { kv } = await this.client.modify(
      this.#keys.key(key),
      async (current) => {
        const next = await change(current === undefined ? undefined : this.#keys.decode(current));
        if (next === undefined) return undefined;
        if (next === deleteKey) return deleteKey;
        // What is neither is a value, which the compiler cannot tell of a type that may be anything.
        return this.#keys.encode(key, next as Value);
      },
      options,
    );
    return kv === undefined ? undefined : this.#keys.entry(kv);
  }

  async delete(key: string | SpaceRange, options?: DeleteOptions): Promise<DeleteReply> {
    const selector = typeof key === 'string' ? this.#keys.key(key) : this.#keys.selector(key);
    return this.client.delete(selector, options);
  }

  /** Watches the space, or a range of it. */
  watch(request: WatchOptions & Partial<SpaceRange> = {}): Watch<SpaceEvent<Value>> {
    const { prefix, from, to, ...options } = request as WatchOptions & {
      readonly prefix?: string;
      readonly from?: string;
      readonly to?: string;
    };
    const bounded = from !== undefined || to !== undefined;
    if (prefix !== undefined && bounded) throw invalid('give a prefix, or from and to');
    const range = bounded
      ? { from: from ?? '', ...(to === undefined ? {} : { to }) }
      : { prefix: prefix ?? '' };
    const selector = this.#keys.selector(range);
    return this.client.watchAs({ ranges: [selector], ...options }, (event) =>
      this.#keys.event(event),
    );
  }

  /** What a LiveCache, or a call of the client, needs to know of a range of the space. */
  selector(range: SpaceRange = { prefix: '' }): Selector {
    return this.#keys.selector(range);
  }

  readonly shape = (kv: KeyValue): Entry<Value> => this.#keys.entry(kv);

  /** The whole key, as the client and transactions know it. */
  key(name: string): string {
    return this.#keys.key(name);
  }

  /** Steps and conditions of transactions, with the prefix and the codec. */
  readonly op = {
    put: (
      key: string,
      value: Value,
      options?: Omit<PutOptions, 'timeoutMs' | 'signal'>,
    ): Operation<PutOutcome> => op.put(this.key(key), this.#keys.encode(key, value), options),
    get: (key: string) =>
      op.get(this.key(key)).map(({ kv, revision }) => ({
        entry: kv === undefined ? undefined : this.#keys.entry(kv),
        revision,
      })),
    delete: (key: string) => op.delete(this.key(key)),
  };

  readonly compare = {
    exists: (key: string): Compare => compare.exists(this.key(key)),
    missing: (key: string): Compare => compare.missing(this.key(key)),
    unchanged: (entry: Entry<Value>): Compare =>
      compare.modRevision(entry.kv.keyBytes, '=', entry.modRevision),
    value: (key: string, value: Value): Compare =>
      compare.value(this.key(key), '=', this.#keys.encode(key, value)),
  };
}

/** The first key behind all that start with `prefix`; undefined when there is none. */
function prefixEnd(prefix: string): Uint8Array | undefined {
  const end = [...new TextEncoder().encode(prefix)];
  while (end.length > 0) {
    const last = end.pop() ?? 0;
    if (last < 0xff) return Uint8Array.from([...end, last + 1]);
  }
  return undefined;
}

function sentence(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
