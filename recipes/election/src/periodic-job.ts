import { type Client, compare, invalid, type KeyValue, op, pause } from '@lockstep/client';
import { objectIn } from '@lockstep/locks/queueing';
import { Election, type ElectionOptions } from './election.ts';
import { type RunOptions, saysStop, warn } from './running.ts';
import type { Term } from './term.ts';

/** One run of a job. */
export interface JobRun {
  /** Counted from 1, over the whole fleet. */
  readonly number: number;
  /** When it began, by the wall clock of this member. */
  readonly startedAt: Date;
  /** When the run before it began, by the wall clock of the member that ran it; undefined for the first. */
  readonly lastStartedAt: Date | undefined;
  /** Aborts when the term is lost, or the job is stopped: then the task is to end. */
  readonly stop: AbortSignal;
}

export type JobTask = (term: Term, run: JobRun) => Promise<void> | void;

export interface PeriodicJobOptions extends Omit<ElectionOptions<string>, 'value' | 'codec'> {
  /** From one start to the next, in milliseconds. */
  readonly everyMs: number;
  readonly task: JobTask;
}

/** Until it is tried again to write down a start, in milliseconds. */
const retryMs = 1_000;

/**
 * A task that one member of a fleet runs again and again, at most once in a period: each start is written down, as a
 * transaction of the term, before the task runs. So a new leader knows when the last run began, and neither begins early
 * nor a second time. A run that was begun and broke off is not made up for: the next is due a period after it began.
 * What was missed while nobody led is one run, at once, and not one for each period; a task that takes longer than
 * a period delays the next one.
 *
 * Within one term, periods are counted by the monotonic clock. Not promised: that a new leader whose wall clock
 * differs from that of the last by some seconds does not begin its first run so much earlier or later; later than a
 * period after its term began it is never.
 */
export class PeriodicJob {
  readonly name: string;
  readonly #client: Client;
  readonly #election: Election;
  readonly #everyMs: number;
  readonly #task: JobTask;

  /** @throws InvalidError when the name or an option is wrong. */
  constructor(client: Client, name: string, options: PeriodicJobOptions) {
    const { everyMs, task, ...candidate } = options;
    if (!(everyMs > 0 && everyMs < Number.POSITIVE_INFINITY)) {
      throw invalid(`everyMs is ${everyMs}; it must be above 0 and no infinity`);
    }
    if (typeof task !== 'function') throw invalid('a job needs a task to run');
    this.#election = new Election(client, name, candidate);
    this.name = name;
    this.#client = client;
    this.#everyMs = everyMs;
    this.#task = task;
  }

  /** Whose members are the candidates: for `leader()`, `observe()` and `candidates()`. */
  get election(): Election {
    return this.#election;
  }

  /**
   * Takes part, as long as the signal allows: leads when it is elected, and then runs the task. Resolves after the signal
   * aborted, when a task that was running has ended.
   * @param options `onError` is also told of what the task throws; it is tried again when the next run is due.
   * @throws InvalidError when it takes part already; ClosedError when the client is closed.
   */
  async run(options: Omit<RunOptions, 'restart'> = {}): Promise<void> {
    const { onError = warn } = options;
    await this.#election.run((term, stop) => this.#lead(term, stop, onError), {
      ...options,
      onError,
    });
  }

  async #lead(term: Term, stop: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    const { clock } = this.#client;
    /** On the monotonic clock; unknown before a start was written down in this term. */
    let startedMs: number | undefined;
    while (!stop.aborted) {
      try {
        const last = await this.#last(stop);
        await pause(clock, this.#untilDue(last, startedMs), stop);
        if (stop.aborted) return;
        const nowMs = clock.now();
        const run = await this.#begin(term, last, stop);
        startedMs = run === undefined ? undefined : nowMs;
        if (run !== undefined) await this.#perform(term, run, onError);
      } catch (error) {
        if (saysStop(error, stop)) return;
        onError(error);
        // Whether it was written down is for the next look to say.
        startedMs = undefined;
        await pause(clock, retryMs, stop);
      }
    }
  }

  /** At most a period, whatever another member's clock said. */
  #untilDue(last: LastStart, startedMs: number | undefined): number {
    const { clock } = this.#client;
    const passed =
      startedMs === undefined ? clock.wall() - last.startedAt : clock.now() - startedMs;
    return Math.min(this.#everyMs, this.#everyMs - passed);
  }

  /** Writes a start down; undefined when somebody wrote another, so that it has to be looked again. */
  async #begin(term: Term, last: LastStart, stop: AbortSignal): Promise<JobRun | undefined> {
    const startedAt = this.#client.clock.wall();
    const number = last.number + 1;
    const { succeeded } = await term
      .txn()
      .if(compare.modRevision(this.#key, '=', last.modRevision))
      .do(op.put(this.#key, JSON.stringify({ number, startedAt })))
      .commit({ signal: stop });
    if (!succeeded) return undefined;
    const lastStartedAt = last.number === 0 ? undefined : new Date(last.startedAt);
    return { number, startedAt: new Date(startedAt), lastStartedAt, stop };
  }

  async #perform(term: Term, run: JobRun, onError: (error: unknown) => void): Promise<void> {
    try {
      await this.#task(term, run);
    } catch (error) {
      if (!saysStop(error, run.stop)) onError(error);
    }
  }

  async #last(signal: AbortSignal): Promise<LastStart> {
    const kv = await this.#client.get(this.#key, { signal });
    return kv === undefined ? never : lastStartIn(kv);
  }

  get #key(): string {
    return `${this.name}.last-run`;
  }
}

/** The newest run that was begun. */
interface LastStart {
  readonly number: number;
  readonly startedAt: number;
  readonly modRevision: number;
}

const never: LastStart = { number: 0, startedAt: Number.NEGATIVE_INFINITY, modRevision: 0 };

function lastStartIn(kv: KeyValue): LastStart {
  const { number, startedAt } = objectIn(kv);
  const { modRevision } = kv;
  // Whatever else stands there is written over.
  if (typeof number !== 'number' || typeof startedAt !== 'number') return { ...never, modRevision };
  return { number, startedAt, modRevision };
}
