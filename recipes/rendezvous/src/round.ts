import {
  compare,
  DecodeError,
  type KeyValue,
  type Operation,
  op,
  type Selector,
} from '@lockstep/client';
import type { Picture } from './picture.ts';

/** Somebody who stands at the barrier: whoever came under this id, and when. */
export interface Entrant {
  readonly id: string;
  /** The revision that wrote its entry: one entry and no other, whoever comes under the same id later. */
  readonly at: number;
}

/** Those who went through together. */
export interface Round {
  readonly revision: number;
  readonly entrants: readonly Entrant[];
}

/**
 * The keys of a double barrier, and what they say:
 *
 *     <name>/here/<id>   an entrant, on the lease of its session; its value is the count it expects
 *     <name>/round       the round that is on, or was the last: its entrants
 *     <name>/left/<id>   an entrant of that round that has left in order; its value is the entrant's revision
 */
export class Layout {
  readonly round: string;
  readonly #here: string;
  readonly #left: string;

  constructor(name: string) {
    this.round = `${name}/round`;
    this.#here = `${name}/here/`;
    this.#left = `${name}/left/`;
  }

  get ranges(): readonly Selector[] {
    return [{ prefix: this.#here }, this.round, { prefix: this.#left }];
  }

  here(id: string): string {
    return `${this.#here}${id}`;
  }

  left(id: string): string {
    return `${this.#left}${id}`;
  }

  /** Forgets who has left the last round. */
  get forget(): Operation<unknown> {
    return op.delete({ prefix: this.#left });
  }

  /** All that stand at the barrier, in the order in which they came. */
  entrants({ kvs }: Picture): readonly (Entrant & { readonly kv: KeyValue })[] {
    return [...kvs]
      .filter(([key]) => key.startsWith(this.#here))
      .map(([key, kv]) => ({ id: key.slice(this.#here.length), at: kv.modRevision, kv }))
      .sort((one, other) => one.at - other.at);
  }

  roundOf({ kvs }: Picture): Round | undefined {
    const kv = kvs.get(this.round);
    if (kv === undefined) return undefined;
    return { revision: kv.modRevision, entrants: entrantsOf(kv) };
  }

  isHere({ kvs }: Picture, { id, at }: Entrant): boolean {
    return kvs.get(this.here(id))?.modRevision === at;
  }

  hasLeft({ kvs }: Picture, { id, at }: Entrant): boolean {
    return kvs.get(this.left(id))?.value === String(at);
  }

  /** The condition that an entrant still stands there. */
  standing({ id, at }: Entrant) {
    return compare.modRevision(this.here(id), '=', at);
  }
}

/** @throws DecodeError when another program has written it. */
function entrantsOf(kv: KeyValue): readonly Entrant[] {
  try {
    const read: unknown = JSON.parse(kv.value);
    if (Array.isArray(read) && read.every(isEntrant)) return read;
    throw new TypeError('it is no list of entrants');
  } catch (cause) {
    const { key, valueBytes: bytes } = kv;
    throw new DecodeError(`the round under ${JSON.stringify(key)} cannot be read`, {
      key,
      bytes,
      cause,
    });
  }
}

function isEntrant(read: unknown): read is Entrant {
  if (typeof read !== 'object' || read === null) return false;
  const { id, at } = read as Partial<Entrant>;
  return typeof id === 'string' && typeof at === 'number';
}
