import {
  type CallOptions,
  type Client,
  type Compare,
  compare,
  type KeyValue,
  WatchCompactedError,
  type WatchEvent,
  type WatchRequest,
} from '@lockstep/client';

/** What stands under a prefix, oldest first. */
export async function placesIn(
  client: Client,
  prefix: string,
  call: CallOptions = {},
): Promise<readonly KeyValue[]> {
  const { kvs } = await client.range(
    { prefix },
    { sortTarget: 'create', sortOrder: 'ascend', ...call },
  );
  return kvs;
}

/** The condition that nobody has come to a prefix since this was seen there; who went does not matter. */
export function nothingNew(prefix: string, seen: readonly KeyValue[]): Compare {
  const newest = Math.max(0, ...seen.map(({ createRevision }) => createRevision));
  return compare.createRevision({ prefix }, '<', newest + 1);
}

/**
 * Watches until something is found among the events of one revision.
 * @returns what was found; undefined when history went over the watch, and what was missed is seen by looking.
 */
export async function firstFound<Found>(
  client: Client,
  request: WatchRequest,
  find: (events: readonly WatchEvent[]) => Found | undefined,
): Promise<Found | undefined> {
  try {
    for await (const { events } of client.watch(request).batches()) {
      const found = find(events);
      if (found !== undefined) return found;
    }
  } catch (error) {
    if (!(error instanceof WatchCompactedError)) throw error;
  }
  return undefined;
}
