import type { Clock } from '@lockstep/client';

/** Time that moves only when a test says so. */
export class FakeClock implements Clock {
  #now = 0;
  #wallAhead = 1_700_000_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();
  /** What `random` gives. */
  chance = 0;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now + this.#wallAhead;
  }

  /** Sets the wall clock forward, or back; nothing else notices. */
  jump(ms: number): void {
    this.#wallAhead += ms;
  }

  /** Lets time pass while no timer can run, as a blocked event loop does. */
  block(ms: number): void {
    this.#now += ms;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Runs what is due within the next `ms`, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = end;
  }
}
