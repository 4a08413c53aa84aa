import type { Clock } from '../clock.ts';

/** One moment on both clocks. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
}

export function momentOf(clock: Clock): Moment {
  return { now: clock.now(), wall: clock.wall() };
}

/**
 * How long a lease is surely alive, judged from here. It counts from the moment a renewal was *sent*,
 * which is before the cluster began to count, and takes off a margin for clocks that run at
 * different speeds. Elapsed is the larger of the two clocks' differences: the monotonic one may stand
 * still while the machine sleeps, the wall clock may be set back.
 */
export class Lifetime {
  readonly #clock: Clock;
  readonly #validMs: number;
  #sent: Moment;

  constructor(clock: Clock, validMs: number, sent: Moment) {
    this.#clock = clock;
    this.#validMs = validMs;
    this.#sent = sent;
  }

  /** The moment the newest renewal that was answered had been sent. */
  get sent(): Moment {
    return this.#sent;
  }

  /** A renewal that was sent at this moment was answered. Older ones change nothing. */
  renewed(sent: Moment): void {
    if (sent.now > this.#sent.now) this.#sent = sent;
  }

  /** 0 or less when the lease may be gone. */
  remainingMs(): number {
    const { now, wall } = this.#sent;
    const elapsed = Math.max(this.#clock.now() - now, this.#clock.wall() - wall);
    return this.#validMs - elapsed;
  }
}
