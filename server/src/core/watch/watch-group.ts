import { inRange, type KeyRange } from '../mvcc/key-range.ts';
import type { KeyValue } from '../mvcc/key-value.ts';
import type { WatchSpec } from './types.ts';

/** All watches that are up to date and ask for the same thing, by stream. An event is matched once for all of them. */
export class WatchGroup<Stream> {
  readonly spec: WatchSpec;
  readonly members = new Map<Stream, number[]>();

  constructor(spec: WatchSpec) {
    this.spec = spec;
  }
}

/** The groups, found by key: those of one key by name, those of a range one by one. */
export class WatchGroups<Stream> {
  readonly #singles = new Map<string, WatchGroup<Stream>[]>();
  readonly #ranges: WatchGroup<Stream>[] = [];

  add(spec: WatchSpec, stream: Stream, watchId: number): void {
    const list = this.#listFor(spec);
    let group = list.find((other) => sameSpec(other.spec, spec));
    if (group === undefined) {
      group = new WatchGroup(spec);
      list.push(group);
    }
    const ids = group.members.get(stream);
    // Replaced rather than changed: an id list may be on its way to a sink.
    group.members.set(stream, ids === undefined ? [watchId] : [...ids, watchId]);
  }

  remove(spec: WatchSpec, stream: Stream, watchId: number): void {
    const list = this.#listFor(spec);
    const at = list.findIndex((group) => sameSpec(group.spec, spec));
    const group = list[at];
    const ids = group?.members.get(stream)?.filter((id) => id !== watchId);
    if (group === undefined || ids === undefined) return;
    if (ids.length > 0) group.members.set(stream, ids);
    else group.members.delete(stream);
    if (group.members.size > 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#singles.delete(spec.key);
  }

  #listFor(range: KeyRange): WatchGroup<Stream>[] {
    if (range.rangeEnd !== '') return this.#ranges;
    let list = this.#singles.get(range.key);
    if (list === undefined) {
      list = [];
      this.#singles.set(range.key, list);
    }
    return list;
  }

  /** Groups that see at least one of the events. */
  matching(events: readonly KeyValue[]): Set<WatchGroup<Stream>> {
    const found = new Set<WatchGroup<Stream>>();
    for (const { key } of events) {
      for (const group of this.#singles.get(key) ?? []) found.add(group);
      for (const group of this.#ranges) if (inRange(group.spec, key)) found.add(group);
    }
    return found;
  }
}

function sameSpec(left: WatchSpec, right: WatchSpec): boolean {
  return left.key === right.key && left.rangeEnd === right.rangeEnd && left.prevKv === right.prevKv;
}
