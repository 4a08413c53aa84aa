import type { CallOptions } from './calls/call.ts';
import type { Compare, Operations, TxnReply, TxnRequest } from './txn.ts';

type Run = <const Success extends Operations, const Failure extends Operations>(
  request: TxnRequest<Success, Failure>,
  options: CallOptions,
) => Promise<TxnReply<Success, Failure>>;

/**
 * A transaction that is put together step by step. Each step gives a new builder and changes none, so a
 * part can be kept and used again. Nothing is sent before {@link commit}; and no step is named
 * `then`, by which `await` would take the builder for a promise.
 */
export class TxnBuilder<Success extends Operations, Failure extends Operations> {
  readonly #run: Run;
  readonly #compare: readonly Compare[];
  readonly #success: Success;
  readonly #failure: Failure;

  /** Made by `client.txn()`. */
  constructor(run: Run, compare: readonly Compare[], success: Success, failure: Failure) {
    this.#run = run;
    this.#compare = compare;
    this.#success = success;
    this.#failure = failure;
  }

  /** Further conditions; all must hold. */
  if(...conditions: readonly Compare[]): TxnBuilder<Success, Failure> {
    const compare = [...this.#compare, ...conditions];
    return new TxnBuilder(this.#run, compare, this.#success, this.#failure);
  }

  /** Further operations for when all conditions hold. */
  do<const Steps extends Operations>(
    ...operations: Steps
  ): TxnBuilder<readonly [...Success, ...Steps], Failure> {
    const success = [...this.#success, ...operations] as const;
    return new TxnBuilder(this.#run, this.#compare, success, this.#failure);
  }

  /** Further operations for when a condition does not hold. */
  else<const Steps extends Operations>(
    ...operations: Steps
  ): TxnBuilder<Success, readonly [...Failure, ...Steps]> {
    const failure = [...this.#failure, ...operations] as const;
    return new TxnBuilder(this.#run, this.#compare, this.#success, failure);
  }

  /** Runs it. The results have the types of the operations of the branch that `succeeded` names. Throws as `client.txn` does. */
  commit(options: CallOptions = {}): Promise<TxnReply<Success, Failure>> {
    const request = { compare: this.#compare, success: this.#success, failure: this.#failure };
    return this.#run<Success, Failure>(request, options);
  }
}
