import { type Client, type Compare, op } from '@lockstep/client';
import { HostRefusedError } from '../errors.ts';
import { type Kept, type Ledger, recordIn, type Written } from '../ledger.ts';
import { News } from '../news.ts';
import type { HostRecord } from '../policy/records.ts';
import type { Step } from '../policy/slots.ts';

interface OwnRecordOptions {
  readonly id: string;
  /** True while this agent speaks for the host. */
  readonly isOurs: Compare;
  readonly signal: AbortSignal;
}

/** The record of an agent's own host: what it writes is conditional on speaking for it, and it hears of news. */
export class OwnRecord {
  readonly #ledger: Ledger;
  readonly #options: OwnRecordOptions;
  readonly #client: Client;
  /** The revision up to which this agent knows all about its host. */
  #knownAt = 0;
  #newsAt = 0;
  readonly #news = new News();

  constructor(ledger: Ledger, options: OwnRecordOptions) {
    this.#ledger = ledger;
    this.#options = options;
    this.#client = ledger.client;
  }

  /** @throws HostRefusedError when this agent no longer speaks for the host. */
  async read(): Promise<HostRecord> {
    const { id, isOurs, signal } = this.#options;
    const key = this.#ledger.keys.host(id);
    const look = [op.get(key)] as const;
    const reply = await this.#client.txn(
      { compare: [isOurs], success: look, failure: look },
      { signal },
    );
    this.#knownAt = Math.max(this.#knownAt, reply.header.revision);
    const [{ kv }] = reply.results;
    if (kv === undefined) throw new HostRefusedError(`the host ${id} was decommissioned`);
    if (!reply.succeeded) {
      signal.throwIfAborted();
      throw new HostRefusedError(`another agent speaks for the host ${id} now`);
    }
    return recordIn(kv);
  }

  /** Writes what `make` gives. @returns undefined when nothing was to be written, or this agent no longer speaks for the host. */
  async change(
    make: (kept: Kept) => Step | undefined,
    conditions: readonly Compare[] = [],
  ): Promise<Written | undefined> {
    const { id, isOurs, signal } = this.#options;
    const options = { by: 'agent', if: [isOurs, ...conditions], signal };
    const written = await this.#ledger.change(id, make, options);
    // What it wrote itself is no news, or it would ask the host again at once, for ever.
    if (written !== undefined) this.#knownAt = Math.max(this.#knownAt, written.revision);
    return written;
  }

  /** Waits until something about the host was written, or so long. */
  async news(ms: number): Promise<void> {
    const { signal } = this.#options;
    if (this.#newsAt > this.#knownAt || signal.aborted) return;
    this.#news.clear();
    await this.#news.wait(this.#client.clock, ms, signal);
  }

  /** Runs the task while it listens for news. @throws what the task throws; what ends the watch. */
  async follow(task: () => Promise<void>): Promise<void> {
    const { id } = this.#options;
    const { keys } = this.#ledger;
    const own = [keys.host(id), keys.now(id), keys.alive(id)];
    const watch = this.#client.watch({
      ranges: own.map((key) => ({ key })),
      initial: true,
      onCompaction: 'relist',
    });
    const listening = (async () => {
      for await (const { revision } of watch.batches()) {
        this.#newsAt = Math.max(this.#newsAt, revision);
        if (this.#newsAt > this.#knownAt) this.#news.tell();
      }
    })();
    // Heard below; a watch that ends first ends nothing but the news, and the poll goes on.
    listening.catch(() => {});
    try {
      await task();
    } finally {
      watch.close();
      await listening.catch(() => {});
    }
  }
}
