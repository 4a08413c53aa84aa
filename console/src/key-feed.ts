import { type Client, CompactedError, type WatchEvent } from '@lockstep/client';
import { EventLog } from './event-log.ts';
import { KeyList } from './key-list.ts';
import { pause } from './pause.ts';
import { bytesOf, failureText, preview } from './wording.ts';

/** So many keys are listed; of the others the page knows the number only. */
export const listedMax = 20_000;
const loggedMax = 500;
const retryMs = 1_000;

/** The keys with a prefix and what happens to them: a scan, then a watch from there on. */
export class KeyFeed {
  readonly list = new KeyList(listedMax);
  readonly log = new EventLog(loggedMax);
  readonly #client: Client;
  readonly #changed: () => void;
  #prefix = '';
  #state: 'reading' | 'live' = 'reading';
  #fault: string | undefined;
  #stop = new AbortController();

  constructor(client: Client, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
  }

  get prefix(): string {
    return this.#prefix;
  }

  /** Whether all keys are in and events follow. */
  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** Why the keys cannot be read just now. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Leaves the prefix it followed and begins with another. */
  follow(prefix: string): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#prefix = prefix;
    this.log.clear();
    this.#run(this.#stop.signal).catch((error: unknown) => {
      this.#fault = failureText(error);
      this.#changed();
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#watch(await this.#read(signal), signal);
      } catch (error) {
        if (signal.aborted) return;
        // History was given up while the page was away: what is there now is read again.
        if (error instanceof CompactedError) continue;
        this.#fault = failureText(error);
        this.#changed();
        await pause(retryMs, signal);
      }
    }
  }

  /** Reads the list; resolves with the revision it shows. */
  async #read(signal: AbortSignal): Promise<number> {
    const range = { prefix: this.#prefix };
    this.#state = 'reading';
    this.list.clear();
    this.#changed();
    const scan = this.#client.scan(range, { keysOnly: true, limit: listedMax, signal });
    for await (const chunk of scan.chunks()) {
      this.list.append(chunk.map((kv) => bytesOf(kv.wireKey)));
      this.#changed();
    }
    const revision = scan.revision ?? 0;
    const { count } = await this.#client.range(range, { countOnly: true, revision, signal });
    this.list.complete(count);
    this.#state = 'live';
    this.#fault = undefined;
    this.#changed();
    return revision;
  }

  async #watch(revision: number, signal: AbortSignal): Promise<void> {
    const watch = this.#client.watch({
      prefix: this.#prefix,
      startRevision: revision + 1,
      progressNotify: true,
      signal,
    });
    for await (const batch of watch.batches()) {
      for (const event of batch.events) this.#take(event);
      this.#changed();
    }
  }

  #take({ type, kv }: WatchEvent): void {
    const key = bytesOf(kv.wireKey);
    const isNew = type === 'put' && kv.version === 1;
    if (type === 'put') this.list.put(key, isNew);
    else this.list.delete(key);
    this.log.add({
      type,
      key,
      revision: kv.modRevision,
      isNew,
      preview: type === 'put' ? preview(bytesOf(kv.wireValue)) : '',
      at: new Date(),
    });
  }
}
