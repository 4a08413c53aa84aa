import type { DeleteReply, KeyValue, PutReply, RangeReply } from '@lockstep/client';
import { UsageError } from './failure.ts';
import type { Context } from './io.ts';
import type { GetOptions } from './key-verbs.ts';

/** A pair on two lines, the bytes as they are. */
export function pair(kv: KeyValue): Uint8Array {
  return lines([kv.keyBytes, kv.valueBytes]);
}

/** What was found, as the options of `get` say. */
export function found(
  { kvs, count }: Pick<RangeReply, 'kvs' | 'count'>,
  { keysOnly, printValueOnly, countOnly }: GetOptions,
): Uint8Array {
  if (countOnly === true) return lines([String(count)]);
  if (keysOnly === true) return lines(kvs.map((kv) => kv.keyBytes));
  if (printValueOnly === true) return lines(kvs.map((kv) => kv.valueBytes));
  return Buffer.concat(kvs.map(pair));
}

/** How many were deleted, and the pairs if they were asked for. */
export function deleted(reply: Omit<DeleteReply, 'header'>): Uint8Array {
  return Buffer.concat([lines([String(reply.deleted)]), ...reply.prevKvs.map(pair)]);
}

/** OK, and the pair before if it was asked for. */
export function written({ prevKv }: Pick<PutReply, 'prevKv'>): Uint8Array {
  return Buffer.concat([lines(['OK']), ...(prevKv === undefined ? [] : [pair(prevKv)])]);
}

/** Joins byte rows, each ended by a newline. */
export function lines(rows: readonly (Uint8Array | string)[]): Uint8Array {
  return Buffer.concat(rows.flatMap((row) => [Buffer.from(row), newline]));
}

const newline = Buffer.from('\n');

/** One value in its wire form, on one line. */
export function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** @throws UsageError when `--output table` was given to a verb that prints no table. */
export function refuseTable({ output }: Context, verb: string): void {
  if (output === 'table') {
    throw new UsageError(`"${verb}" prints no table: use --output simple or json`);
  }
}
