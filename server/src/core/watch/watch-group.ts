import type { KeyValue } from '../mvcc/key-value.ts';
import { IntervalIndex } from './interval-index.ts';
import type { WatchSpec } from './types.ts';

/** What a group needs to know of a watch. */
export interface GroupMember<Stream> {
  readonly id: number;
  readonly stream: Stream;
}

/** Watches of one stream that ask for the same thing. */
class Crowd<Watch extends GroupMember<unknown>> {
  readonly watches = new Set<Watch>();
  #ids: readonly number[] | undefined;

  /** Never changed once it was handed out: it may be on its way to a sink. */
  get ids(): readonly number[] {
    this.#ids ??= Array.from(this.watches, ({ id }) => id);
    return this.#ids;
  }

  changed(): void {
    this.#ids = undefined;
  }
}

/** All watches that ask for the same thing: an event is matched, and a batch made, once for all of them. */
export class WatchGroup<Stream, Watch extends GroupMember<Stream>> {
  readonly spec: WatchSpec;
  /** Most groups have one watch; maps are made for more. */
  #only: Watch | undefined;
  #crowds: Map<Stream, Crowd<Watch>> | undefined;

  constructor(spec: WatchSpec) {
    this.spec = spec;
  }

  get isEmpty(): boolean {
    return this.#only === undefined && this.#crowds === undefined;
  }

  add(watch: Watch): void {
    if (this.isEmpty) {
      this.#only = watch;
      return;
    }
    if (this.#only !== undefined) {
      const first = this.#only;
      this.#only = undefined;
      this.#join(first);
    }
    this.#join(watch);
  }

  #join(watch: Watch): void {
    this.#crowds ??= new Map();
    let crowd = this.#crowds.get(watch.stream);
    if (crowd === undefined) {
      crowd = new Crowd();
      this.#crowds.set(watch.stream, crowd);
    }
    crowd.watches.add(watch);
    crowd.changed();
  }

  remove(watch: Watch): void {
    if (this.#only === watch) this.#only = undefined;
    const crowd = this.#crowds?.get(watch.stream);
    if (crowd === undefined || !crowd.watches.delete(watch)) return;
    crowd.changed();
    if (crowd.watches.size === 0) this.#crowds?.delete(watch.stream);
    if (this.#crowds?.size === 0) this.#crowds = undefined;
  }

  /** Calls `visit` for every stream with the ids of its watches and the watches themselves. */
  forEach(visit: (stream: Stream, ids: readonly number[], watches: Iterable<Watch>) => void): void {
    const only = this.#only;
    if (only !== undefined) visit(only.stream, [only.id], [only]);
    for (const [stream, crowd] of this.#crowds ?? []) visit(stream, crowd.ids, crowd.watches);
  }
}

/** The groups, found by key: those of one key by name, those of ranges by an interval index. */
export class WatchGroups<Stream, Watch extends GroupMember<Stream>> {
  /** Most keys have one group, and a list of one costs more than the group itself. */
  readonly #singles = new Map<string, WatchGroup<Stream, Watch> | WatchGroup<Stream, Watch>[]>();
  readonly #ranges = new IntervalIndex<WatchGroup<Stream, Watch>>();
  /** Those with ranges, by what they ask for. */
  readonly #named = new Map<string, WatchGroup<Stream, Watch>>();

  /** @returns the group that the watch is in now. */
  add(spec: WatchSpec, watch: Watch): WatchGroup<Stream, Watch> {
    const group = this.#find(spec) ?? this.#create(spec);
    group.add(watch);
    return group;
  }

  remove(group: WatchGroup<Stream, Watch>, watch: Watch): void {
    group.remove(watch);
    if (!group.isEmpty) return;
    const { spec } = group;
    const key = soleKey(spec);
    if (key === undefined) {
      this.#named.delete(nameOf(spec));
      for (const range of spec.ranges) this.#ranges.remove(range, group);
      return;
    }
    const [first, ...others] = this.#ofKey(key).filter((other) => other !== group);
    if (first === undefined) this.#singles.delete(key);
    else this.#singles.set(key, others.length === 0 ? first : [first, ...others]);
  }

  #ofKey(key: string): readonly WatchGroup<Stream, Watch>[] {
    const found = this.#singles.get(key);
    if (found === undefined) return [];
    return found instanceof WatchGroup ? [found] : found;
  }

  #find(spec: WatchSpec): WatchGroup<Stream, Watch> | undefined {
    const key = soleKey(spec);
    if (key === undefined) return this.#named.get(nameOf(spec));
    return this.#ofKey(key).find((group) => sameService(group.spec, spec));
  }

  #create(spec: WatchSpec): WatchGroup<Stream, Watch> {
    const group = new WatchGroup<Stream, Watch>(spec);
    const key = soleKey(spec);
    if (key !== undefined) {
      const others = this.#ofKey(key);
      this.#singles.set(key, others.length === 0 ? group : [...others, group]);
      return group;
    }
    this.#named.set(nameOf(spec), group);
    for (const range of spec.ranges) this.#ranges.add(range, group);
    return group;
  }

  /**
   * Groups with an event in their ranges, and which of the events those are, by their places in the
   * list: what a deletion of many keys costs must not be their number times that of the groups.
   * Filters are looked at later.
   */
  matching(events: readonly KeyValue[]): Map<WatchGroup<Stream, Watch>, readonly number[]> {
    const found = new Map<WatchGroup<Stream, Watch>, number[]>();
    let at = 0;
    const add = (group: WatchGroup<Stream, Watch>): void => {
      const places = found.get(group);
      if (places === undefined) found.set(group, [at]);
      else if (places[places.length - 1] !== at) places.push(at);
    };
    for (; at < events.length; at++) {
      const { key } = events[at] as KeyValue;
      const ofKey = this.#singles.get(key);
      if (ofKey instanceof WatchGroup) add(ofKey);
      else if (ofKey !== undefined) for (const group of ofKey) add(group);
      this.#ranges.visit(key, add);
    }
    return found;
  }
}

function soleKey({ ranges }: WatchSpec): string | undefined {
  const [first] = ranges;
  return ranges.length === 1 && first?.rangeEnd === '' ? first.key : undefined;
}

function sameService(left: WatchSpec, right: WatchSpec): boolean {
  return (
    left.prevKv === right.prevKv &&
    left.noPut === right.noPut &&
    left.noDelete === right.noDelete &&
    left.keysOnly === right.keysOnly
  );
}

/** Equal for specs that ask for the same ranges in the same way. */
export function nameOf(spec: WatchSpec): string {
  const flags = [spec.prevKv, spec.noPut, spec.noDelete, spec.keysOnly].map(Number).join('');
  const ranges = spec.ranges.map(
    ({ key, rangeEnd }) => `${key.length},${rangeEnd.length},${key}${rangeEnd}`,
  );
  return `${flags};${[...new Set(ranges)].sort().join('')}`;
}
