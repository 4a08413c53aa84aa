import { inRange } from '../mvcc/key-range.ts';
import type { KeyValue } from '../mvcc/key-value.ts';
import type { WatchBatch, WatchSource, WatchSpec } from './types.ts';

/**
 * Makes the batches of one revision, the same object for everybody who sees the same events, so
 * that a door encodes each distinct set once.
 */
export class BatchMaker {
  readonly #source: WatchSource;
  readonly #revision: number;
  readonly #events: readonly KeyValue[];
  /** By the positions of the events it holds, and whether the pairs before them are wanted. */
  readonly #made = new Map<string, WatchBatch>();

  constructor(source: WatchSource, revision: number, events: readonly KeyValue[]) {
    this.#source = source;
    this.#revision = revision;
    this.#events = events;
  }

  for(spec: WatchSpec): WatchBatch {
    const seen: number[] = [];
    for (let at = 0; at < this.#events.length; at++) {
      if (inRange(spec, (this.#events[at] as KeyValue).key)) seen.push(at);
    }
    const name = `${spec.prevKv ? 'p' : ''}${seen.join()}`;
    let batch = this.#made.get(name);
    if (batch === undefined) {
      batch = { revision: this.#revision, events: seen.map((at) => this.#event(at, spec.prevKv)) };
      this.#made.set(name, batch);
    }
    return batch;
  }

  #event(at: number, prevKv: boolean): WatchBatch['events'][number] {
    const kv = this.#events[at] as KeyValue;
    return { kv, prevKv: prevKv ? this.#source.before(kv.key, this.#revision) : undefined };
  }
}
