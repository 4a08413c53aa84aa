import type { CallOptions, Client } from '@lockstep/client';
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
 * The rows that {@link readHistory} gives, and then each one that is written.
 * @throws what a call or a watch can end in; the signal's reason.
 */
export async function* followHistory(
  client: Client,
  keys: FleetKeys,
  options: HistoryOptions & { readonly signal: AbortSignal },
): AsyncGenerator<HistoryEntry, void> {
  const watch = client.watch({ prefix: keys.history, noDelete: true, signal: options.signal });
  try {
    // What is written while the others are read is in the watch, and may be in both.
    await watch.ready();
    const rows = await readRows(client, keys, options);
    const told = new Set(rows.map(({ key }) => key));
    for (const { entry } of rows) yield entry;
    for await (const { kv } of watch) {
      if (told.delete(kv.key)) continue;
      const entry = entryIn(kv.value);
      if (entry !== undefined && fits(entry, options)) yield entry;
    }
  } finally {
    watch.close();
  }
}

function fits(entry: HistoryEntry, { host, group }: HistoryOptions): boolean {
  if (host !== undefined && entry.host !== host && entry.name !== host) return false;
  return group === undefined || entry.group === group;
}

async function readRows(
  client: Client,
  keys: FleetKeys,
  options: HistoryOptions,
): Promise<readonly Row[]> {
  const { limit = 100, host: _, group: __, ...call } = options;
  const found: Row[] = [];
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
      if (entry === undefined || !fits(entry, options)) continue;
      found.push({ key: kv.key, entry });
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

/** Deletes the oldest rows beyond `max`. */
export async function trimHistory(
  client: Client,
  keys: FleetKeys,
  max: number,
  call: CallOptions = {},
): Promise<void> {
  const prefix = keys.history;
  const { count } = await client.range({ prefix }, { countOnly: true, ...call });
  if (count <= max) return;
  const { kvs } = await client.range({ prefix }, { limit: count - max, keysOnly: true, ...call });
  const last = kvs.at(-1);
  if (last !== undefined) await client.delete({ key: prefix, rangeEnd: `${last.key}\0` }, call);
}
