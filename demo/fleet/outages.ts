/** How often and how long things of one group are away, and how many at once at most. Times in milliseconds. */
export class Outages {
  readonly #now: () => number;
  readonly #since = new Map<string, number>();
  readonly #tookMs = new Map<string, number>();
  #most = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Says how it is; saying it again changes nothing. */
  set(name: string, isAway: boolean): void {
    const since = this.#since.get(name);
    if (isAway && since === undefined) {
      this.#since.set(name, this.#now());
      this.#most = Math.max(this.#most, this.#since.size);
    }
    if (!isAway && since !== undefined) {
      this.#since.delete(name);
      this.#tookMs.set(name, (this.#tookMs.get(name) ?? 0) + this.#now() - since);
    }
  }

  /** The most that were away at once, since the last reset. */
  get most(): number {
    return this.#most;
  }

  /** How long it was away in all; of one that still is, until now. */
  tookMs(name: string): number {
    const since = this.#since.get(name);
    const running = since === undefined ? 0 : this.#now() - since;
    return (this.#tookMs.get(name) ?? 0) + running;
  }

  /** Counts from the beginning; who is away stays so. */
  reset(): void {
    this.#tookMs.clear();
    this.#most = this.#since.size;
    for (const name of this.#since.keys()) this.#since.set(name, this.#now());
  }
}
