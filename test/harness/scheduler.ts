/** Runs what was scheduled in the order of its time, then of its arrival; time moves only by that. */
export class Scheduler {
  #now = 0;
  #count = 0;
  #due: { readonly at: number; readonly number: number; readonly run: () => void }[] = [];

  get now(): number {
    return this.#now;
  }

  readonly schedule = (delayMs: number, run: () => void): void => {
    this.#count++;
    this.#due.push({ at: this.#now + delayMs, number: this.#count, run });
  };

  /** Runs the next one; false when there is none. */
  step(): boolean {
    const [next] = this.#due.sort((one, other) => one.at - other.at || one.number - other.number);
    if (next === undefined) return false;
    this.#due.shift();
    this.#now = next.at;
    next.run();
    return true;
  }

  /** Runs until nothing is scheduled. */
  settle(): void {
    while (this.step());
  }

  clear(): void {
    this.#due = [];
  }
}
