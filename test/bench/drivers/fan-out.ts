import type { DriverReport, Window } from '../model.ts';
import { Samples } from '../statistics.ts';
import { type Caller, slotsMax, type Watcher } from './caller.ts';
import { callerOpener, openWatcher } from './callers.ts';
import { nowMs } from './clock.ts';
import type { Task, WatchJob } from './job.ts';

/**
 * Watches on many connections and one writer. A put counts as delivered on a connection when the
 * connection has received `watches` events for each put up to it; at the end every watch must have
 * received every put exactly once.
 */
export class FanOut implements Task {
  readonly #job: WatchJob;
  readonly #fail: (reason: string) => void;
  readonly #deliveries = new Samples();
  readonly #watchers: Watcher[] = [];
  /** Events received, and puts delivered, by connection. */
  readonly #received: Float64Array;
  readonly #delivered: Float64Array;
  /** When put number n was sent, at n modulo the puts that may be under way. */
  readonly #sentAtMs: Float64Array;
  /** How many connections have put number n, at n modulo the puts that may be under way. */
  readonly #reached: Float64Array;
  #writer: Caller | undefined;
  readonly #freeSlots = Array.from({ length: slotsMax }, (_, slot) => slot);
  #sent = 0;
  #answered = 0;
  /** Puts that every connection has. */
  #complete = 0;
  #stopping = false;
  #drained: () => void = () => {};

  /** @param fail called when a connection or a watch is lost; the run is then worthless. */
  constructor(job: WatchJob, fail: (reason: string) => void) {
    this.#job = job;
    this.#fail = fail;
    this.#received = new Float64Array(job.endpoints.length);
    this.#delivered = new Float64Array(job.endpoints.length);
    this.#sentAtMs = new Float64Array(job.putsUnderWay);
    this.#reached = new Float64Array(job.putsUnderWay);
  }

  async start(): Promise<void> {
    const { system, endpoints, watchesPerConnection, writer } = this.#job;
    await Promise.all(
      endpoints.map(
        (endpoint, connection) =>
          new Promise<void>((resolve) => {
            const watcher = openWatcher(system, endpoint, watchesPerConnection, {
              ready: resolve,
              events: (count) => this.#receive(connection, count),
              failed: this.#fail,
            });
            this.#watchers.push(watcher);
          }),
      ),
    );
    await new Promise<void>((resolve) => {
      this.#writer = callerOpener(
        system,
        'put',
        1,
      )(writer, {
        ready: resolve,
        answered: (slot) => {
          this.#answered++;
          this.#freeSlots.push(slot);
          this.#write();
          this.#checkDrained();
        },
        failed: this.#fail,
      });
    });
    this.#write();
  }

  async stop(window: Window): Promise<DriverReport> {
    this.#stopping = true;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      this.#checkDrained();
    });
    this.#writer?.close();
    for (const watcher of this.#watchers) watcher.close();
    const { count, p50Ms, p99Ms } = this.#deliveries.within(window);
    return {
      operations: count * this.#job.watchesPerConnection,
      p50Ms,
      p99Ms,
      answeredPuts: this.#answered,
      unansweredPuts: 0,
    };
  }

  /** Sends puts until as many as allowed are under way. */
  #write(): void {
    while (!this.#stopping && this.#sent - this.#complete < this.#job.putsUnderWay) {
      const slot = this.#freeSlots.pop();
      if (slot === undefined) break;
      this.#sentAtMs[this.#sent % this.#job.putsUnderWay] = nowMs();
      this.#sent++;
      this.#writer?.send(slot, 0);
    }
    this.#writer?.flush();
  }

  #receive(connection: number, count: number): void {
    const received = (this.#received[connection] ?? 0) + count;
    this.#received[connection] = received;
    const watches = this.#job.watchesPerConnection;
    if (received > this.#sent * watches) this.#fail('a watch got an event twice');
    const delivered = Math.floor(received / watches);
    const endMs = nowMs();
    for (let put = this.#delivered[connection] ?? 0; put < delivered; put++) {
      const at = put % this.#job.putsUnderWay;
      this.#deliveries.add(endMs, endMs - (this.#sentAtMs[at] ?? 0));
      this.#reach(at);
    }
    this.#delivered[connection] = delivered;
    this.#write();
    this.#checkDrained();
  }

  #reach(at: number): void {
    const reached = (this.#reached[at] ?? 0) + 1;
    if (reached < this.#job.endpoints.length) {
      this.#reached[at] = reached;
    } else {
      this.#reached[at] = 0;
      this.#complete++;
    }
  }

  #checkDrained(): void {
    const done = this.#complete === this.#sent && this.#answered === this.#sent;
    if (this.#stopping && done) this.#drained();
  }
}
