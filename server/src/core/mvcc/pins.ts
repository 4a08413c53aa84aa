/** Revisions that somebody reads in slices: what is visible at them stays in memory until they let go. */
export class Pins {
  readonly #revisions = new Map<object, number>();

  /** The lowest pinned revision; Infinity when there is none. */
  get lowest(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const revision of this.#revisions.values()) lowest = Math.min(lowest, revision);
    return lowest;
  }

  /** @returns what lets go; calling it twice is calling it once. */
  pin(revision: number): () => void {
    const holder = {};
    this.#revisions.set(holder, revision);
    return () => this.#revisions.delete(holder);
  }
}
