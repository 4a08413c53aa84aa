import type { DriverReport, Window } from '../model.ts';
import { Samples } from '../statistics.ts';
import { nowMs } from './clock.ts';
import type { LockJob, Task } from './job.ts';
import { type LockClient, openLockClient } from './lock-clients.ts';

const ttlSeconds = 10;

/** Workers that take their lock and let it go, again and again. A latency is that of both together. */
export class LockCycles implements Task {
  readonly #job: LockJob;
  readonly #fail: (reason: string) => void;
  readonly #samples = new Samples();
  #client: LockClient | undefined;
  #workers: Promise<void>[] = [];
  #cycles = 0;
  #stopping = false;

  constructor(job: LockJob, fail: (reason: string) => void) {
    this.#job = job;
    this.#fail = fail;
  }

  async start(): Promise<void> {
    const { style, endpoint, workers } = this.#job;
    const client = await openLockClient(style, { endpoint, ttl: ttlSeconds });
    this.#client = client;
    this.#workers = Array.from({ length: workers }, (_, at) =>
      this.#work(client, `bench/lock-${at}`).catch((error: unknown) => this.#fail(String(error))),
    );
  }

  async stop(window: Window): Promise<DriverReport> {
    this.#stopping = true;
    await Promise.all(this.#workers);
    const changes = this.#cycles * (this.#client?.changesPerCycle ?? 0);
    await this.#client?.close();
    const { count, p50Ms, p99Ms } = this.#samples.within(window);
    return { operations: count, p50Ms, p99Ms, answeredPuts: changes, unansweredPuts: 0 };
  }

  async #work(client: LockClient, name: string): Promise<void> {
    while (!this.#stopping) {
      const since = nowMs();
      const lock = await client.acquire(name);
      await lock.release();
      const end = nowMs();
      this.#samples.add(end, end - since);
      this.#cycles++;
    }
  }
}
