import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../base/random.ts';
import { latestOf, type Versions, withNewer } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import { isTombstone, successor, tombstone } from './key-value.ts';
import { type ByteString, emptyBytes, noLease } from './values.ts';

const bytes = (text: string): ByteString => text as ByteString;
const names = ['a', 'aa', 'b', 'c', 'c\xff', 'd', 'e', 'ee'].map(bytes);

test('keys that exist and keys that were deleted are walked in one order, or the former alone', () => {
  const random = new Random(3);
  const index = new KeyIndex();
  const dumb = new Map<ByteString, Versions>();
  for (let revision = 2; revision < 2_000; revision++) {
    const key = random.pick(names);
    const previous = dumb.get(key);
    const last = previous === undefined ? undefined : latestOf(previous);
    if (last !== undefined && isTombstone(last) && random.oneIn(4)) {
      index.delete(key);
      dumb.delete(key);
    } else if (last !== undefined || random.oneIn(2)) {
      const isDelete = last !== undefined && !isTombstone(last) && random.oneIn(2);
      const put = { key, value: emptyBytes, lease: noLease };
      const kv = isDelete ? tombstone(key, revision) : successor(last, put, revision);
      const versions = previous === undefined ? kv : withNewer(previous, kv);
      index.set(key, versions, previous);
      dumb.set(key, versions);
    }
    assert.equal(index.get(key), dumb.get(key));
    const range = {
      key: random.pick(names),
      rangeEnd: random.pick([emptyBytes, bytes('\0'), ...names]),
    };
    const after = random.oneIn(2) ? emptyBytes : random.pick(names);
    const withDeleted = random.oneIn(2);
    const stopAfter = random.oneIn(2) ? 1 + random.below(4) : 100;
    const expected = [...dumb.keys()]
      .sort((left, right) => (left < right ? -1 : 1))
      .filter((name) =>
        range.rangeEnd === ''
          ? name === range.key
          : name >= range.key && (range.rangeEnd === '\0' || name < range.rangeEnd),
      )
      .filter((name) => name > after)
      .filter((name) => withDeleted || !isTombstone(latestOf(dumb.get(name) as Versions)))
      .slice(0, stopAfter);
    const seen: ByteString[] = [];
    const stopped = index.walk(range, after, withDeleted, (versions, name) => {
      assert.equal(versions, dumb.get(name));
      return seen.push(name) === stopAfter;
    });
    assert.deepEqual(seen, expected);
    assert.equal(stopped, expected.length === stopAfter ? expected.at(-1) : undefined);
  }
});
