import type { Random } from '../../server/src/core/base/random.ts';
import type { Ask, Condition, Keys, Pair, PutAsk, RangeAsk, TxnAsk } from '../checkers/history.ts';

const keyCount = 12;
const paddingMax = 250;
const keys = Array.from({ length: keyCount }, (_, at) => `k/${String(at).padStart(2, '0')}`);

/** Every key that a run may write, leased ones too. */
export const everything: Keys = { key: 'a', rangeEnd: 'z' };

/** What one client knows, from its own answers. */
export interface Knowledge {
  readonly revision: number;
  readonly pairs: ReadonlyMap<string, Pair>;
}

/** Draws what one client asks next. The keys are few, so that clients meet; no value is written twice. */
export class Asks {
  readonly #client: string;
  readonly #random: Random;
  #writes = 0;

  constructor(client: string, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  next(known: Knowledge): Ask {
    const draw = this.#random.below(100);
    if (draw < 34) return this.#put(this.#random.pick(keys));
    if (draw < 42) return this.#delete();
    if (draw < 78) return this.#range(known);
    return this.#txn(known);
  }

  /** Unlike any other, and now and then long enough to fill files. */
  value(): string {
    return `${this.#client}-${++this.#writes}${'.'.repeat(this.#random.below(paddingMax))}`;
  }

  #put(key: string): PutAsk {
    return { type: 'put', key, value: this.value(), ...this.#prevKv() };
  }

  #prevKv(): { readonly prevKv?: boolean } {
    return this.#random.oneIn(3) ? { prevKv: true } : {};
  }

  #delete(): Ask {
    const key = this.#random.pick(keys);
    const rangeEnd = this.#random.pick(keys);
    const isRange = key < rangeEnd && this.#random.oneIn(4);
    return { type: 'delete', key, ...(isRange ? { rangeEnd } : {}), ...this.#prevKv() };
  }

  #range({ revision }: Knowledge): RangeAsk {
    const random = this.#random;
    const draw = random.below(10);
    const where: Keys =
      draw < 6
        ? { key: random.pick(keys) }
        : draw < 9
          ? { key: 'k/', rangeEnd: random.pick(keys) }
          : everything;
    const past = revision - random.below(400);
    return {
      type: 'range',
      ...where,
      ...(random.oneIn(10) && past > 1 ? { revision: past } : {}),
      ...(random.oneIn(4) ? { limit: 1 + random.below(4) } : {}),
      ...(random.oneIn(3) ? { isSerializable: true } : {}),
    };
  }

  #txn(known: Knowledge): TxnAsk {
    // A key may be written once in a transaction, so each of them is handed out once.
    const free = keys.toSorted(() => this.#random.below(3) - 1);
    return this.#branches(known, free, 0);
  }

  #branches(known: Knowledge, free: string[], depth: number): TxnAsk {
    const some = <Item>(most: number, make: () => Item): Item[] =>
      Array.from({ length: this.#random.below(most + 1) }, make);
    return {
      type: 'txn',
      compare: some(2, () => this.#condition(known)),
      success: some(3, () => this.#step(known, free, depth)),
      failure: some(2, () => this.#step(known, free, depth)),
    };
  }

  #step(known: Knowledge, free: string[], depth: number): Ask {
    const random = this.#random;
    if (depth === 0 && random.oneIn(6)) return this.#branches(known, free, depth + 1);
    const key = free.pop();
    const draw = random.below(10);
    if (key === undefined || draw < 3) return { type: 'range', key: random.pick(keys) };
    if (draw < 4) return { type: 'range', key: 'k/', rangeEnd: random.pick(keys), limit: 3 };
    return draw < 9 ? this.#put(key) : { type: 'delete', key, ...this.#prevKv() };
  }

  /** One that may well hold, by what was last seen, or may not. */
  #condition({ pairs }: Knowledge): Condition {
    const random = this.#random;
    const key = random.pick(keys);
    const pair = pairs.get(key);
    const operator = random.pick(['=', '=', '!=', '<', '>'] as const);
    const target = random.pick(['mod', 'create', 'version', 'value'] as const);
    if (target === 'value') return { key, target, operator, operand: pair?.value ?? 'none' };
    const operand = {
      mod: pair?.modRevision ?? 0,
      create: pair?.createRevision ?? 0,
      version: pair?.version ?? 0,
    }[target];
    return { key, target, operator, operand };
  }
}
