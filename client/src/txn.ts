import type {
  CompareOperator,
  Header,
  LeaseId,
  TxnOperation,
  TxnOperationResult,
  TxnParams,
  TxnResult,
  Compare as WireCompare,
} from '@lockstep/client/protocol';
import { LockstepError } from './errors.ts';
import { type Bytes, type KeyValue, type Selector, wireOf, wireSelector } from './key-value.ts';
import type {
  DeleteOptions,
  DeleteReply,
  KeepValueOptions,
  PutOptions,
  PutReply,
  RangeOptions,
  RangeReply,
  ReadOptions,
} from './options.ts';
import {
  deleteParams,
  deleteReply,
  prevKvOf,
  putParams,
  rangeParams,
  rangeReply,
} from './params.ts';

/** A condition of a transaction, made by {@link compare}. */
export class Compare {
  readonly wire: WireCompare;
  constructor(wire: WireCompare) {
    this.wire = wire;
  }
}

/**
 * Conditions on one key or on every key of a selection. A key that is absent has version, revisions
 * and lease 0, and no condition on its value holds.
 */
export const compare = {
  /** The key is there; of a range, every key is (and a range without keys is not). */
  exists: (key: Selector): Compare => compare.version(key, '>', 0),
  /** There is no such key, or none in the range. */
  missing: (key: Selector): Compare => compare.version(key, '=', 0),
  version: (key: Selector, operator: CompareOperator, operand: number): Compare =>
    condition(key, 'version', operator, operand),
  createRevision: (key: Selector, operator: CompareOperator, operand: number): Compare =>
    condition(key, 'create', operator, operand),
  modRevision: (key: Selector, operator: CompareOperator, operand: number): Compare =>
    condition(key, 'mod', operator, operand),
  value: (key: Selector, operator: CompareOperator, operand: Bytes): Compare =>
    condition(key, 'value', operator, wireOf(operand)),
  lease: (key: Selector, operator: CompareOperator, operand: LeaseId): Compare =>
    condition(key, 'lease', operator, operand),
};

function condition(
  key: Selector,
  target: WireCompare['target'],
  operator: CompareOperator,
  operand: WireCompare['operand'],
): Compare {
  return new Compare({ ...wireSelector(key), target, operator, operand });
}

/** One step of a transaction, made by {@link op}, and how to read its answer. */
export class Operation<Result> {
  readonly wire: TxnOperation;
  /** False when it only reads. */
  readonly changes: boolean;
  readonly #read: (result: TxnOperationResult) => Result | undefined;

  constructor(
    wire: TxnOperation,
    changes: boolean,
    read: (result: TxnOperationResult) => Result | undefined,
  ) {
    this.wire = wire;
    this.changes = changes;
    this.#read = read;
  }

  /** The same step, with its result in another shape. */
  map<Shaped>(shape: (result: Result) => Shaped): Operation<Shaped> {
    return new Operation(this.wire, this.changes, (result) => {
      const read = this.#read(result);
      return read === undefined ? undefined : shape(read);
    });
  }

  /** @throws LockstepError `protocol_violation` when it is the answer to something else. */
  read(result: TxnOperationResult | undefined): Result {
    const read = result === undefined ? undefined : this.#read(result);
    if (read !== undefined) return read;
    const message = 'the member answered an operation of the transaction with something else';
    throw new LockstepError('protocol_violation', message);
  }
}

/** `revision` is the store's after the operation. */
export type PutOutcome = Omit<PutReply, 'header'> & { readonly revision: number };
export type RangeOutcome = Omit<RangeReply, 'header'> & { readonly revision: number };
export type DeleteOutcome = Omit<DeleteReply, 'header'> & { readonly revision: number };
export interface GetOutcome {
  /** Undefined when there is no such key. */
  readonly kv: KeyValue | undefined;
  readonly revision: number;
}

/** An operation has no deadline of its own: its transaction has. */
type Step<Options> = Omit<Options, 'timeoutMs' | 'signal'>;

