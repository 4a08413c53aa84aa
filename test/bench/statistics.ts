import type { Window } from './model.ts';

const initialCapacity = 1 << 16;

/** The value below which `share` (0 to 1) of the sorted samples lie; NaN when there are none. */
export function percentile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.ceil(share * sorted.length) - 1;
  return sorted[Math.max(0, rank)] ?? Number.NaN;
}

/** The middle value; NaN when there are none. Of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length / 2;
  if (Number.isInteger(middle)) {
    return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
  }
  return sorted[Math.floor(middle)] ?? Number.NaN;
}

/** Latencies with the time at which each operation ended. */
export class Samples {
  #endsMs = new Float64Array(initialCapacity);
  #latenciesMs = new Float64Array(initialCapacity);
  #count = 0;

  add(endMs: number, latencyMs: number): void {
    if (this.#count === this.#endsMs.length) this.#grow();
    this.#endsMs[this.#count] = endMs;
    this.#latenciesMs[this.#count] = latencyMs;
    this.#count++;
  }

  /** What ended inside the window. */
  within(window: Window): { count: number; p50Ms: number; p99Ms: number } {
    const chosen = this.#latenciesMs.subarray(0, this.#count).filter((_, at) => {
      const endMs = this.#endsMs[at] ?? 0;
      return endMs >= window.fromMs && endMs < window.toMs;
    });
    chosen.sort();
    return {
      count: chosen.length,
      p50Ms: percentile(chosen, 0.5),
      p99Ms: percentile(chosen, 0.99),
    };
  }

  #grow(): void {
    const ends = new Float64Array(this.#count * 2);
    const latencies = new Float64Array(this.#count * 2);
    ends.set(this.#endsMs);
    latencies.set(this.#latenciesMs);
    this.#endsMs = ends;
    this.#latenciesMs = latencies;
  }
}
