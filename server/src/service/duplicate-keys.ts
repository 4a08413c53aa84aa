/**
 * The rule that no key is written twice on one path of a transaction (etcd API, checkIntervals):
 * two puts of a key, or a put inside a range that is deleted beside or before it, are refused.
 */
import { type ByteString, fromKeyEnd, TableError } from '@lockstep/client/protocol';
import type { KeyRange, TxnOperation, TxnRequest } from '../store.ts';

/** What one branch writes. */
interface Writes {
  readonly puts: ReadonlySet<ByteString>;
  readonly deletes: Spans;
}

/** Keys from `start` up to but without `end`; undefined for no end. */
interface Span {
  readonly start: ByteString;
  readonly end: ByteString | undefined;
}

/** In order, and none touches another: a request may have a hundred thousand, and each put is looked up in them. */
type Spans = readonly Span[];

/** @throws TableError `duplicate_key`, naming the key. */
export function checkKeys(request: TxnRequest): void {
  writesOf(request.success);
  writesOf(request.failure);
}

function writesOf(branch: readonly TxnOperation[]): Writes {
  const puts = new Set<ByteString>();
  let deletes = unite(
    branch.flatMap(({ type, request }) => (type === 'deleteRange' ? [spanOf(request)] : [])),
  );
  const add = (key: ByteString): void => {
    if (puts.has(key)) throw duplicate(key, 'it is put twice');
    if (includes(deletes, key)) throw duplicate(key, 'it is deleted as well');
    puts.add(key);
  };
  for (const operation of branch) {
    if (operation.type !== 'txn') continue;
    const then = writesOf(operation.request.success);
    const otherwise = writesOf(operation.request.failure);
    for (const key of then.puts) add(key);
    // Only one of the two branches is run, so they may put the same key.
    for (const key of otherwise.puts) if (!then.puts.has(key)) add(key);
    if (then.deletes.length + otherwise.deletes.length > 0) {
      deletes = unite([...deletes, ...then.deletes, ...otherwise.deletes]);
    }
  }
  for (const operation of branch) if (operation.type === 'put') add(operation.request.key);
  return { puts, deletes };
}

/** etcd overlooks that "\0" as an end means no end; a put that keeps its value then stops its members. */
function spanOf({ key, rangeEnd }: KeyRange): Span {
  // The next key in byte order is the one with a zero byte more.
  if (rangeEnd === '') return { start: key, end: `${key}\0` as ByteString };
  return { start: key, end: rangeEnd === fromKeyEnd ? undefined : rangeEnd };
}

function unite(spans: Span[]): Spans {
  const united: Span[] = [];
  spans.sort(({ start: left }, { start: right }) => (left < right ? -1 : left > right ? 1 : 0));
  for (const { start, end } of spans) {
    const last = united.at(-1);
    if (last === undefined || (last.end !== undefined && last.end < start)) {
      united.push({ start, end });
    } else if (last.end !== undefined && (end === undefined || end > last.end)) {
      united[united.length - 1] = { start: last.start, end };
    }
  }
  return united;
}

function includes(spans: Spans, key: ByteString): boolean {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const span = spans[middle];
    if (span === undefined || key < span.start) high = middle;
    else if (span.end !== undefined && key >= span.end) low = middle + 1;
    else return true;
  }
  return false;
}

function duplicate(key: ByteString, how: string): TableError {
  return new TableError(
    'duplicate_key',
    `etcdserver: duplicate key given in txn request; ${JSON.stringify(key.slice(0, 100))}: ${how}, ` +
      'and no key may be written twice on one path',
  );
}
