/** Who waits, the next one first: those who were ordered before the rest, and each as they came. */
export interface Waiting {
  readonly host: string;
  readonly place: number;
  readonly isOrdered: boolean;
}

/** A line of waiting hosts, kept sorted. */
export class Line {
  readonly #waiting: Waiting[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  get first(): Waiting | undefined {
    return this.#waiting[0];
  }

  add(one: Waiting): void {
    this.#waiting.splice(this.#indexOf(one), 0, one);
  }

  delete(one: Waiting): void {
    const at = this.#indexOf(one);
    if (this.#waiting[at]?.host === one.host) this.#waiting.splice(at, 1);
  }

  [Symbol.iterator](): Iterator<Waiting> {
    return this.#waiting[Symbol.iterator]();
  }

  /** Where it is, or belongs. */
  #indexOf(one: Waiting): number {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#waiting[middle];
      if (there !== undefined && compareWaiting(there, one) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Below 0 when the first goes before the second. */
export function compareWaiting(a: Waiting, b: Waiting): number {
  if (a.isOrdered !== b.isOrdered) return a.isOrdered ? -1 : 1;
  if (a.place !== b.place) return a.place - b.place;
  return a.host < b.host ? -1 : a.host > b.host ? 1 : 0;
}
