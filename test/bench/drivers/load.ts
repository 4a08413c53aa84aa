import type { DriverReport, Window } from '../model.ts';
import { Samples } from '../statistics.ts';
import type { Caller } from './caller.ts';
import { callerOpener } from './callers.ts';
import { nowMs } from './clock.ts';
import type { LoadJob, Task } from './job.ts';

/** A closed loop: each answer makes room for the next request on the same connection. */
export class Load implements Task {
  readonly #job: LoadJob;
  readonly #fail: (reason: string) => void;
  readonly #samples = new Samples();
  readonly #callers: Caller[] = [];
  #nextKey = 0;
  #underWay = 0;
  #answered = 0;
  #stopping = false;
  #drained: () => void = () => {};

  /** @param fail called when a connection is lost or a request refused; the run is then worthless. */
  constructor(job: LoadJob, fail: (reason: string) => void) {
    this.#job = job;
    this.#fail = fail;
  }

  async start(): Promise<void> {
    const open = callerOpener(this.#job.system, this.#job.operation, this.#job.keys);
    const starts = await Promise.all(
      this.#job.endpoints.map(
        (endpoint) =>
          new Promise<() => void>((resolve) => {
            const sentAtMs = new Float64Array(this.#job.inFlight);
            const send = (slot: number): void => {
              sentAtMs[slot] = nowMs();
              caller.send(slot, this.#nextKey);
              this.#nextKey = (this.#nextKey + 1) % this.#job.keys;
              this.#underWay++;
            };
            const caller = open(endpoint, {
              ready: () =>
                resolve(() => {
                  for (let slot = 0; slot < this.#job.inFlight; slot++) send(slot);
                  caller.flush();
                }),
              answered: (slot) => {
                this.#answer(sentAtMs[slot] ?? 0);
                if (!this.#stopping) send(slot);
              },
              failed: this.#fail,
            });
            this.#callers.push(caller);
          }),
      ),
    );
    for (const begin of starts) begin();
  }

  async stop(window: Window): Promise<DriverReport> {
    this.#stopping = true;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      if (this.#underWay === 0) resolve();
    });
    for (const caller of this.#callers) caller.close();
    const { count, p50Ms, p99Ms } = this.#samples.within(window);
    const answeredPuts = this.#job.operation === 'put' ? this.#answered : 0;
    return { operations: count, p50Ms, p99Ms, answeredPuts, unansweredPuts: 0 };
  }

  #answer(sentAtMs: number): void {
    const endMs = nowMs();
    this.#samples.add(endMs, endMs - sentAtMs);
    this.#answered++;
    this.#underWay--;
    if (this.#stopping && this.#underWay === 0) this.#drained();
  }
}
