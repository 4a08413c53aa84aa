import type { KeySelector, ScanParams, ScanResult } from '@lockstep/client/protocol';
import { KeyValue } from './key-value.ts';
import type { ScanOptions } from './options.ts';

type Ask = (params: ScanParams, signal: AbortSignal) => Promise<ScanResult>;

/**
 * A large range, read in chunks that all show one revision. Nothing is asked for before the loop
 * begins; then one chunk is fetched while the loop works through the one before, and never more.
 * A second loop begins at the first key again and shows the same revision.
 */
export class Scan implements AsyncIterable<KeyValue> {
  readonly #selector: KeySelector;
  readonly #options: ScanOptions;
  readonly #seenRevision: () => number;
  readonly #ask: Ask;
  #revision: number | undefined;

  /** Made by `client.scan`. */
  constructor(selector: KeySelector, options: ScanOptions, seenRevision: () => number, ask: Ask) {
    this.#selector = selector;
    this.#options = options;
    this.#seenRevision = seenRevision;
    this.#ask = ask;
    this.#revision = options.revision === 0 ? undefined : options.revision;
  }

  /** The state that the scan shows: known from the first chunk on, or from the start if it was asked for. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /** Single pairs in the order of their keys. */
  async *[Symbol.asyncIterator](): AsyncGenerator<KeyValue, void, undefined> {
    for await (const chunk of this.chunks()) yield* chunk;
  }

  /** Pairs as they arrive, in arrays that are never empty. */
  async *chunks(): AsyncGenerator<readonly KeyValue[], void, undefined> {
    const { signal } = this.#options;
    const giveUp = new AbortController();
    const abort = (): void => giveUp.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      let left = this.#options.limit ?? 0;
      let next: Promise<ScanResult> | undefined = this.#fetch(undefined, left, giveUp.signal);
      while (next !== undefined) {
        const chunk: ScanResult = await next;
        const { kvs, more, revision } = chunk;
        this.#revision = revision;
        const last = kvs.at(-1);
        const limited = left > 0;
        left -= limited ? kvs.length : 0;
        const done = last === undefined || !more || (limited && left <= 0);
        next = done ? undefined : this.#fetch(last.key, left, giveUp.signal);
        // It may fail while the loop is busy, which is soon enough to say when the loop asks for it.
        next?.catch(() => {});
        if (kvs.length > 0) yield kvs.map((wire) => new KeyValue(wire));
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      giveUp.abort();
    }
  }

  #fetch(
    after: ScanParams['after'] | undefined,
    limit: number,
    signal: AbortSignal,
  ): Promise<ScanResult> {
    const { keysOnly = false, serializable = false } = this.#options;
    // The member at hand may have changed and be behind what the scan shows.
    const minRevision = serializable ? (this.#revision ?? this.#seenRevision()) : 0;
    const params = {
      ...this.#selector,
      ...(after === undefined ? {} : { after }),
      ...(this.#revision === undefined ? {} : { revision: this.#revision }),
      ...(limit === 0 ? {} : { limit }),
      ...(keysOnly ? { keysOnly } : {}),
      ...(serializable ? { serializable } : {}),
      ...(minRevision === 0 ? {} : { minRevision }),
    };
    return this.#ask(params, signal);
  }
}
