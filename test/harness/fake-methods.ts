import {
  type ByteString,
  bytesFromWire,
  type Compare,
  type Methods,
  noLease,
  TableError,
  type TxnOperation,
  type TxnOperationResult,
  type UnaryMethodName,
  type WireBytes,
  type WireKeyValue,
} from '@lockstep/client/protocol';
import type { FakeStore } from './fake-store.ts';

/** A method of the store as {@link FakeMember} answers it: only what a client can tell apart. */
type Answers = {
  readonly [Name in UnaryMethodName]?: (
    store: FakeStore,
    params: Methods[Name]['params'],
  ) => Omit<Methods[Name]['result'], 'header'>;
};

const leases = new WeakMap<FakeStore, Map<string, number>>();

function leasesOf(store: FakeStore): Map<string, number> {
  const known = leases.get(store) ?? new Map<string, number>();
  leases.set(store, known);
  return known;
}

function leaseTtl(store: FakeStore, id: string): number {
  const ttl = leasesOf(store).get(id);
  if (ttl === undefined) throw new TableError('lease_not_found');
  return ttl;
}

const attached = (store: FakeStore, id: string): readonly WireKeyValue[] =>
  store.range({ prefix: '' }).filter(({ lease }) => lease === id);

export const fakeMethods: Answers = {
  'kv.put': (store, params) => {
    const [before] = params.key === '' ? [] : store.range({ key: params.key });
    const { lease = noLease, ignoreValue = false, ignoreLease = false } = params;
    if ((ignoreValue || ignoreLease) && before === undefined) throw new TableError('key_not_found');
    if (lease !== noLease) leaseTtl(store, lease);
    const value = ignoreValue ? before?.value : params.value;
    const kept = ignoreLease ? before?.lease : lease === noLease ? undefined : lease;
    store.put(params.key, value ?? '', kept);
    return params.prevKv === true && before !== undefined ? { prevKv: before } : {};
  },
  'kv.range': (store, params) => {
    const all = store.range(params);
    const sorted = params.sortOrder === 'descend' ? all.toReversed() : all;
    const some = params.limit ? sorted.slice(0, params.limit) : sorted;
    const kvs = params.countOnly === true ? [] : some;
    const shown = params.keysOnly === true ? kvs.map(withoutValue) : kvs;
    return { kvs: shown, more: some.length < all.length, count: all.length };
  },
  'kv.deleteRange': (store, params) => {
    const gone = store.deleteRange(params);
    return { deleted: gone.length, ...(params.prevKv === true ? { prevKvs: gone } : {}) };
  },
  'kv.scan': (store, params) => {
    const all = store.range(params).filter(({ key }) => {
      return params.after === undefined || bytesOf(key) > bytesOf(params.after);
    });
    const some = all.slice(0, params.limit ? Math.min(params.limit, pairsPerChunk) : pairsPerChunk);
    const kvs = params.keysOnly === true ? some.map(withoutValue) : some;
    return { kvs, more: some.length < all.length, revision: params.revision ?? store.revision };
  },
  'kv.txn': (store, params) =>
    store.atOneRevision(() => {
      const succeeded = (params.compare ?? []).every((compare) => holds(store, compare));
      const operations = (succeeded ? params.success : params.failure) ?? [];
      return { succeeded, results: operations.map((operation) => runOperation(store, operation)) };
    }),
  'kv.compact': (store, { revision }) => {
    if (revision > store.revision) throw new TableError('future_revision');
    if (revision <= store.compactRevision) {
      throw new TableError('compacted', undefined, { compactRevision: store.compactRevision });
    }
    store.compactRevision = revision;
    return {};
  },
  'lease.grant': (store, { ttl, id }) => {
    const known = leasesOf(store);
    const given = id ?? String(1000 + known.size);
    if (known.has(given)) throw new TableError('lease_exists');
    known.set(given, ttl);
    return { id: given, ttl };
  },
  'lease.revoke': (store, { id }) => {
    leaseTtl(store, id);
    leasesOf(store).delete(id);
    const gone = attached(store, id);
    store.atOneRevision(() => {
      for (const { key } of gone) store.deleteRange({ key });
    });
    return {};
  },
  'lease.keepAlive': (store, { id }) => ({ id, ttl: leasesOf(store).get(id) ?? 0 }),
  'lease.timeToLive': (store, { id, keys }) => {
    const ttl = leasesOf(store).get(id);
    if (ttl === undefined) return { id, ttl: -1, grantedTtl: 0 };
    const listed = keys === true ? { keys: attached(store, id).map(({ key }) => key) } : {};
    return { id, ttl: ttl - 1, grantedTtl: ttl, ...listed };
  },
  'lease.list': (store) => ({ leases: [...leasesOf(store).keys()].map((id) => ({ id })) }),
  'maintenance.hash': (store) => ({
    hash: 12345,
    revision: store.revision,
    compactRevision: store.compactRevision,
    appliedIndex: 9,
  }),
};

