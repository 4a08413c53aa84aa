import type { KeyValue, RangeReply } from '@lockstep/client';
import type { Io } from './io.ts';
import type { GetOptions } from './key-verbs.ts';
import { printable } from './printable.ts';
import { table } from './table.ts';

/** What was found as a table, with what else is known of each key. */
export async function foundTable(
  io: Io,
  { kvs, count }: Pick<RangeReply, 'kvs' | 'count'>,
  { keysOnly = false, printValueOnly = false, countOnly = false }: GetOptions,
): Promise<string> {
  if (countOnly) return table(io, ['count'], [[String(count)]]);
  const columns: readonly (readonly [string, (kv: KeyValue) => string])[] = [
    ...(printValueOnly ? [] : [['key', (kv: KeyValue) => printable(kv.keyBytes)] as const]),
    ...(keysOnly ? [] : [['value', (kv: KeyValue) => printable(kv.valueBytes)] as const]),
    ['created', (kv) => String(kv.createRevision)],
    ['changed', (kv) => String(kv.modRevision)],
    ['version', (kv) => String(kv.version)],
    ['lease', (kv) => (kv.lease === '0' ? '' : kv.lease)],
  ];
  return table(
    io,
    columns.map(([name]) => name),
    kvs.map((kv) => columns.map(([, cell]) => cell(kv))),
  );
}
