import { bytesFromArray, bytesFromText } from '@lockstep/client/protocol';
import type { CallOptions } from '../calls/call.ts';
import { InvalidError, invalid } from '../errors.ts';
import { KeyValue } from '../key-value.ts';
import type { PutOptions } from '../options.ts';
import type { Entry, Space, SpaceRange } from '../space.ts';
import type { Operation } from '../txn.ts';
import { type Dependence, Reads } from './reads.ts';

/** What a function that {@link stm} runs reads and writes with, while it runs and no longer. Keys are those of the space. */
export interface Transaction<Value> {
  /**
   * The value of a key; undefined when there is none. What this run wrote before comes back. All reads of a run show the
   * store at one moment.
   * @throws DecodeError; what a read can end in; InvalidError when the function has ended.
   */
  get(key: string): Promise<Value | undefined>;
  /** All pairs, or those of a range, in the order of their keys, with what this run wrote before. Each counts as a key that was read. */
  list(range?: SpaceRange): Promise<readonly Entry<Value>[]>;
  /** Writes a key when the function has ended, if nothing has changed meanwhile. Without a `lease` the key has none. */
  put(key: string, value: Value, options?: Pick<PutOptions, 'lease' | 'ignoreLease'>): void;
  delete(key: string): void;
}

export type Isolation = 'serializable-snapshot' | 'snapshot';

interface Write {
  /** The key as callers know it. */
  readonly name: string;
  readonly operation: Operation<unknown>;
}

/** One run of the function: what it reads and what it wants written. */
export class Attempt<Value> implements Transaction<Value> {
  readonly #space: Space<Value>;
  readonly #reads: Reads;
  /** By whole key; the last write of a key counts. */
  readonly #writes = new Map<string, Write>();
  #isOver = false;

  constructor(space: Space<Value>, call: CallOptions) {
    this.#space = space;
    this.#reads = new Reads(space.client, call);
  }

  async get(name: string): Promise<Value | undefined> {
    this.#refuseLate();
    const key = this.#key(name);
    const write = this.#writes.get(key);
    const kv = write === undefined ? await this.#reads.get(key) : written(key, write);
    return kv === undefined ? undefined : this.#space.shape(kv).value;
  }

  async list(range: SpaceRange = { prefix: '' }): Promise<readonly Entry<Value>[]> {
    this.#refuseLate();
    const read = await this.#reads.list(this.#space.selector(range));
    const own = [...this.#writes].filter(([, { name }]) => holds(range, name));
    if (own.length === 0) return read.map(this.#space.shape);
    const kvs = new Map(read.map((kv) => [bytesFromArray(kv.keyBytes), kv]));
    for (const [key, write] of own) {
      const bytes = bytesFromArray(new TextEncoder().encode(key));
      const kv = written(key, write);
      if (kv === undefined) kvs.delete(bytes);
      else kvs.set(bytes, kv);
    }
    const inOrder = [...kvs].sort(([left], [right]) => (left < right ? -1 : 1));
    return inOrder.map(([, kv]) => this.#space.shape(kv));
  }

  put(name: string, value: Value, options?: Pick<PutOptions, 'lease' | 'ignoreLease'>): void {
    this.#refuseLate();
    const key = this.#key(name);
    this.#writes.set(key, { name, operation: this.#space.op.put(name, value, options) });
  }

  delete(name: string): void {
    this.#refuseLate();
    this.#writes.set(this.#key(name), { name, operation: this.#space.op.delete(name) });
  }

  /** Nothing more is read or written; resolves when what was being read is in. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#reads.settled();
  }

  /** See {@link Reads.failure}. */
  get readFailure(): { readonly error: unknown } | undefined {
    return this.#reads.failure;
  }

  get operations(): readonly Operation<unknown>[] {
    return [...this.#writes.values()].map(({ operation }) => operation);
  }

  dependences(isolation: Isolation): readonly Dependence[] {
    return isolation === 'snapshot'
      ? this.#reads.unwritten([...this.#writes.keys()])
      : this.#reads.unchanged();
  }

  /** Where this run stood, to tell what has changed since. */
  get revision(): number {
    return this.#reads.revision ?? 0;
  }

  #key(name: string): string {
    const key = typeof name === 'string' ? this.#space.key(name) : '';
    if (key === '') throw new InvalidError('empty_key', 'the key is empty, or no text');
    if (bytesFromText(key) !== undefined) return key;
    throw invalid(`the key ${JSON.stringify(key)} is no text: it has half of a surrogate pair`);
  }

  #refuseLate(): void {
    if (!this.#isOver) return;
    throw invalid(
      'the function that this transaction was given to has ended: await everything within it, and keep the transaction to that run',
    );
  }
}

/** What a read finds that comes after a write of the same run. */
function written(key: string, { operation }: Write): KeyValue | undefined {
  const { put } = operation.wire;
  if (put === undefined) return undefined;
  return new KeyValue({
    key,
    value: put.value ?? '',
    createRevision: 0,
    modRevision: 0,
    version: 0,
  });
}

function holds(range: SpaceRange, name: string): boolean {
  if ('prefix' in range) return name.startsWith(range.prefix);
  const bytes = bytesFromText(name) ?? '';
  const { from, to } = range;
  return (
    bytes >= (bytesFromText(from) ?? '') && (to === undefined || bytes < (bytesFromText(to) ?? ''))
  );
}
