import { isTombstone, type KeyValue, withoutValue } from '../mvcc/key-value.ts';
import type { WatchBatch, WatchEvent, WatchSource, WatchSpec } from './types.ts';

/**
 * Makes the batches of one revision, the same object for everybody who sees the same events, so
 * that a door encodes each distinct set once.
 */
export class BatchMaker {
  readonly #source: WatchSource;
  readonly #revision: number;
  readonly #events: readonly KeyValue[];
  /** By the positions of the events it holds, and how they are shown. */
  readonly #made = new Map<string, WatchBatch>();

  constructor(source: WatchSource, revision: number, events: readonly KeyValue[]) {
    this.#source = source;
    this.#revision = revision;
    this.#events = events;
  }

  /**
   * @param places of the events that are in the watch's ranges, in order.
   * @returns undefined when the watch sees none of them.
   */
  for(spec: WatchSpec, places: readonly number[]): WatchBatch | undefined {
    const seen = places.filter((at) => passes(spec, this.#events[at] as KeyValue));
    if (seen.length === 0) return undefined;
    const name = `${spec.prevKv ? 'p' : ''}${spec.keysOnly ? 'k' : ''}${seen.join()}`;
    let batch = this.#made.get(name);
    if (batch === undefined) {
      batch = { revision: this.#revision, events: seen.map((at) => this.#event(at, spec)) };
      this.#made.set(name, batch);
    }
    return batch;
  }

  #event(at: number, { prevKv, keysOnly }: WatchSpec): WatchEvent {
    const kv = this.#events[at] as KeyValue;
    const before = prevKv ? this.#source.before(kv.key, this.#revision) : undefined;
    if (!keysOnly) return { kv, prevKv: before };
    return { kv: withoutValue(kv), prevKv: before && withoutValue(before) };
  }
}

function passes({ noPut, noDelete }: WatchSpec, kv: KeyValue): boolean {
  return !(isTombstone(kv) ? noDelete : noPut);
}
