import {
  type CallOptions,
  type Client,
  type Compare,
  compare,
  type KeyValue,
  type Operation,
  op,
  WatchCompactedError,
} from '@lockstep/client';
import type { FleetKeys } from './policy/keys.ts';
import type { HistoryEntry } from './policy/records.ts';

export interface HistoryOptions extends CallOptions {
  /** So many of the newest. Default 100. */
  readonly limit?: number;
  /** Of one host only. */
  readonly host?: string;
  readonly group?: string;
}

interface Row {
  readonly key: string;
  readonly revision: number;
  readonly entry: HistoryEntry;
}

/** The newest rows of the history that fit, oldest first. @throws what a call can end in. */
export async function readHistory(
  client: Client,
  keys: FleetKeys,
  options: HistoryOptions = {},
): Promise<readonly HistoryEntry[]> {
  return (await readRows(client, keys, options)).map(({ entry }) => entry);
}

/**
 * The rows that {@link readHistory} gives, none with a `limit` of 0, and then each one that is written. What is compacted before it
 * was heard of is left out: it is in the history itself.
 * @throws what a call or a watch can end in; the signal's reason.
 */
export async function* followHistory(
  client: Client,
  keys: FleetKeys,
  options: HistoryOptions & { readonly signal: AbortSignal },
): AsyncGenerator<HistoryEntry, void> {
  const told = new Set<string>();
  let limit = options.limit;
  for (;;) {
    const watch = client.watch({
      prefix: keys.history,
      noDelete: true,
      progressNotify: true,
      signal: options.signal,
    });
    try {
      // What is written while the others are read is in the watch, and may be in both.
      await watch.ready();
      const first = limit === undefined ? {} : { limit };
      const rows = limit === 0 ? [] : await readRows(client, keys, { ...options, ...first });
      limit = 0;
      for (const { key, entry } of rows) {
        told.add(key);
        yield entry;
      }
      for await (const { kv } of watch) {
        if (told.delete(kv.key)) continue;
        const entry = entryIn(kv.value);
        if (entry !== undefined && fits(entry, options)) yield entry;
      }
      return;
    } catch (error) {
      if (!(error instanceof WatchCompactedError)) throw error;
    } finally {
      watch.close();
    }
  }
}

function fits(entry: HistoryEntry, { host, group }: HistoryOptions): boolean {
  if (host !== undefined && entry.host !== host && entry.name !== host) return false;
  return group === undefined || entry.group === group;
}

/** By revision and not by the time in their keys: two writers may be some milliseconds apart about the members' time. */
async function readRows(
  client: Client,
  keys: FleetKeys,
  options: HistoryOptions,
): Promise<readonly Row[]> {
  const { limit = 100, host: _, group: __, ...call } = options;
  const found: Row[] = [];
  const read = new Set<string>();
  let newest: { readonly maxCreateRevision?: number } = {};
  for (;;) {
    const { kvs, more } = await client.range(
      { prefix: keys.history },
      { limit: pageRows, sortOrder: 'descend', sortTarget: 'create', ...newest, ...call },
    );
    for (const { key, value, createRevision } of kvs) {
      // Rows of one transaction have one revision, so the next page may begin with some that were on this one.
      newest = { maxCreateRevision: createRevision };
      if (read.has(key)) continue;
      read.add(key);
      const entry = entryIn(value);
      if (entry === undefined || !fits(entry, options)) continue;
      found.push({ key, revision: createRevision, entry });
      if (found.length >= limit) return found.sort(asWritten);
    }
    if (!more) return found.sort(asWritten);
  }
}

function asWritten(a: Row, b: Row): number {
  return a.revision - b.revision || (a.key < b.key ? -1 : 1);
}

/** More than one transaction can write, so that each page has something new. */
const pageRows = 500;

/** Undefined for what is no row: the history is for people, and one bad row shall not hide the rest. */
export function entryIn(text: string): HistoryEntry | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { kind, at, by } = value as Partial<HistoryEntry>;
    if (typeof kind !== 'string' || typeof at !== 'number' || typeof by !== 'string')
      return undefined;
    return value as HistoryEntry;
  } catch {
    return undefined;
  }
}

/** Rows that one transaction deletes. */
const trimRows = 500;

/** Deletes the oldest rows beyond `max`, and counts those that a webhook was not told of. */
export async function trimHistory(
  client: Client,
  keys: FleetKeys,
  max: number,
  call: CallOptions = {},
): Promise<void> {
  const prefix = keys.history;
  for (;;) {
    const { count } = await client.range({ prefix }, { countOnly: true, ...call });
    if (count <= max) return;
    const limit = Math.min(trimRows, count - max);
    const { kvs } = await client.range({ prefix }, { limit, keysOnly: true, ...call });
    const last = kvs.at(-1);
    if (last === undefined) return;
    const { conditions, puts } = await untold(client, keys, kvs, call);
    const trim = op.delete({ key: prefix, rangeEnd: `${last.key}\0` });
    await client.txn({ compare: conditions, success: [trim, ...puts] }, call);
  }
}

/** What a trim of these rows has to write about webhooks that are behind. */
async function untold(
  client: Client,
  keys: FleetKeys,
  rows: readonly KeyValue[],
  call: CallOptions,
): Promise<{
  readonly conditions: readonly Compare[];
  readonly puts: readonly Operation<unknown>[];
}> {
  const conditions: Compare[] = [];
  const puts: Operation<unknown>[] = [];
  const newest = Math.max(...rows.map(({ modRevision }) => modRevision));
  for await (const cursor of client.scan({ prefix: keys.allNotified }, call)) {
    const told = revisionIn(cursor.value);
    if (told === undefined || told >= newest || puts.length === webhooksMax) continue;
    const key = keys.untold(cursor.key.slice(keys.allNotified.length));
    const was = await client.get(key, call);
    const lost = rows.filter(({ modRevision }) => modRevision > told).length;
    conditions.push(compare.modRevision(cursor.key, '=', cursor.modRevision));
    conditions.push(compare.modRevision(key, '=', was?.modRevision ?? 0));
    puts.push(op.put(key, String(Number(was?.value ?? 0) + lost)));
  }
  return { conditions, puts };
}

/** Of so many the lost rows are counted: a transaction has room for so much. */
const webhooksMax = 20;

/** How far a webhook was told, from its cursor. */
export function revisionIn(text: string): number | undefined {
  try {
    const { revision } = JSON.parse(text) as { revision?: unknown };
    return typeof revision === 'number' && Number.isSafeInteger(revision) ? revision : undefined;
  } catch {
    return undefined;
  }
}
