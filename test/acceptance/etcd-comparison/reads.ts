import type { ByteString } from '@lockstep/client/protocol';
import { everything, noKey } from './key-space.ts';
import type { Range } from './model.ts';

const plain = {
  kind: 'range',
  limit: 0,
  revision: 0,
  serializable: false,
  keysOnly: false,
  countOnly: false,
  sortOrder: 'none',
  sortTarget: 'key',
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
} as const;

/** All there was at a revision, or is if it is 0. */
export function readAll(revision: number): Range {
  return { ...plain, ...everything, revision };
}

export function readOne(key: ByteString): Range {
  return { ...plain, key, rangeEnd: noKey };
}
