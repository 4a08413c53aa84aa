import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ByteString } from '@lockstep/client/protocol';
import fc from 'fast-check';
import { KeyList } from './key-list.ts';

const key = fc.constantFrom(...'abcdefghijkl').map((name) => name as ByteString);

test('the list is the lowest keys of those there are, and counts all of them', () => {
  const step = fc.record({ type: fc.constantFrom('put', 'delete'), key });
  fc.assert(
    fc.property(fc.uniqueArray(key), fc.array(step), (first, steps) => {
      const max = 4;
      const all = new Set(first);
      const list = new KeyList(max);
      const sorted = first.toSorted();
      list.append(sorted.slice(0, max));
      list.complete(sorted.length);
      for (const { type, key: changed } of steps) {
        if (type === 'put') {
          list.put(changed, !all.has(changed));
          all.add(changed);
        } else if (all.delete(changed)) list.delete(changed);
        const present = [...all].toSorted();
        // Keys that come into reach by deletes are not known, so the list may be shorter, and never wrong.
        assert.deepEqual(list.keys, present.slice(0, list.keys.length));
        assert.equal(list.total, all.size);
        assert.equal(list.more, all.size - list.keys.length);
        assert.ok(list.keys.length <= max);
        for (const one of present) {
          assert.equal(list.indexOf(one), list.keys.indexOf(one));
        }
      }
    }),
  );
});

test('keys are in the order of their bytes', () => {
  const list = new KeyList(10);
  for (const name of ['b', '\u00ff', 'a', 'aa']) list.put(name as ByteString, true);
  assert.deepEqual(list.keys, ['a', 'aa', 'b', '\u00ff']);
});
