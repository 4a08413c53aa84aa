import { type Client, CompactedError, type KeyValue } from '@lockstep/client';
import { failureText } from './wording.ts';

const versionsPerRead = 10;

/** The earlier versions of a key, newest first, each read at the revision before the one that replaced it. */
export class KeyHistory {
  readonly #client: Client;
  readonly #key: Uint8Array;
  readonly #changed: () => void;
  readonly #signal: AbortSignal;
  #versions: KeyValue[] = [];
  #state: 'closed' | 'reading' | 'partial' | 'complete' = 'closed';
  /** Why there are no older ones, or why they cannot be read. */
  #end: string | undefined;

  constructor(client: Client, key: Uint8Array, changed: () => void, signal: AbortSignal) {
    this.#client = client;
    this.#key = key;
    this.#changed = changed;
    this.#signal = signal;
  }

  get versions(): readonly KeyValue[] {
    return this.#versions;
  }

  get state(): 'closed' | 'reading' | 'partial' | 'complete' {
    return this.#state;
  }

  get end(): string | undefined {
    return this.#end;
  }

  /** A version that has just been replaced. */
  replaced(kv: KeyValue): void {
    if (this.#state !== 'closed') this.#versions = [kv, ...this.#versions];
  }

  /** Reads some more versions, those before `current` first. Never rejects. */
  async read(current: KeyValue): Promise<void> {
    if (this.#state === 'reading') return;
    this.#state = 'reading';
    this.#end = undefined;
    this.#changed();
    try {
      this.#state = (await this.#readSome(current)) ? 'complete' : 'partial';
    } catch (error) {
      if (this.#signal.aborted) return;
      const isGone = error instanceof CompactedError;
      this.#state = isGone ? 'complete' : 'partial';
      this.#end = isGone ? 'Older versions are compacted away.' : failureText(error);
    }
    this.#changed();
  }

  /** Resolves with whether there is nothing older. */
  async #readSome(current: KeyValue): Promise<boolean> {
    for (let read = 0; read < versionsPerRead; read++) {
      const last = this.#versions.at(-1) ?? current;
      if (last.modRevision === last.createRevision) {
        this.#end = `Created at revision ${last.createRevision}.`;
        return true;
      }
      const revision = last.modRevision - 1;
      const earlier = await this.#client.get(this.#key, { revision, signal: this.#signal });
      if (earlier === undefined) return true;
      this.#versions = [...this.#versions, earlier];
      this.#changed();
    }
    const last = this.#versions.at(-1);
    return last !== undefined && last.modRevision === last.createRevision;
  }
}
