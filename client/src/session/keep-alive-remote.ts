import type { Clock } from '../clock.ts';
import type { KeepAlive, KeepAliveEvents } from './keep-alive.ts';
import type { KeepAliveWorker } from './keep-alive-worker.ts';
import { momentOf } from './lifetime.ts';

/** Renewals by another thread, as the session of this one takes note of them. */
export class RemoteKeepAlive implements KeepAlive {
  readonly #worker: KeepAliveWorker;
  readonly #clock: Clock;
  #events: KeepAliveEvents | undefined;
  #looking = false;
  lastFailure: unknown;

  constructor(worker: KeepAliveWorker, clock: Clock) {
    this.#worker = worker;
    this.#clock = clock;
  }

  start(events: KeepAliveEvents): void {
    this.#events = events;
    this.#worker.listen({
      renewed: () => this.look(),
      gone: () => this.#events?.gone(),
      failed: (reason) => {
        this.lastFailure = reason;
      },
    });
  }

  /** What stands in shared memory is newer than what this thread was told while it was busy. */
  look(): void {
    // Before the age: a pause between the two makes the renewal look older than it is, never younger.
    const { now, wall } = momentOf(this.#clock);
    const age = this.#worker.age();
    // The session looks again when it is told.
    if (age === undefined || this.#looking) return;
    this.#looking = true;
    this.#events?.renewed({ now: now - age.now, wall: wall - age.wall });
    this.#looking = false;
  }

  stop(): void {
    this.#events = undefined;
    this.#worker.stop();
  }
}
