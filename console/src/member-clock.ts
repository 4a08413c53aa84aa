/**
 * The time of the member that this page is of, which the fleet's records are stamped with: the browser's own clock may
 * be wrong. Between two answers time goes by a clock that nobody sets.
 */
export class MemberClock {
  readonly #elapsed: () => number;
  #ahead: number | undefined;

  /** @param elapsed milliseconds since any one moment. */
  constructor(elapsed: () => number = () => performance.now()) {
    this.#elapsed = elapsed;
  }

  /** Milliseconds since 1970; undefined until the member has told it. */
  get now(): number | undefined {
    return this.#ahead === undefined ? undefined : Math.round(this.#elapsed() + this.#ahead);
  }

  /** Asks by a call that the member answers with its time. @throws what the call ends in. */
  async ask<Of extends { readonly timeMs: number }>(call: () => Promise<Of>): Promise<Of> {
    const asked = this.#elapsed();
    const answer = await call();
    // The answer was made somewhere between the two, so it is wrong by half the way at most.
    this.#ahead = answer.timeMs - (asked + this.#elapsed()) / 2;
    return answer;
  }
}
