import { get } from './http-get.ts';

/** Who asks hangs up then, and the proxy counts that as failed. */
const patienceMs = 10_000;

/** Asks a proxy at a steady rate, whether or not earlier requests have been answered. */
export class Load {
  readonly #inFlight = new Set<Promise<boolean>>();
  readonly #timer: NodeJS.Timeout;

  constructor(port: number, everyMs: number) {
    this.#timer = setInterval(() => {
      // What becomes of it is the proxy's to count.
      const call: Promise<boolean> = get(port, '/', patienceMs).then(
        () => this.#inFlight.delete(call),
        () => this.#inFlight.delete(call),
      );
      this.#inFlight.add(call);
    }, everyMs);
  }

  /** Sends no more, and waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#inFlight);
  }
}
