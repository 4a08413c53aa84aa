/** Measures how long nothing was acknowledged to anybody. */
export class Outages {
  acknowledged = 0;
  #lastAt = performance.now();
  #longestMs = 0;

  /** A change was acknowledged just now. */
  note(): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#lastAt);
    this.#lastAt = now;
    this.acknowledged++;
  }

  /** Begins to measure the longest time without. */
  begin(): void {
    this.#lastAt = performance.now();
    this.#longestMs = 0;
  }

  /** The longest time since then, in milliseconds. */
  get longestMs(): number {
    return Math.max(this.#longestMs, performance.now() - this.#lastAt);
  }
}
