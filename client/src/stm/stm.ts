import { limits } from '@lockstep/client/protocol';
import type { CallOptions } from '../calls/call.ts';
import type { Client } from '../client.ts';
import type { Clock } from '../clock.ts';
import { text } from '../codec.ts';
import { wireOf } from '../connection/wire.ts';
import { CompactedError, ConflictError, DeadlineError, invalid, quoted } from '../errors.ts';
import { type KeyValue, wireSelector } from '../key-value.ts';
import { Space } from '../space.ts';
import { type Operation, op, type RangeOutcome } from '../txn.ts';
import { Attempt, type Isolation, type Transaction } from './attempt.ts';
import type { Dependence } from './reads.ts';

/** `timeoutMs` is for all runs together; default: the client's `callTimeoutMs`. */
export interface StmOptions extends CallOptions {
  /**
   * What must not have changed when the run's writes are made. `serializable-snapshot` (the default): nothing that was
   * read, so that it is as if the runs of all callers came one after the other. `snapshot`: only the keys that
   * are written; two callers may then each write what the other has read. Of a key that is written and was not read, a delete leaves
   * no trace and does not count.
   */
  readonly isolation?: Isolation;
  /** How many more runs there may be after the first. Default: as many as fit into `timeoutMs`. */
  readonly retries?: number;
}

const backoffBaseMs = 4;
const backoffCapMs = 250;
/** So many conditions are asked about when one did not hold: the answer stays small enough to be remembered. */
const namedMax = 16;

/**
 * Runs a function that reads and writes several keys, and makes its writes at one revision, if what it read is still so;
 * if not, it runs it again, after a short and random wait. So **the function may run several times**, and must do nothing else
 * than read and write by what it is given. Its result, or what it throws, is that of the last run; a
 * run that throws writes nothing.
 *
 * All reads of a run show one revision. One that only reads needs no second round trip. Over a client keys and
 * values are text; over a space they are those of the space.
 *
 * Not promised: that long functions over contended keys come through. Of those that meet, one always does.
 * @throws ConflictError when every run within the deadline, or within `retries`, met a change; DeadlineError; AmbiguousError
 * when it is not known whether the writes were made; what the function throws.
 */
export function stm<Result>(
  client: Client,
  change: (t: Transaction<string>) => Promise<Result> | Result,
  options?: StmOptions,
): Promise<Result>;
export function stm<Value, Result>(
  space: Space<Value>,
  change: (t: Transaction<Value>) => Promise<Result> | Result,
  options?: StmOptions,
): Promise<Result>;
export async function stm<Result>(
  of: Client | Space<string>,
  change: (t: Transaction<string>) => Promise<Result> | Result,
  options: StmOptions = {},
): Promise<Result> {
  if (of instanceof Attempt) {
    throw invalid('a transaction cannot hold another one: give it to the inner function instead');
  }
  return new Runs('client' in of ? of : new Space(of, '', text), options).run(change);
}

/** All runs of one call. */
class Runs<Value> {
  readonly #space: Space<Value>;
  readonly #clock: Clock;
  readonly #isolation: Isolation;
  readonly #signal: AbortSignal | undefined;
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #endsAt: number;
  readonly #describe: () => string;
  #count = 0;
  /** How long the last commit took. */
  #commitMs = 0;
  /** Why the last run counts for nothing. */
  #conflict: ConflictError | CompactedError | undefined;

  constructor(space: Space<Value>, options: StmOptions) {
    const wire = wireOf(space.client);
    const { isolation = 'serializable-snapshot', retries = Number.POSITIVE_INFINITY } = options;
    if (isolation !== 'serializable-snapshot' && isolation !== 'snapshot') {
      throw invalid(
        `isolation is ${JSON.stringify(isolation)}; it is serializable-snapshot or snapshot`,
      );
    }
    if (!(retries >= 0)) throw invalid(`retries is ${retries}; it must be 0 or more`);
    const { timeoutMs = wire.callTimeoutMs } = options;
    if (!(timeoutMs > 0)) {
      throw invalid(`timeoutMs is ${timeoutMs}; it must be a number of milliseconds above 0`);
    }
    this.#space = space;
    this.#clock = wire.clock;
    this.#describe = () => wire.describeFailures();
    this.#isolation = isolation;
    this.#retries = retries;
    this.#signal = options.signal;
    this.#timeoutMs = timeoutMs;
    this.#endsAt = wire.clock.now() + timeoutMs;
  }

