/** What a store could get wrong. The comparison is worth what it finds of these. */
import { errorTable } from '@lockstep/client/protocol';
import { isOpenEnd, noKey } from './key-space.ts';
import type {
  Answer,
  ComparedStore,
  Condition,
  Operation,
  Pair,
  Put,
  Range,
  Txn,
  WatchLog,
} from './model.ts';
import { decided, eachAnswer, eachOperation, type Fault, PlantedStore } from './planted.ts';
import { readOne } from './reads.ts';

/** Each is made anew for a run, since some remember what they have seen. */
export const plantedFaults: Readonly<Record<string, () => Fault>> = {
  'a version is one too high from 3 on': () =>
    pairs((pair) => (pair.version < 3 ? pair : { ...pair, version: pair.version + 1 })),
  'the count ends at the limit': () => ({
    answer: eachAnswer((_, answer) =>
      answer.kind === 'range' && answer.more ? { ...answer, count: answer.kvs.length } : answer,
    ),
  }),
  'more is never true': () => ({
    answer: eachAnswer((_, answer) =>
      answer.kind === 'range' ? { ...answer, more: false } : answer,
    ),
  }),
  'a put does not tell the pair before it': () => ({
    answer: eachAnswer((_, answer) =>
      answer.kind === 'put' ? { ...answer, prevKv: undefined } : answer,
    ),
  }),
  'deleting nothing makes a revision': revisionForNothing,
  'an error has another text': () => refusals('key_not_found', { text: 'etcdserver: no such key' }),
  'an error has another gRPC code': () => refusals('lease_not_found', { grpc: 3 }),
  'a condition on the value of a key that is not there holds': () => ({
    request: async (call, store) =>
      call.kind === 'txn' ? { ...call, compare: await withoutAbsent(call, store) } : call,
  }),
  'a condition of an inner transaction sees the writes before it': () => ({
    request: (call) => (call.kind === 'txn' ? seeingWrites(call, new Map()) : call),
  }),
  'pairs that are equal come the other way round when descending': () => ({
    answer: eachAnswer((operation, answer) =>
      operation.kind === 'range' && operation.sortOrder === 'descend' && answer.kind === 'range'
        ? { ...answer, kvs: tiesReversed(answer.kvs, operation.sortTarget) }
        : answer,
    ),
  }),
  'a watch loses a revision': () => ({
    log: ({ revisions, faults }) => ({ faults, revisions: revisions.filter((_, at) => at !== 4) }),
  }),
  'a watch is told a revision twice': () => ({
    log: ({ revisions, faults }) => ({
      faults,
      revisions: revisions.flatMap((each, at) => (at === 3 ? [each, each] : [each])),
    }),
  }),
  'a revision of a watch is split': () => ({ log: split }),
  'a delete of a watch has no pair before it': () => ({
    log: ({ revisions, faults }) => ({
      faults,
      revisions: revisions.map(({ revision, events }) => ({
        revision,
        events: events.map((event) =>
          event.type === 'delete' ? { ...event, prevKv: undefined } : event,
        ),
      })),
    }),
  }),
  'a watch that leaves out deletes is told them': () => ({
    request: (call) => (call.kind === 'watch' ? { ...call, noDelete: false } : call),
  }),
  'a watch from the past begins one revision late': () => ({
    request: (call) =>
      call.kind === 'watch' && call.startRevision > 0
        ? { ...call, startRevision: call.startRevision + 1 }
        : call,
    answer: (call, answer) =>
      call.kind === 'watch' && call.startRevision > 0 && answer.kind === 'watch'
        ? { ...answer, startRevision: call.startRevision }
        : answer,
  }),
  'a put without a lease leaves the key at its lease': () => ({
    request: async (call, store) =>
      call.kind === 'put' && call.lease === '0' && (await isThere(store, call))
        ? { ...call, ignoreLease: true }
        : call,
  }),
  'a put that keeps the lease drops it': () => ({
    request: async (call, store) =>
      call.kind === 'put' && call.lease === '0' && (await isThere(store, call))
        ? { ...call, ignoreLease: false }
        : call,
  }),
  'a read of keys only tells values': () => ({
    request: eachOperation((operation) =>
      operation.kind === 'range' ? { ...operation, keysOnly: false } : operation,
    ),
  }),
  'a read of the past tells the present': () => ({
    request: async (call, store) =>
      call.kind === 'range' && (await store.call(call)).kind === 'range'
        ? { ...call, revision: 0 }
        : call,
  }),
  'a compaction stops one revision early': () => ({
    request: (call) =>
      call.kind === 'compact' && call.revision > 0
        ? { ...call, revision: call.revision - 1 }
        : call,
  }),
  'the lowest revision of a filter is left out itself': () => ({
    request: eachOperation((operation) =>
      operation.kind === 'range' && operation.minModRevision > 0
        ? { ...operation, minModRevision: operation.minModRevision + 1 }
        : operation,
    ),
  }),
  'the end of a range belongs to it': () => ({
    request: eachOperation((operation) => withEnd(operation)),
  }),
  'a lease forgets one of its keys': () => ({
    answer: (_, answer) =>
      answer.kind === 'timeToLive' ? { ...answer, keys: answer.keys.slice(1) } : answer,
  }),
  'an operation of a transaction tells the revision before it': () => ({
    answer: (call, answer) => {
      if (call.kind !== 'txn' || answer.kind !== 'txn') return answer;
      const results = answer.results.map((result) =>
        result.kind === 'put' ? { ...result, revision: result.revision - 1 } : result,
      );
      return { ...answer, results };
    },
  }),
};

