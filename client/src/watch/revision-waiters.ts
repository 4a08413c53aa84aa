import type { CallOptions } from '../calls/call.ts';
import type { Clock } from '../clock.ts';
import { DeadlineError } from '../errors.ts';
import type { Watch } from './watch.ts';

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

const askAgainMs = 20;

/** Those who wait until what follows a watch, a cache or a mirror, has come to a revision. */
export class RevisionWaiters {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #asking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when {@link reached} is told of `revision` or a later one.
   * @param late makes the sentence for when the time is over.
   * @throws DeadlineError, the signal's reason, or what {@link fail} is told.
   */
  wait(
    revision: number,
    options: Required<Pick<CallOptions, 'timeoutMs'>> & {
      readonly signal: AbortSignal | undefined;
      late(): string;
    },
  ): Promise<void> {
    const { signal, timeoutMs, late } = options;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        cancel();
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        revision,
        resolve: () => {
          settle();
          resolve();
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      };
      const abort = (): void => waiter.reject(signal?.reason);
      const cancel = this.#clock.after(timeoutMs, () => waiter.reject(new DeadlineError(late())));
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  reached(revision: number): void {
    for (const waiter of [...this.#waiters]) if (waiter.revision <= revision) waiter.resolve();
  }

  fail(reason: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(reason);
  }

  /**
   * Asks how far the watch is, as long as somebody waits: a revision that touched nothing of it is only known by asking.
   * @param watch undefined while it cannot be asked; then this is to be called again when it can.
   */
  ask(watch: () => Watch | undefined): void {
    const asked = watch();
    if (this.#asking || this.#waiters.size === 0 || asked === undefined) return;
    this.#asking = true;
    asked
      .requestProgress()
      .catch(() => undefined)
      .then(() => {
        this.#asking = false;
        // Progress comes in its place among the events, so a turn later it is known whether it was enough.
        if (this.#waiters.size > 0) this.#clock.after(askAgainMs, () => this.ask(watch));
      })
      .catch(() => {});
  }
}