/** Small, so that a few keys make several chunks. */
export const pairsPerChunk = 3;

function runOperation(store: FakeStore, operation: TxnOperation): TxnOperationResult {
  const revision = store.revision + 1;
  for (const [name, method] of [
    ['range', 'kv.range'],
    ['put', 'kv.put'],
    ['deleteRange', 'kv.deleteRange'],
    ['txn', 'kv.txn'],
  ] as const) {
    const params = operation[name];
    if (params === undefined) continue;
    // The rows above pair each name with its method; the type checker sees them one by one.
    const answer = fakeMethods[method] as (store: FakeStore, params: unknown) => object;
    return { [name]: { ...answer(store, params), revision } };
  }
  throw new TableError('invalid_params', 'the operation is empty');
}

function holds(store: FakeStore, compare: Compare): boolean {
  const { target, operator, operand } = compare;
  const found: readonly (WireKeyValue | undefined)[] = store.range(compare);
  return (found.length === 0 ? [undefined] : found).every((kv) => {
    if (target === 'value') {
      return kv !== undefined && related(bytesOf(kv.value), operator, bytesOf(String(operand)));
    }
    const numbers = {
      version: kv?.version,
      create: kv?.createRevision,
      mod: kv?.modRevision,
      lease: Number(kv?.lease ?? 0),
    };
    return related(numbers[target] ?? 0, operator, Number(operand));
  });
}

function related<Value extends string | number>(
  left: Value,
  operator: Compare['operator'],
  right: Value,
): boolean {
  if (operator === '=') return left === right;
  if (operator === '!=') return left !== right;
  return operator === '<' ? left < right : left > right;
}

function withoutValue(kv: WireKeyValue): WireKeyValue {
  return { ...kv, value: '' };
}

function bytesOf(wire: WireBytes): ByteString {
  const bytes = bytesFromWire(wire);
  if (bytes === undefined) throw new TableError('invalid_params', 'neither text nor base64');
  return bytes;
}

/** What a member remembers of clients that number their changes; every member of a cluster the same. */
export class FakeReplies {
  readonly #clients = new Map<string, Map<number, () => unknown>>();
  #registered = 0;

  register(): string {
    const clientId = String(++this.#registered);
    this.#clients.set(clientId, new Map());
    return clientId;
  }

  /** As if other clients had been more active. */
  forgetClients(): void {
    this.#clients.clear();
  }

  /** Runs a change, or gives the answer of the first time. */
  once(params: Readonly<Record<string, unknown>>, run: () => unknown): unknown {
    const once = params.once as { clientId: string; sequence: number } | undefined;
    if (once === undefined) return run();
    const replies = this.#clients.get(once.clientId);
    if (replies === undefined) throw new TableError('client_expired');
    const kept = replies.get(once.sequence);
    if (kept !== undefined) return kept();
    try {
      const result = run();
      replies.set(once.sequence, () => result);
      return result;
    } catch (error) {
      replies.set(once.sequence, () => {
        throw error;
      });
      throw error;
    }
  }
}
