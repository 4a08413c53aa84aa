import { type ByteString, noLease, TableError } from '@lockstep/client/protocol';
import type {
  Compare,
  DeleteRangeReply,
  DeleteRangeRequest,
  KeyRange,
  KeyValue,
  PutReply,
  PutRequest,
  RangeReply,
  RangeRequest,
  TxnOperation,
  TxnOperationReply,
  TxnReply,
  TxnRequest,
} from '../../server/src/store.ts';

/**
 * The dumb model of keys: a list of everything that ever happened, read from the start for each
 * answer. A request works on a copy of the list, which is kept only if nothing was refused.
 */
export class MemoryHistory {
  versions: readonly KeyValue[] = [];
  revision = 1;
  compactRevision = 0;

  latest(key: ByteString, revision = this.revision + 1): KeyValue | undefined {
    const found = this.versions.findLast((kv) => kv.key === key && kv.modRevision <= revision);
    return found === undefined || found.version === 0 ? undefined : found;
  }

  pairs(range: KeyRange, revision = this.revision + 1): KeyValue[] {
    const keys = new Set(this.versions.map(({ key }) => key));
    return [...keys]
      .filter((key) => isInside(range, key))
      .sort(byteOrder)
      .flatMap((key) => this.latest(key, revision) ?? []);
  }

  /** @throws TableError when the revision cannot be read. */
  check(revision: number): void {
    const { compactRevision } = this;
    if (revision > this.revision) throw new TableError('future_revision');
    if (revision !== 0 && revision < compactRevision) {
      throw new TableError('compacted', undefined, { compactRevision });
    }
  }

  range(request: RangeRequest): RangeReply {
    const all = this.pairs(request, request.revision === 0 ? undefined : request.revision);
    const fit = all.filter(
      (kv) =>
        kv.modRevision >= request.minModRevision &&
        kv.createRevision >= request.minCreateRevision &&
        kv.modRevision <= (request.maxModRevision || Number.POSITIVE_INFINITY) &&
        kv.createRevision <= (request.maxCreateRevision || Number.POSITIVE_INFINITY),
    );
    const by = {
      key: (kv: KeyValue) => kv.key,
      version: (kv: KeyValue) => kv.version,
      create: (kv: KeyValue) => kv.createRevision,
      mod: (kv: KeyValue) => kv.modRevision,
      value: (kv: KeyValue) => kv.value,
    }[request.sortTarget];
    const sign = request.sortOrder === 'descend' ? -1 : 1;
    const sorted = fit.toSorted((left, right) =>
      by(left) === by(right) ? 0 : by(left) < by(right) ? -sign : sign,
    );
    const limit = request.limit > 0 ? request.limit : sorted.length;
    const kvs = request.countOnly ? [] : sorted.slice(0, limit);
    return {
      kvs: request.keysOnly ? kvs.map((kv) => ({ ...kv, value: empty })) : kvs,
      more: !request.countOnly && sorted.length > limit,
      count: all.length,
    };
  }

  /** A request at revision + 1; the revision goes up if it wrote. @returns what it wrote. */
  commit<Reply>(run: () => Reply): { reply: Reply; written: readonly KeyValue[] } {
    const before = this.versions;
    try {
      const reply = run();
      const written = this.versions.slice(before.length);
      if (written.length > 0) this.revision++;
      return { reply, written };
    } catch (error) {
      this.versions = before;
      throw error;
    }
  }

