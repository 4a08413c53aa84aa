import { assert } from '../src/core/base/assert.ts';
import type { Cancel, Clock } from '../src/ports.ts';

interface Scheduled {
  readonly at: number;
  /** Breaks ties: what was scheduled first runs first. */
  readonly order: number;
  readonly isInner: boolean;
  readonly run: () => void;
}

/**
 * Virtual time for a whole simulated cluster: a queue of events ordered by (time, order of
 * scheduling). Nothing else makes time pass, so a run is a function of its seed.
 */
export class SimTime {
  #now = 0;
  #order = 0;
  /** A binary heap. */
  readonly #heap: Scheduled[] = [];
  /** Told of each event that is due at once, for whoever runs what needs no time. */
  onDue: (() => void) | undefined;
  /** Whether the latest event was one of {@link afterInside}. */
  wasInner = false;

  get now(): number {
    return this.#now;
  }

  /** When the next event is due; undefined when there is none. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  after(delayMs: number, run: () => void): void {
    this.#schedule(delayMs, run, false);
  }

  /** As {@link after}, for what happens inside a member: no promise but that of an open call hangs on it. */
  afterInside(delayMs: number, run: () => void): void {
    this.#schedule(delayMs, run, true);
  }

  #schedule(delayMs: number, run: () => void, isInner: boolean): void {
    this.#push({ at: this.#now + delayMs, order: this.#order++, isInner, run });
    if (delayMs <= 0) this.onDue?.();
  }

  /** Runs the next event. False when there is none. */
  step(): boolean {
    const next = this.#pop();
    if (next === undefined) return false;
    assert(next.at >= this.#now, 'time goes forward');
    this.#now = next.at;
    this.wasInner = next.isInner;
    next.run();
    return true;
  }

  /** Runs events until `ms` have passed. */
  advance(ms: number): void {
    const until = this.#now + ms;
    while (this.#heap[0] !== undefined && this.#heap[0].at <= until) this.step();
    this.moveTo(until);
  }

  /** Lets time pass in which nothing is due. */
  moveTo(now: number): void {
    assert(now >= this.#now, 'time goes forward');
    assert((this.nextAt ?? now) >= now, 'no event is passed over');
    this.#now = now;
  }

  #push(item: Scheduled): void {
    const heap = this.#heap;
    heap.push(item);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at] as Scheduled, heap[parent] as Scheduled)) break;
      swap(heap, at, parent);
      at = parent;
    }
  }

  #pop(): Scheduled | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      let least = at;
      for (const child of [left, left + 1]) {
        const item = heap[child];
        if (item !== undefined && isBefore(item, heap[least] as Scheduled)) least = child;
      }
      if (least === at) return first;
      swap(heap, at, least);
      at = least;
    }
  }
}

function isBefore(left: Scheduled, right: Scheduled): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}

function swap(heap: Scheduled[], left: number, right: number): void {
  const item = heap[left] as Scheduled;
  heap[left] = heap[right] as Scheduled;
  heap[right] = item;
}

/** One member's clock over the shared time. Stopping it is how a crash or a pause looks from inside. */
export class SimClock implements Clock {
  readonly #time: SimTime;
  readonly #rate: number;
  #alive = true;
  #paused: (() => void)[] | undefined;

  /** @param rate how much faster than true time it runs. */
  constructor(time: SimTime, rate = 1) {
    this.#time = time;
    this.#rate = rate;
  }

  monotonicMs(): number {
    return this.#time.now * this.#rate;
  }

  every(periodMs: number, run: () => void): Cancel {
    let active = true;
    const next = (): void =>
      this.#time.afterInside(periodMs / this.#rate, () => {
        if (!active || !this.#alive) return;
        next();
        // A paused process misses its ticks; one fires when it goes on.
        if (this.#paused === undefined) run();
        else if (this.#paused.length === 0) this.#paused.push(run);
      });
    next();
    return () => {
      active = false;
    };
  }

  defer(run: () => void): void {
    this.#time.afterInside(0, () => this.run(run));
  }

  /** Runs something of the member's process: now, after its pause, or never if it crashed. */
  run(what: () => void): void {
    if (!this.#alive) return;
    if (this.#paused === undefined) what();
    else this.#paused.push(what);
  }

  pause(): void {
    this.#paused ??= [];
  }

  resume(): void {
    const late = this.#paused ?? [];
    this.#paused = undefined;
    for (const run of late) this.run(run);
  }

  kill(): void {
    this.#alive = false;
    this.#paused = undefined;
  }
}
