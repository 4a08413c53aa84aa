import {
  type ByteString,
  bytesFromWire,
  fromKeyEnd,
  type KeySelector,
  type LeaseId,
  prefixEnd,
  TableError,
  type WatchCreateParams,
  type WireBytes,
  type WireEvent,
  type WireKeyValue,
  wireFromBytes,
} from '@lockstep/client/protocol';

export interface FakeBatch {
  readonly revision: number;
  readonly events: readonly WireEvent[];
}

interface Row {
  readonly key: ByteString;
  readonly kv: WireKeyValue;
}

/** The least store that a client can be tested against: a list of rows and a list of batches. */
export class FakeStore {
  revision = 1;
  compactRevision = 0;
  readonly batches: FakeBatch[] = [];
  readonly listeners = new Set<(batch: FakeBatch) => void>();
  #rows: Row[] = [];
  /** The events of a transaction that is under way. */
  #open: WireEvent[] | undefined;

  /** What `run` writes is one revision. */
  atOneRevision<Result>(run: () => Result): Result {
    const events: WireEvent[] = [];
    this.#open = events;
    try {
      return run();
    } finally {
      this.#open = undefined;
      if (events.length > 0) {
        this.revision++;
        this.#announce(events);
      }
    }
  }

  range(selector: KeySelector): WireKeyValue[] {
    const [from, to] = bounds(selector);
    return this.#rows.filter(({ key }) => inside(key, from, to)).map(({ kv }) => kv);
  }

  put(wireKey: WireBytes, value: WireBytes, lease?: LeaseId): WireKeyValue | undefined {
    const key = bytesOf(wireKey);
    if (key === '') throw new TableError('empty_key');
    const before = this.#rows.find((row) => row.key === key)?.kv;
    const revision = this.#next();
    const kv: WireKeyValue = {
      key: wireFromBytes(key),
      value,
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      ...(lease === undefined ? {} : { lease }),
    };
    this.#rows = [...this.#rows.filter((row) => row.key !== key), { key, kv }];
    this.#rows.sort((a, b) => (a.key < b.key ? -1 : 1));
    this.#publish([{ type: 'put', kv, ...(before ? { prevKv: before } : {}) }]);
    return before;
  }

  deleteRange(selector: KeySelector): WireKeyValue[] {
    const gone = this.range(selector);
    if (gone.length === 0) return gone;
    const revision = this.#next();
    this.#rows = this.#rows.filter(({ kv }) => !gone.includes(kv));
    this.#publish(
      gone.map((prevKv) => ({
        type: 'delete',
        kv: { key: prevKv.key, value: '', createRevision: 0, modRevision: revision, version: 0 },
        prevKv,
      })),
    );
    return gone;
  }

  #next(): number {
    return this.#open === undefined ? ++this.revision : this.revision + 1;
  }

  #publish(events: readonly WireEvent[]): void {
    if (this.#open === undefined) this.#announce(events);
    else this.#open.push(...events);
  }

  #announce(events: readonly WireEvent[]): void {
    const batch = { revision: this.revision, events };
    this.batches.push(batch);
    for (const listener of this.listeners) listener(batch);
  }
}

/** The part of a batch that a watch sees; undefined when it sees nothing of it. */
export function selectBatch(batch: FakeBatch, watch: WatchCreateParams): FakeBatch | undefined {
  const ranges = (watch.ranges ?? [watch]).map(bounds);
  const events = batch.events
    .filter(({ kv }) => ranges.some(([from, to]) => inside(bytesOf(kv.key), from, to)))
    .filter(({ type }) => !(type === 'put' ? watch.noPut : watch.noDelete))
    .map(({ prevKv: before, ...event }) =>
      watch.prevKv === true && before !== undefined ? { ...event, prevKv: before } : event,
    )
    .map((event) =>
      watch.keysOnly === true ? { ...event, kv: { ...event.kv, value: '' } } : event,
    );
  return events.length === 0 ? undefined : { revision: batch.revision, events };
}

function bounds({ key, rangeEnd, prefix }: KeySelector): [ByteString, ByteString] {
  if (prefix !== undefined) return [bytesOf(prefix), prefixEnd(bytesOf(prefix))];
  if (key === undefined) throw new TableError('invalid_params', 'neither key nor prefix');
  return [bytesOf(key), rangeEnd === undefined ? bytesOf('') : bytesOf(rangeEnd)];
}

function inside(key: ByteString, from: ByteString, to: ByteString): boolean {
  if (to === '') return key === from;
  return key >= from && (to === fromKeyEnd || key < to);
}

function bytesOf(wire: WireBytes): ByteString {
  const bytes = bytesFromWire(wire);
  if (bytes === undefined) throw new TableError('invalid_params', 'neither text nor base64');
  return bytes;
}