  #wrote(): boolean {
    return (this.versions.at(-1)?.modRevision ?? 0) > this.revision;
  }

  put(request: PutRequest, hasLease: (id: string) => boolean): PutReply {
    this.#checkLease(request, hasLease);
    this.#checkKey(request);
    return this.#put(request);
  }

  #checkLease({ lease }: PutRequest, hasLease: (id: string) => boolean): void {
    if (lease !== noLease && !hasLease(lease)) throw new TableError('lease_not_found');
  }

  #checkKey({ key, ignoreValue, ignoreLease }: PutRequest): void {
    if ((ignoreValue || ignoreLease) && this.latest(key) === undefined) {
      throw new TableError('key_not_found');
    }
  }

  #put(request: PutRequest): PutReply {
    const { key, prevKv } = request;
    const before = this.latest(key);
    const modRevision = this.revision + 1;
    const kv = {
      key,
      value: request.ignoreValue ? (before?.value ?? empty) : request.value,
      createRevision: before?.createRevision ?? modRevision,
      modRevision,
      version: (before?.version ?? 0) + 1,
      lease: request.ignoreLease ? (before?.lease ?? noLease) : request.lease,
    };
    this.versions = [...this.versions, kv];
    return { prevKv: prevKv ? before : undefined };
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeReply {
    const gone = this.pairs(request);
    const tombstones = gone.map(({ key }) => tombstone(key, this.revision + 1));
    this.versions = [...this.versions, ...tombstones];
    return { deleted: gone.length, prevKvs: request.prevKv ? gone : [] };
  }

  txn(request: TxnRequest, hasLease: (id: string) => boolean): TxnReply {
    const decided = new Map<TxnRequest, boolean>();
    const path = (txn: TxnRequest): TxnOperation[] => {
      const succeeded = txn.compares.every((compare) => this.#holds(compare));
      decided.set(txn, succeeded);
      return (succeeded ? txn.success : txn.failure).flatMap((operation) =>
        operation.type === 'txn' ? path(operation.request) : [operation],
      );
    };
    const operations = path(request);
    for (const operation of operations) {
      if (operation.type !== 'put') continue;
      this.#checkKey(operation.request);
      this.#checkLease(operation.request, hasLease);
    }
    for (const operation of operations) {
      if (operation.type === 'range') this.check(operation.request.revision);
    }
    return this.#run(request, decided);
  }

  #run(request: TxnRequest, decided: ReadonlyMap<TxnRequest, boolean>): TxnReply {
    const succeeded = decided.get(request) === true;
    const results = (succeeded ? request.success : request.failure).map(
      (operation): TxnOperationReply => {
        const result = this.#operate(operation, decided);
        return { ...result, revision: this.revision + (this.#wrote() ? 1 : 0) };
      },
    );
    return { succeeded, results };
  }

  #operate(operation: TxnOperation, decided: ReadonlyMap<TxnRequest, boolean>): TxnOperationReply {
    const revision = 0;
    switch (operation.type) {
      case 'range':
        return { type: 'range', reply: this.range(operation.request), revision };
      case 'put':
        return { type: 'put', reply: this.#put(operation.request), revision };
      case 'deleteRange':
        return { type: 'deleteRange', reply: this.deleteRange(operation.request), revision };
      case 'txn':
        return { type: 'txn', reply: this.#run(operation.request, decided), revision };
    }
  }

  #holds(compare: Compare): boolean {
    const found = this.pairs(compare);
    if (found.length > 0) return found.every((kv) => compares(compare, kv));
    return compare.target !== 'value' && compares(compare, tombstone(compare.key, 0));
  }
}

function compares(compare: Compare, kv: KeyValue): boolean {
  const [stored, operand] = {
    version: () => [kv.version, compare.operand],
    create: () => [kv.createRevision, compare.operand],
    mod: () => [kv.modRevision, compare.operand],
    value: () => [kv.value, compare.operand],
    lease: () => [BigInt(kv.lease), BigInt(compare.operand)],
  }[compare.target]() as [number, number];
  return {
    '=': stored === operand,
    '!=': stored !== operand,
    '<': stored < operand,
    '>': stored > operand,
  }[compare.operator];
}

const empty = '' as ByteString;

export function tombstone(key: ByteString, revision: number): KeyValue {
  return {
    key,
    value: empty,
    createRevision: 0,
    modRevision: revision,
    version: 0,
    lease: noLease,
  };
}

export function isInside({ key, rangeEnd }: KeyRange, candidate: ByteString): boolean {
  if (rangeEnd === '') return candidate === key;
  return candidate >= key && (rangeEnd === '\0' || candidate < rangeEnd);
}

function byteOrder(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

/** On either way, in whatever depth. */
export function hasPut({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].some(
    (operation) =>
      operation.type === 'put' || (operation.type === 'txn' && hasPut(operation.request)),
  );
}
