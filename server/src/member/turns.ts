import type { Clock } from '../ports.ts';

/** When the loop takes its turns: soon after somebody asked, and never one inside another. */
export class Turns {
  readonly #clock: Clock;
  readonly #turn: () => void;
  #isDue = false;
  #isRunning = false;

  /** @param turn never throws. */
  constructor(clock: Clock, turn: () => void) {
    this.#clock = clock;
    this.#turn = turn;
  }

  /** Asks for a turn, once everything that has come in by now was noted. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#clock.defer(() => {
      this.#isDue = false;
      this.now();
    });
  }

  /** Takes one, unless one is being taken. */
  now(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#turn();
    this.#isRunning = false;
  }
}