function put(key: Bytes, value: Bytes, options?: Step<PutOptions>): Operation<PutOutcome>;
function put(key: Bytes, value: undefined, options: Step<KeepValueOptions>): Operation<PutOutcome>;
function put(
  key: Bytes,
  value: Bytes | undefined,
  options: Step<PutOptions> = {},
): Operation<PutOutcome> {
  return new Operation({ put: putParams(key, value, options) }, true, ({ put: result }) =>
    result === undefined ? undefined : { prevKv: prevKvOf(result), revision: result.revision },
  );
}

function range(selector: Selector, options: Step<RangeOptions> = {}): Operation<RangeOutcome> {
  return new Operation({ range: rangeParams(selector, options) }, false, ({ range: result }) =>
    result === undefined ? undefined : { ...rangeReply(result), revision: result.revision },
  );
}

function get(
  key: Bytes,
  options: Step<ReadOptions> & { readonly keysOnly?: boolean } = {},
): Operation<GetOutcome> {
  return range(key, options).map(({ kvs, revision }) => ({ kv: kvs[0], revision }));
}

function remove(selector: Selector, options: Step<DeleteOptions> = {}): Operation<DeleteOutcome> {
  const wire = { deleteRange: deleteParams(selector, options) };
  return new Operation(wire, true, ({ deleteRange: result }) =>
    result === undefined ? undefined : { ...deleteReply(result), revision: result.revision },
  );
}

function txn<
  const Success extends Operations = readonly [],
  const Failure extends Operations = readonly [],
>(
  request: TxnRequest<Success, Failure>,
): Operation<TxnOutcome<Success, Failure> & { readonly revision: number }> {
  const { params, changes } = txnParams(request);
  return new Operation({ txn: params }, changes, ({ txn: result }) =>
    result === undefined
      ? undefined
      : { ...txnOutcome(request, result), revision: result.revision },
  );
}

/** The steps that a transaction can have. */
export const op = { put, get, range, delete: remove, txn };

export type Operations = readonly Operation<unknown>[];

/** If every condition holds, the operations of `success` are run, else those of `failure`: at one revision, all or nothing. */
export interface TxnRequest<Success extends Operations, Failure extends Operations> {
  readonly compare?: readonly Compare[];
  readonly success?: Success;
  readonly failure?: Failure;
}

/** The results of operations, each of its own type and in its place. */
export type Results<Of extends Operations> = {
  readonly [At in keyof Of]: Of[At] extends Operation<infer Result> ? Result : never;
};

/** Asking `succeeded` tells the compiler as well which operations were run. */
export type TxnOutcome<Success extends Operations, Failure extends Operations> =
  | { readonly succeeded: true; readonly results: Results<Success> }
  | { readonly succeeded: false; readonly results: Results<Failure> };

export type TxnReply<Success extends Operations, Failure extends Operations> = TxnOutcome<
  Success,
  Failure
> & { readonly header: Header };

export function txnParams(request: TxnRequest<Operations, Operations>): {
  readonly params: TxnParams;
  readonly changes: boolean;
} {
  const { compare: conditions = [], success = [], failure = [] } = request;
  return {
    params: {
      ...(conditions.length === 0 ? {} : { compare: conditions.map(({ wire }) => wire) }),
      ...(success.length === 0 ? {} : { success: success.map(({ wire }) => wire) }),
      ...(failure.length === 0 ? {} : { failure: failure.map(({ wire }) => wire) }),
    },
    changes: [...success, ...failure].some(({ changes }) => changes),
  };
}

export function txnOutcome<Success extends Operations, Failure extends Operations>(
  request: TxnRequest<Success, Failure>,
  { succeeded, results }: Omit<TxnResult, 'header'>,
): TxnOutcome<Success, Failure> {
  const run = (succeeded ? request.success : request.failure) ?? [];
  const read = run.map((operation, at) => operation.read(results[at]));
  // Each result was made by the operation in its place, which is what the type says.
  return { succeeded, results: read } as unknown as TxnOutcome<Success, Failure>;
}
