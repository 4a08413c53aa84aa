import {
  type CallOptions,
  type Client,
  type Compare,
  compare,
  type KeyValue,
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
