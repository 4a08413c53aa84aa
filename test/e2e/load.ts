import { setTimeout as sleep } from 'node:timers/promises';
import { Client, LockstepError } from '@lockstep/client';

/** All keys of a load begin with this. */
export const loadPrefix = 'load/';

export interface LoadOptions {
  readonly endpoints: readonly string[];
  readonly clients: number;
  /** A client waits so long between two calls. */
  readonly pauseMs: number;
}

/** Every so many writes, a client reads what any client wrote last. */
const writesPerRead = 8;

export function valueFor(key: string): string {
  return `value of ${key}`;
}

/**
 * Clients with a connection each, spread over the members, that write one new key after the other
 * and keep book of what became of it. A key is written once, so what is found later tells all.
 */
export class Load {
  /** Keys whose write was answered, with the answer's revision. */
  readonly acknowledged = new Map<string, number>();
  /** Keys whose write has an unknown outcome: neither acknowledged nor lost. */
  readonly ambiguous = new Set<string>();
  /** Keys whose write was surely not carried out, with the error. */
  readonly refused = new Map<string, string>();
  /** Those of them, and reads, with an error that no later try at another member would avoid. */
  readonly failed = new Map<string, string>();
  /** Linearizable reads that did not see a write that was acknowledged before. */
  readonly staleReads: string[] = [];
  /** How often each error came. */
  readonly errors = new Map<string, number>();
  reads = 0;
  readonly #options: LoadOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[];
  #lastAcknowledged = '';
  #lastAt = performance.now();
  #longestGapMs = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.clients }, (_, at) => this.#client(at));
  }

  /** Begins to measure the longest time without any acknowledged write. */
  watchGaps(): void {
    this.#lastAt = performance.now();
    this.#longestGapMs = 0;
  }

  /** The longest time without an acknowledged write since {@link watchGaps}, in milliseconds. */
  get longestGapMs(): number {
    return Math.max(this.#longestGapMs, performance.now() - this.#lastAt);
  }

  /** Ends all clients after their present call. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #client(at: number): Promise<void> {
    const { endpoints, pauseMs } = this.#options;
    const first = at % endpoints.length;
    const rotated = [...endpoints.slice(first), ...endpoints.slice(0, first)];
    await using client = new Client({ endpoints: rotated });
    for (let number = 1; !this.#stopping.signal.aborted; number++) {
      if (number % writesPerRead === 0) await this.#read(client);
      await this.#write(client, `${loadPrefix}${at}/${number}`);
      await sleep(pauseMs);
    }
  }

  async #write(client: Client, key: string): Promise<void> {
    try {
      const { header } = await client.put(key, valueFor(key));
      this.acknowledged.set(key, header.revision);
      this.#lastAcknowledged = key;
      const now = performance.now();
      this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAt);
      this.#lastAt = now;
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      this.#count(error);
      if (error.ambiguous) this.ambiguous.add(key);
      else this.refused.set(key, `${error.code}: ${error.message}`);
      if (!error.ambiguous && !error.retryable) this.failed.set(key, error.message);
    }
  }

  async #read(client: Client): Promise<void> {
    const key = this.#lastAcknowledged;
    if (key === '') return;
    try {
      const found = await client.get(key);
      this.reads++;
      if (found?.value !== valueFor(key)) {
        this.staleReads.push(`${key} was acknowledged, and ${client.endpoint} did not have it`);
      }
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      this.#count(error);
      if (!error.retryable) this.failed.set(key, error.message);
    }
  }

  #count({ code, message }: LockstepError): void {
    const what = `${code}: ${message}`;
    this.errors.set(what, (this.errors.get(what) ?? 0) + 1);
  }
}
