/** A histogram as it stands: how many values fell between each bound and the one before, and their sum. */
export interface HistogramReading {
  /** Upper bounds, ascending; each is inside its own bucket. */
  readonly bounds: readonly number[];
  /** One per bound, and one more for what is above all of them. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Counts values by size. Observing one is a short walk along an array, so it fits into hot paths. */
export class Histogram implements HistogramReading {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  /** @param bounds ascending, and few: they are walked from the least. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    (counts[at] as number)++;
    this.sum += value;
  }
}

/** `count` bounds that begin at `start` and double: each is half as exact as the one before. */
export function doubling(start: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => start * 2 ** at);
}
