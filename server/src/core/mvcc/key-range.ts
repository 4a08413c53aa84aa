import type { ByteString } from './values.ts';

/** Keys in [key, rangeEnd). An empty end means the one key; "\0" means every key from `key` on (etcd API, RangeRequest). */
export interface KeyRange {
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
}

export function inRange(range: KeyRange, key: ByteString): boolean {
  if (range.rangeEnd === '') return key === range.key;
  return key >= range.key && (range.rangeEnd === '\0' || key < range.rangeEnd);
}
