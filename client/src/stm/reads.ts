import type { CallOptions } from '../calls/call.ts';
import type { Client } from '../client.ts';
import { type KeyValue, keyId, type Selector, wireOf } from '../key-value.ts';
import { type Compare, compare } from '../txn.ts';

/** A condition, and what it protects, for the message when it does not hold. */
export interface Dependence {
  readonly condition: Compare;
  /** The key, or the range, and the revision up to which it is known. */
  readonly selector: Selector;
  /** Of a key: the revision that had written it, 0 for none. Of a range: undefined. */
  readonly modRevision: number | undefined;
}

interface RangeRead {
  readonly selector: Selector;
  readonly kvs: readonly KeyValue[];
}

/**
 * What one run of a function has read, all of one revision: that of its first read, which is the newest then. An
 * absent key and an empty range are something that was read, too.
 */
export class Reads {
  readonly #client: Client;
  readonly #call: CallOptions;
  readonly #keys = new Map<string, { readonly reading: Promise<KeyValue | undefined> }>();
  readonly #found = new Map<string, { readonly key: string; readonly kv: KeyValue | undefined }>();
  readonly #ranges: RangeRead[] = [];
  readonly #pending = new Set<Promise<unknown>>();
  #first: Promise<number> | undefined;
  #revision: number | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(client: Client, call: CallOptions) {
    this.#client = client;
    this.#call = call;
  }

  /** Why a read failed, if one did: what was read is then not whole, whatever became of the error. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** The revision that all reads show; undefined when nothing was read. */
  get revision(): number | undefined {
    return this.#revision;
  }

  get(key: string): Promise<KeyValue | undefined> {
    const known = this.#keys.get(key);
    if (known !== undefined) return known.reading;
    const reading = this.#read(async (revision) => {
      const reply = await this.#client.range(key, { ...this.#call, revision });
      const kv = reply.kvs[0];
      this.#found.set(key, { key, kv });
      return { result: kv, revision: revision === 0 ? reply.header.revision : revision };
    });
    this.#keys.set(key, { reading });
    return reading;
  }

  list(selector: Selector): Promise<readonly KeyValue[]> {
    return this.#read(async (revision) => {
      const scan = this.#client.scan(selector, { ...this.#call, revision });
      const kvs: KeyValue[] = [];
      for await (const chunk of scan.chunks()) kvs.push(...chunk);
      this.#ranges.push({ selector, kvs });
      return { result: kvs, revision: scan.revision ?? revision };
    });
  }

  /** Resolves when nothing is being read any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }

  /** The first read is of the newest revision, and every other waits to learn which that was. */
  #read<Result>(
    read: (revision: number) => Promise<{ readonly result: Result; readonly revision: number }>,
  ): Promise<Result> {
    const reading = this.#readAt(read, this.#first);
    this.#pending.add(reading);
    const done = (): void => {
      this.#pending.delete(reading);
    };
    reading.then(done, (error: unknown) => {
      this.#failure ??= { error };
      done();
    });
    return reading;
  }

  async #readAt<Result>(
    read: (revision: number) => Promise<{ readonly result: Result; readonly revision: number }>,
    first: Promise<number> | undefined,
  ): Promise<Result> {
    if (first !== undefined) return (await read(await first)).result;
    const reading = read(0);
    this.#first = reading.then(({ revision }) => revision);
    // Nobody else may be waiting for it; whoever reads first hears of the failure.
    this.#first.catch(() => {});
    const { result, revision } = await reading;
    this.#revision = revision;
    return result;
  }

  /**
   * That nothing which was read has changed. A range is unchanged when nothing in it was written since, and each of its
   * pairs is still there: what was deleted leaves no revision behind in the range itself.
   */
  unchanged(): Dependence[] {
    const revision = this.#revision ?? 0;
    const keys = new Map<string, Dependence>();
    for (const { key, kv } of this.#found.values()) {
      keys.set(keyId(wireOf(key)), same(key, kv?.modRevision ?? 0));
    }
    for (const kv of this.#ranges.flatMap(({ kvs }) => kvs)) {
      keys.set(keyId(kv.wireKey), same(kv.keyBytes, kv.modRevision));
    }
    const ranges = this.#ranges.map(({ selector }) => notSince(selector, revision));
    return [...keys.values(), ...ranges];
  }

  /**
   * That nobody has written these keys since the revision that was read. A delete of one that was not read leaves nothing
   * to compare, and is not seen.
   */
  unwritten(written: readonly string[]): Dependence[] {
    const revision = this.#revision;
    if (revision === undefined) return [];
    const inRanges = new Map(
      this.#ranges.flatMap(({ kvs }) => kvs.map((kv) => [keyId(kv.wireKey), kv])),
    );
    return written.map((key) => {
      const read = this.#found.get(key);
      if (read !== undefined) return same(key, read.kv?.modRevision ?? 0);
      const kv = inRanges.get(keyId(wireOf(key)));
      return kv === undefined ? notSince(key, revision) : same(key, kv.modRevision);
    });
  }
}

function same(key: Selector, modRevision: number): Dependence {
  return {
    condition: compare.modRevision(key, '=', modRevision),
    selector: key,
    modRevision,
  };
}

function notSince(selector: Selector, revision: number): Dependence {
  return {
    condition: compare.modRevision(selector, '<', revision + 1),
    selector,
    modRevision: undefined,
  };
}