  async run<Result>(change: (t: Transaction<Value>) => Promise<Result> | Result): Promise<Result> {
    for (;;) {
      this.#signal?.throwIfAborted();
      if (this.#isLate || this.#count > this.#retries) throw this.#late();
      this.#count++;
      const attempt = new Attempt(this.#space, this.#call());
      const ended = await this.#attempt(attempt, change);
      if (ended !== undefined && (await this.#commit(attempt))) return ended.result;
      await this.#pause();
    }
  }

  /** Better to know that nothing was written than to be cut off in the next commit. */
  get #isLate(): boolean {
    return this.#leftMs <= this.#commitMs;
  }

  get #leftMs(): number {
    return this.#endsAt - this.#clock.now();
  }

  #call(): CallOptions {
    const signal = this.#signal;
    return { timeoutMs: this.#leftMs, ...(signal === undefined ? {} : { signal }) };
  }

  /** Runs the function once. @returns undefined when the revision that it read was compacted meanwhile. */
  async #attempt<Result>(
    attempt: Attempt<Value>,
    change: (t: Transaction<Value>) => Promise<Result> | Result,
  ): Promise<{ readonly result: Result } | undefined> {
    let thrown: { readonly error: unknown } | undefined;
    let ended: { readonly result: Result } | undefined;
    try {
      ended = { result: await this.#bounded((async () => change(attempt))()) };
    } catch (error) {
      thrown = { error };
    }
    await attempt.end();
    const { readFailure } = attempt;
    if (readFailure?.error instanceof CompactedError) {
      this.#conflict = readFailure.error;
      return undefined;
    }
    // What kept it so long were conflicts, not this read.
    if (readFailure?.error instanceof DeadlineError && this.#conflict !== undefined) {
      throw this.#late();
    }
    if (thrown !== undefined) throw thrown.error;
    // A function that swallowed the error of a read has decided without knowing what is there.
    if (readFailure !== undefined) throw readFailure.error;
    return ended;
  }

  /** Makes the writes. @returns false when something that was read has changed. */
  async #commit(attempt: Attempt<Value>): Promise<boolean> {
    const success = attempt.operations;
    // What was read was all true at one moment within this call, and nothing is to be written.
    if (success.length === 0) return true;
    const dependences = attempt.dependences(this.#isolation);
    const { txnOperationsMax } = limits;
    if (Math.max(success.length, dependences.length) > txnOperationsMax) {
      throw invalid(
        `this run depends on ${dependences.length} keys and ranges and writes ${success.length} keys; ` +
          `a transaction takes at most ${txnOperationsMax} of each`,
      );
    }
    if (this.#isLate) throw this.#late();
    const sentAt = this.#clock.now();
    const asked = dependences.slice(0, namedMax);
    const reply = await this.#space.client.txn(
      {
        compare: dependences.map(({ condition }) => condition),
        success,
        failure: asked.map((dependence) => look(dependence, attempt.revision)),
      },
      this.#call(),
    );
    if (reply.succeeded) return true;
    this.#commitMs = this.#clock.now() - sentAt;
    this.#conflict = conflict(asked, reply.results, reply.header.revision);
    return false;
  }

  /** Waits, longer after each run and each time for another while, so that those who met do not meet again. */
  async #pause(): Promise<void> {
    const ceiling = Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(this.#count - 1, 16));
    const ms = Math.min(this.#clock.random() * ceiling, this.#leftMs);
    if (ms <= 0 || this.#count > this.#retries) return;
    let cancel = (): void => {};
    const pause = new Promise<void>((resolve) => {
      cancel = this.#clock.after(ms, resolve);
    });
    await this.#bounded(pause).finally(() => cancel());
  }

  #late(): Error {
    const runs = this.#count === 1 ? 'once' : `${this.#count} times`;
    if (this.#conflict instanceof ConflictError) {
      const { message, modRevision } = this.#conflict;
      return new ConflictError(`${message}. The function ran ${runs}`, modRevision);
    }
    if (this.#conflict !== undefined) return this.#conflict;
    const why = this.#describe();
    const because = why === '' ? '' : ` (${why})`;
    return new DeadlineError(
      `the transaction did not come to its end within ${this.#timeoutMs} ms${because}`,
    );
  }

  /** Ends with the call's deadline or signal, whatever the work does. */
  #bounded<Result>(work: Promise<Result>): Promise<Result> {
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        cancel();
        signal?.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        settle();
        reject(signal?.reason);
      };
      const cancel = this.#clock.after(Math.max(0, this.#leftMs), () => {
        settle();
        reject(this.#late());
      });
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
      work.then(resolve, reject).finally(settle);
    });
  }
}

/** Asks, where conditions did not hold, what is there instead. */
function look({ selector, modRevision }: Dependence, revision: number): Operation<RangeOutcome> {
  if (modRevision !== undefined) return op.range(selector, { keysOnly: true, limit: 1 });
  return op.range(selector, { keysOnly: true, limit: 1, minModRevision: revision + 1 });
}

function conflict(
  asked: readonly Dependence[],
  found: readonly RangeOutcome[],
  revision: number,
): ConflictError {
  for (const [at, { selector, modRevision }] of asked.entries()) {
    const kv = found[at]?.kvs[0];
    if (modRevision === undefined) {
      if (kv === undefined) continue;
      return new ConflictError(`${writtenAt(kv)}, in a range that was read before`, kv.modRevision);
    }
    if ((kv?.modRevision ?? 0) === modRevision) continue;
    if (kv === undefined) {
      const { key = '' } = wireSelector(selector);
      return new ConflictError(`${quoted(key)} was deleted after it was read`, 0);
    }
    return new ConflictError(`${writtenAt(kv)}, after it was read`, kv.modRevision);
  }
  return new ConflictError(`something that was read has changed by revision ${revision}`, revision);
}

function writtenAt({ wireKey, modRevision }: KeyValue): string {
  return `${quoted(wireKey)} was written at revision ${modRevision}`;
}
