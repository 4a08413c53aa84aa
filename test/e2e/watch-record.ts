import { Client, type KeyValue } from '@lockstep/client';

/** What one watcher saw, through all lost connections, to be compared with what happened. */
export class WatchRecord {
  readonly name: string;
  /** In the order of arrival. */
  readonly #seen: string[] = [];
  readonly #client: Client;
  readonly #done: Promise<void>;
  #startRevision = 0;
  #lastRevision = 0;
  #failure: unknown;
  readonly started: Promise<void>;

  /** `startRevision` 0 begins now. */
  constructor(
    name: string,
    endpoints: readonly string[],
    request: { readonly prefix: string; readonly startRevision?: number },
    options: { readonly learnEndpoints?: boolean } = {},
  ) {
    this.name = name;
    this.#client = new Client({ endpoints, ...options });
    const watch = this.#client.watch(request);
    this.started = watch.ready().then((revision) => {
      this.#startRevision = revision;
    });
    const run = async (): Promise<void> => {
      for await (const { type, kv } of watch) {
        this.#seen.push(eventLine(type, kv));
        this.#lastRevision = kv.modRevision;
      }
    };
    this.#done = run().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  get lastRevision(): number {
    return this.#lastRevision;
  }

  get count(): number {
    return this.#seen.length;
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#done;
  }

  /** What is wrong with what was seen: at most one sentence. `history` is in the order of revisions. */
  fault(history: readonly KeyValue[]): string | undefined {
    if (this.#failure !== undefined) return `${this.name} ended: ${String(this.#failure)}`;
    const expected = history
      .filter(({ modRevision }) => modRevision >= this.#startRevision)
      .map((kv) => eventLine('put', kv));
    const seen = this.#seen;
    const at = expected.findIndex((line, place) => seen[place] !== line);
    if (at === -1 && seen.length === expected.length) return undefined;
    const place = at === -1 ? expected.length : at;
    const [found = 'nothing', wanted = 'nothing'] = [seen[place], expected[place]];
    const twice = seen.indexOf(found) < place ? ', which it had seen before' : '';
    return `${this.name}: event ${place + 1} of ${expected.length} is "${found}"${twice}; it must be "${wanted}"`;
  }
}

function eventLine(type: string, { modRevision, key, value }: KeyValue): string {
  return `${modRevision} ${type} ${key}=${value}`;
}
