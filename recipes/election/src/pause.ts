import type { Clock } from '@lockstep/client';

/** A timer of a platform takes no more. */
const timerMsMax = 2 ** 31 - 1;

/** Resolves when so much time has passed, or the signal aborts; whichever was sooner is for the caller to ask. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  for (let left = ms; left > 0 && signal?.aborted !== true; left -= timerMsMax) {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = clock.after(Math.min(left, timerMsMax), end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }
}
