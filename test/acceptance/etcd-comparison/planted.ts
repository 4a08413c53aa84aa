import type {
  Answer,
  Call,
  ComparedStore,
  Operation,
  OperationAnswer,
  Txn,
  WatchLog,
} from './model.ts';

export interface Fault {
  /** Changes what is asked of the store. */
  readonly request?: (call: Call, store: ComparedStore) => Call | Promise<Call>;
  /** Changes what it answers to what it was asked. */
  readonly answer?: (call: Call, answer: Answer) => Answer;
  /** Changes what a watch was told. */
  readonly log?: (log: WatchLog) => WatchLog;
}

/** A store with a fault before it. */
export class PlantedStore implements ComparedStore {
  readonly #store: ComparedStore;
  readonly #fault: Fault;

  constructor(store: ComparedStore, fault: Fault) {
    this.#store = store;
    this.#fault = fault;
  }

  get name(): string {
    return this.#store.name;
  }

  async call(request: Call): Promise<Answer> {
    const asked = (await this.#fault.request?.(request, this.#store)) ?? request;
    const answer = await this.#store.call(asked);
    return this.#fault.answer?.(request, answer) ?? answer;
  }

  watchLog(watch: number): WatchLog {
    const log = this.#store.watchLog(watch);
    return this.#fault.log?.(log) ?? log;
  }

  cancel(watch: number, revision: number): Promise<void> {
    return this.#store.cancel(watch, revision);
  }

  settle(revision: number): Promise<void> {
    return this.#store.settle(revision);
  }

  closeWatches(): Promise<void> {
    return this.#store.closeWatches();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

/** Changes every operation of a call. */
export function eachOperation(change: (operation: Operation) => Operation): (call: Call) => Call {
  const within = (operation: Operation): Operation => {
    if (operation.kind !== 'txn') return change(operation);
    const success = operation.success.map(within);
    return change({ ...operation, success, failure: operation.failure.map(within) });
  };
  return (call) => (isOperation(call) ? within(call) : call);
}

/** Changes every operation's answer. */
export function eachAnswer(
  change: (operation: Operation, answer: OperationAnswer) => OperationAnswer,
): (call: Call, answer: Answer) => Answer {
  const within = (operation: Operation, answer: OperationAnswer): OperationAnswer => {
    if (operation.kind !== 'txn' || answer.kind !== 'txn') return change(operation, answer);
    const run = answer.succeeded ? operation.success : operation.failure;
    const results = answer.results.map((result, at) => {
      const inner = run[at];
      return inner === undefined ? result : within(inner, result);
    });
    return change(operation, { ...answer, results });
  };
  return (call, answer) =>
    isOperation(call) && isOperationAnswer(answer) ? within(call, answer) : answer;
}

export function isOperation(call: Call): call is Operation {
  return ['range', 'put', 'deleteRange', 'txn'].includes(call.kind);
}

export function isOperationAnswer(answer: Answer): answer is OperationAnswer {
  return ['range', 'put', 'deleteRange', 'txn'].includes(answer.kind);
}

/** Conditions that hold, or do not, whatever there is. */
export function decided(txn: Txn, holds: boolean): Txn {
  const [any] = txn.compare;
  if (any === undefined || holds) return { ...txn, compare: [] };
  return { ...txn, compare: [{ ...any, target: 'version', operator: '<', operand: 0 }] };
}
