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
import { FleetKeys } from './policy/keys.ts';
import type { HistoryEntry } from './policy/records.ts';

export interface HistoryOptions extends CallOptions {
  /** So many of the newest. Default 100. */
  readonly limit?: number;
  /** Of one host only. */
  readonly host?: string;
  readonly group?: string;
}

/** The newest rows of the history that fit, oldest first. @throws what a call can end in. */
export async function readHistory(
  client: Client,
  keys: FleetKeys,
  options: HistoryOptions = {},
): Promise<readonly HistoryEntry[]> {
  const { limit = 100, host, group, ...call } = options;
  const found: HistoryEntry[] = [];
  let end = `${keys.history.slice(0, -1)}0`;
  const page = 500;
  for (;;) {
    const { kvs, more } = await client.range(
      { key: keys.history, rangeEnd: end },
      { limit: page, sortOrder: 'descend', sortTarget: 'key', ...call },
    );
    for (const kv of kvs) {
      end = kv.key;
      const entry = entryIn(kv.value);
      if (entry === undefined) continue;
      if (host !== undefined && entry.host !== host && entry.name !== host) continue;
      if (group !== undefined && entry.group !== group) continue;
      found.push(entry);
      if (found.length >= limit) return found.reverse();
    }
    if (!more) return found.reverse();
  }
}

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

export interface FollowOptions {
  /** The fleet's name in the store. Default `reboot`. */
  readonly fleet?: string;
  readonly signal: AbortSignal;
}

/** Rows of the history as they are written, from now on, until the signal aborts. @throws what ends a watch; the signal's reason. */
export async function* followHistory(
  client: Client,
  { fleet, signal }: FollowOptions,
): AsyncGenerator<HistoryEntry, void, undefined> {
  const prefix = new FleetKeys(fleet).history;
  while (!signal.aborted) {
    try {
      const watch = client.watch({ prefix, noDelete: true, progressNotify: true, signal });
      for await (const { kv } of watch) {
        const entry = entryIn(kv.value);
        if (entry !== undefined) yield entry;
      }
    } catch (error) {
      // What was missed is in the history itself; this is about what happens.
      if (!(error instanceof WatchCompactedError)) throw error;
    }
  }
}
