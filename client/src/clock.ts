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

/** Resolves when so much time has passed, or the signal aborts; whichever was sooner is for the caller to ask. In milliseconds. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(Math.max(0, ms), end);
    signal?.addEventListener('abort', end, { once: true });
  });
}
