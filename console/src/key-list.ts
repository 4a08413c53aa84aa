import type { ByteString } from '@lockstep/client/protocol';

/**
 * The keys with a prefix in byte order: the first of them, up to a bound, and how many there are in all.
 * Kept up by events, one at a time.
 */
export class KeyList {
  readonly #max: number;
  #keys: ByteString[] = [];
  #total = 0;
  /** Keys beyond the last one may exist. */
  #isCut = false;

  constructor(max: number) {
    this.#max = max;
  }

  get keys(): readonly ByteString[] {
    return this.#keys;
  }

  /** How many keys there are, listed or not. */
  get total(): number {
    return this.#total;
  }

  /** How many are not listed. */
  get more(): number {
    return Math.max(0, this.#total - this.#keys.length);
  }

  clear(): void {
    this.#keys = [];
    this.#total = 0;
    this.#isCut = false;
  }

  /** Adds keys that come after all that are there; no more than fit. */
  append(keys: readonly ByteString[]): void {
    this.#keys.push(...keys.slice(0, this.#max - this.#keys.length));
    this.#total = Math.max(this.#total, this.#keys.length);
  }

  /** What was appended is all that is listed, out of so many. */
  complete(total: number): void {
    this.#total = total;
    this.#isCut = total > this.#keys.length;
  }

  /** @param isNew the key did not exist before. */
  put(key: ByteString, isNew: boolean): void {
    if (isNew) this.#total++;
    const at = this.#place(key);
    if (this.#keys[at] === key) return;
    if (at === this.#keys.length && (this.#isCut || at >= this.#max)) {
      this.#isCut = true;
      return;
    }
    this.#keys.splice(at, 0, key);
    if (this.#keys.length > this.#max) {
      this.#keys.pop();
      this.#isCut = true;
    }
  }

  delete(key: ByteString): void {
    this.#total = Math.max(0, this.#total - 1);
    const at = this.#place(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /** Where a key is; -1 if it is not listed. */
  indexOf(key: ByteString | undefined): number {
    if (key === undefined) return -1;
    const at = this.#place(key);
    return this.#keys[at] === key ? at : -1;
  }

  /** The first place whose key is not lower. */
  #place(key: ByteString): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? key) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
