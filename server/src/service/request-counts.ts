import { type MethodName, TableError } from '@lockstep/client/protocol';
import { doubling, Histogram } from '../metrics/histogram.ts';
import type { RequestReading } from '../metrics/readings.ts';

/** In seconds: 0.25 ms to 8 s. */
const seconds = doubling(0.00025, 16);

/** A snapshot is no method with one answer, and counted like one. */
type Counted = MethodName | 'maintenance.snapshot';

class MethodCounts implements RequestReading {
  readonly method: string;
  readonly outcomes = new Map<string, number>();
  readonly seconds = new Histogram(seconds);

  constructor(method: string) {
    this.method = method;
  }

  note(outcome: string, tookMs: number): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    this.seconds.observe(tookMs / 1000);
  }
}

/** How the requests to one member ended, and how long they took. Only known methods are counted, so it stays small. */
export class RequestCounts {
  readonly #monotonicMs: () => number;
  readonly #methods = new Map<Counted, MethodCounts>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Runs the work of one request and counts its outcome, which is passed on as it is. */
  run<Outcome>(method: Counted, work: () => Outcome): Outcome {
    const since = this.#monotonicMs();
    try {
      const outcome = work();
      if (outcome instanceof Promise) {
        // Beside the caller, who waits for the outcome itself and is not delayed.
        outcome.then(
          () => this.#note(method, 'ok', since),
          (error: unknown) => this.#note(method, codeOf(error), since),
        );
      } else this.#note(method, 'ok', since);
      return outcome;
    } catch (error) {
      this.#note(method, codeOf(error), since);
      throw error;
    }
  }

  #note(method: Counted, outcome: string, sinceMs: number): void {
    let counts = this.#methods.get(method);
    if (counts === undefined) {
      counts = new MethodCounts(method);
      this.#methods.set(method, counts);
    }
    counts.note(outcome, this.#monotonicMs() - sinceMs);
  }

  readings(): readonly RequestReading[] {
    return [...this.#methods.values()];
  }
}

function codeOf(error: unknown): string {
  return error instanceof TableError ? error.code : 'internal';
}
