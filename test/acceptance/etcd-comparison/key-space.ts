/** The few keys, ranges and values that the requests of a run are about. */
import { type ByteString, fromKeyEnd, prefixEnd } from '@lockstep/client/protocol';
import type { Random } from '../../../server/src/core/base/random.ts';
import type { Keys } from './model.ts';

// Each character of these literals is one byte.
const bytes = (text: string) => text as ByteString;

/** Prefixes of each other, bytes that are no text, text of two bytes, and the last keys there can be. */
export const keys = ['a', 'a/', 'a/1', 'a/2', 'b', 'b\xff', '\xc3\xa9', '\xff\xff'].map(bytes);

/** Written when a run begins, as the only key there is. */
export const firstKey = bytes('~');

const values = ['', '1', '2', '10', 'value', '\xff\x00', '\xc3\xa9'].map(bytes);
const bounds = [...keys, firstKey, ...['\x00', 'a0', 'c', '\xff', 'zz'].map(bytes)];
const prefixes = ['a', 'a/', 'b', 'b\xff', '\xff', '\xff\xff', 'c', '~'].map(bytes);

export const everything: Keys = { key: fromKeyEnd, rangeEnd: fromKeyEnd };

/** Ranges that hold much of what there is. */
export const wideRanges: readonly Keys[] = [everything, { key: bytes('a'), rangeEnd: bytes('b') }];

export const noKey = bytes('');

export function randomKey(random: Random): ByteString {
  return random.oneIn(12) ? random.pick(bounds) : random.pick(keys);
}

export function randomValue(random: Random): ByteString {
  return random.pick(values);
}

/** One of the forms that a range has in etcd. */
export function randomKeys(random: Random): Keys {
  switch (random.below(9)) {
    case 0:
    case 1:
    case 2:
      return { key: randomKey(random), rangeEnd: noKey };
    case 3: {
      const [one, other] = [random.pick(bounds), random.pick(bounds)];
      return one < other ? { key: one, rangeEnd: other } : { key: other, rangeEnd: one };
    }
    case 4:
    case 5: {
      const key = random.pick(prefixes);
      return { key, rangeEnd: prefixEnd(key) };
    }
    case 6:
      return { key: randomKey(random), rangeEnd: fromKeyEnd };
    case 7:
      return everything;
    default: {
      // It ends before it starts, or where it starts.
      const [one, other] = [random.pick(keys), random.pick(keys)];
      return one < other ? { key: other, rangeEnd: one } : { key: one, rangeEnd: other };
    }
  }
}

/** The form of a range, for the table of what was reached. */
export function formOf({ key, rangeEnd }: Keys): string {
  if (key === '') return 'no key';
  if (rangeEnd === '') return 'one key';
  if (rangeEnd === '\0') return key === '\0' ? 'everything' : 'from a key';
  if (rangeEnd === prefixEnd(key)) return 'a prefix';
  return rangeEnd <= key ? 'end before start' : 'from a key to another';
}

export function isOpenEnd(rangeEnd: ByteString): boolean {
  return rangeEnd === fromKeyEnd;
}

export function holds({ key, rangeEnd }: Keys, one: ByteString): boolean {
  if (rangeEnd === '') return one === key;
  return one >= key && (rangeEnd === '\0' || one < rangeEnd);
}

/** All keys, in an order by chance. */
export function shuffledKeys(random: Random): ByteString[] {
  const left = [...keys];
  return keys.flatMap(() => left.splice(random.below(left.length), 1));
}
