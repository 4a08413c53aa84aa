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
