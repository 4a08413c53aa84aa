/** Time and chance as the client uses them, so that a test can own both. */
export interface Clock {
  /** Milliseconds since an arbitrary point, never going back. It may stand still while the machine sleeps. */
  now(): number;
  /** Milliseconds of the wall clock, which may be set forward or back. */
  wall(): number;
  /** Calls `run` once after `ms`; the returned function takes that back. */
  after(ms: number, run: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
}

const timerMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, run) {
    let timer: ReturnType<typeof setTimeout>;
    // Longer than a timer can be, it takes several: Infinity takes for ever.
    const wait = (left: number): void => {
      timer = setTimeout(
        () => (left > timerMsMax ? wait(left - timerMsMax) : run()),
        Math.min(left, timerMsMax),
      );
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
