/**
 * A program that watches, keeps a cache and holds a session while members of its cluster are killed, paused
 * and cut off, at random from one seed. Its code has no error handling: nothing may reach it but time.
 *
 *   node --conditions=source --import tsx test/acceptance/ride-through.ts --rounds 50
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Client, LiveCache, Session } from '@lockstep/client';
import { Random } from '../../server/src/core/base/random.ts';
import { until } from '../harness/processes.ts';
import { FaultyCluster } from './faulty-cluster.ts';

export interface RideOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

export interface RideResult {
  readonly written: number;
  readonly seen: number;
  readonly reconnects: number;
  /** The longest time that one put took. */
  readonly slowestPutMs: number;
  /** The least time that the session was still sure of its lease. */
  readonly leastRemainingMs: number;
  readonly faults: Readonly<Record<string, number>>;
}

const ttl = 20;

export async function ride({ rounds, seed, print }: RideOptions): Promise<RideResult> {
  const random = new Random(seed);
  const faulty = await FaultyCluster.plan();
  const { cluster, endpoints, faults } = faulty;
  const client = new Client({ endpoints, callTimeoutMs: 60_000 });
  const program = new Program(client);
  try {
    await cluster.start();
    await program.start();
    for (let round = 1; round <= rounds; round++) {
      const done = await faulty.breakOne(random);
      print(`round ${round}: ${done}`);
      await cluster.caughtUp();
      const before = program.written;
      await until('the program writes on', () => program.written > before);
    }
    return { ...(await program.finish()), faults };
  } finally {
    await client.close({ drainMs: 0 });
    await faulty.close();
  }
}

/** What a user might write, and no more: whatever it awaits has to come. */
class Program {
  readonly #client: Client;
  #session: Session | undefined;
  #cache: LiveCache | undefined;
  #watching: Promise<void> | undefined;
  #writing: Promise<void> | undefined;
  #failure: unknown;
  #stopped = false;
  #seen = 0;
  #reconnects = -1;
  #slowestPutMs = 0;
  #leastRemainingMs = Number.POSITIVE_INFINITY;
  written = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  async start(): Promise<void> {
    const client = this.#client;
    this.#session = await Session.open(client, { ttl });
    this.#cache = await LiveCache.open(client, { prefix: 'ride/' });
    const watch = client.watch({ prefix: 'ride/' });
    await watch.ready();
    const failed = (error: unknown): void => {
      this.#failure ??= error;
    };
    this.#watching = this.#watch(watch).catch(failed);
    this.#writing = this.#write().catch(failed);
    this.#count().catch(failed);
  }

  async #watch(
    watch: AsyncIterable<{ readonly key: string; readonly value: string }>,
  ): Promise<void> {
    for await (const { key, value } of watch) {
      if (key === 'ride/end') return;
      // Each write once, and in order.
      assert.equal(Number(value), ++this.#seen, 'the next event is the next write');
    }
  }

  async #write(): Promise<void> {
    const lease = this.#session?.leaseId ?? '';
    while (!this.#stopped) {
      const begin = performance.now();
      await this.#client.put('ride/counter', String(this.written + 1), { lease });
      this.#slowestPutMs = Math.max(this.#slowestPutMs, performance.now() - begin);
      this.written++;
      const remaining = this.#session?.remainingMs() ?? 0;
      this.#leastRemainingMs = Math.min(this.#leastRemainingMs, remaining);
      await sleep(5);
    }
  }

  async #count(): Promise<void> {
    for await (const { state } of this.#client.connections()) {
      if (state === 'connected') this.#reconnects++;
    }
  }

  async finish(): Promise<Omit<RideResult, 'faults'>> {
    this.#stopped = true;
    await this.#writing;
    const { header } = await this.#client.put('ride/end', '');
    await this.#watching;
    if (this.#failure !== undefined) throw this.#failure;
    this.#session?.assertValid();
    await this.#cache?.waitFor(header.revision, { timeoutMs: 10_000 });
    const kept = this.#cache?.get('ride/counter');
    assert.equal(kept?.value, String(this.written), 'the cache has the last write');
    assert.equal(kept.version, this.written, 'each write was run once');
    return {
      written: this.written,
      seen: this.#seen,
      reconnects: this.#reconnects,
      slowestPutMs: Math.round(this.#slowestPutMs),
      leastRemainingMs: Math.round(this.#leastRemainingMs),
    };
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
    },
  });
  const rounds = Number(values.rounds);
  const print = (line: string): void => console.log(line);
  console.log(await ride({ rounds, seed: Number(values.seed), print }));
}
