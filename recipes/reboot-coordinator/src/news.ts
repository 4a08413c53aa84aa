import { type Clock, pause } from '@lockstep/client';

/** Something to wait for that may happen while nobody waits. */
export class News {
  #has = false;
  #wake = (): void => {};

  tell(): void {
    this.#has = true;
    this.#wake();
  }

  /** What was told so far is known. */
  clear(): void {
    this.#has = false;
  }

  /** Resolves when there was news since {@link clear}, so many milliseconds have passed, or the signal aborts. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#has || signal.aborted) return;
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    await pause(clock, ms, woken.signal);
    signal.removeEventListener('abort', wake);
  }
}