export function plant(fault: Fault): (store: ComparedStore) => ComparedStore {
  return (store) => new PlantedStore(store, fault);
}

function pairs(change: (pair: Pair) => Pair): Fault {
  return {
    answer: eachAnswer((_, answer) =>
      answer.kind === 'range' ? { ...answer, kvs: answer.kvs.map(change) } : answer,
    ),
  };
}

function refusals(code: keyof typeof errorTable, wrong: { text?: string; grpc?: number }): Fault {
  const { text } = errorTable[code];
  return {
    answer: (_, answer) =>
      answer.kind === 'refused' && answer.text.startsWith(text) ? { ...answer, ...wrong } : answer,
  };
}

function revisionForNothing(): Fault {
  let more = 0;
  return {
    answer: (call, answer): Answer => {
      const isNothing = answer.kind === 'deleteRange' && answer.deleted === 0;
      if (call.kind === 'deleteRange' && isNothing) more++;
      return 'revision' in answer ? { ...answer, revision: answer.revision + more } : answer;
    },
  };
}

function tiesReversed(kvs: readonly Pair[], target: Range['sortTarget']): Pair[] {
  const fields = { create: 'createRevision', mod: 'modRevision' } as const;
  const field = target === 'create' || target === 'mod' ? fields[target] : target;
  const left = [...kvs];
  const sorted: Pair[] = [];
  while (left.length > 0) {
    const end = left.findIndex((pair) => pair[field] !== left[0]?.[field]);
    sorted.push(...left.splice(0, end < 0 ? left.length : end).reverse());
  }
  return sorted;
}

function split({ revisions, faults }: WatchLog): WatchLog {
  return {
    faults,
    revisions: revisions.flatMap(({ revision, events }) =>
      events.length < 2
        ? [{ revision, events }]
        : [
            { revision, events: events.slice(0, 1) },
            { revision, events: events.slice(1) },
          ],
    ),
  };
}

function withEnd(operation: Operation): Operation {
  if (operation.kind !== 'range' && operation.kind !== 'deleteRange') return operation;
  const { rangeEnd } = operation;
  if (rangeEnd === noKey || isOpenEnd(rangeEnd)) return operation;
  // The first key after the end; both are byte strings.
  return { ...operation, rangeEnd: `${rangeEnd}\0` as Put['key'] };
}

async function isThere(store: ComparedStore, { key }: Pick<Put, 'key'>): Promise<boolean> {
  if (key === '') return false;
  const answer = await store.call(readOne(key));
  return answer.kind === 'range' && answer.count > 0;
}

async function withoutAbsent(txn: Txn, store: ComparedStore): Promise<Condition[]> {
  const kept: Condition[] = [];
  for (const condition of txn.compare) {
    const isOne = condition.target === 'value' && condition.rangeEnd === noKey;
    if (!isOne || (await isThere(store, condition))) kept.push(condition);
  }
  return kept;
}

/** The transaction with its inner conditions decided by what was put before them, where all of them are about that. */
function seeingWrites(txn: Txn, before: ReadonlyMap<string, string>): Txn {
  const branch = (operations: readonly Operation[]): Operation[] => {
    const written = new Map(before);
    return operations.map((operation) => {
      if (operation.kind === 'put' && !operation.ignoreValue) {
        written.set(operation.key, operation.value);
      }
      if (operation.kind !== 'txn') return operation;
      const verdicts = operation.compare.map((each) => verdict(each, written));
      const seen = verdicts.every((each) => each !== undefined);
      const inner = seen ? decided(operation, verdicts.every(Boolean)) : operation;
      return seeingWrites(inner, written);
    });
  };
  return { ...txn, success: branch(txn.success), failure: branch(txn.failure) };
}

function verdict(condition: Condition, written: ReadonlyMap<string, string>): boolean | undefined {
  const value = written.get(condition.key);
  const { target, operand, rangeEnd } = condition;
  if (value === undefined || rangeEnd !== noKey || target !== 'value') return undefined;
  switch (condition.operator) {
    case '=':
      return value === operand;
    case '!=':
      return value !== operand;
    case '<':
      return value < operand;
    case '>':
      return value > operand;
  }
}
