import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inRange, type KeyRange } from '../mvcc/key-range.ts';
import type { ByteString } from '../mvcc/values.ts';
import { IntervalIndex } from './interval-index.ts';

const key = fc
  .array(fc.constantFrom('\0', 'a', 'b', '\xff'), { minLength: 1, maxLength: 3 })
  .map((bytes) => bytes.join('') as ByteString);
const range = fc.record({
  key,
  rangeEnd: fc.oneof(key, fc.constantFrom('' as ByteString, '\0' as ByteString)),
});
const value = fc.nat({ max: 4 });

/** One key and the range up to the next possible key are the same place. */
function endOf({ key, rangeEnd }: KeyRange): string {
  return rangeEnd === '' ? `${key}\0` : rangeEnd;
}

function valuesAt(index: IntervalIndex<number>, at: string): number[] {
  const found: number[] = [];
  index.visit(at, (each) => found.push(each));
  return found.sort((left, right) => left - right);
}

test('a key finds the values whose range holds it, and no other, whatever was added and removed', () => {
  const step = fc.record({ range, value, removed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(key), (steps, keys) => {
      const index = new IntervalIndex<number>();
      const held = new Map<string, { range: KeyRange; value: number }>();
      for (const each of steps) {
        const name = JSON.stringify([each.range.key, endOf(each.range), each.value]);
        if (each.removed) {
          index.remove(each.range, each.value);
          held.delete(name);
        } else {
          index.add(each.range, each.value);
          held.set(name, each);
        }
      }
      for (const at of keys) {
        const due = new Set<string>();
        for (const { range, value } of held.values()) {
          if (inRange(range, at)) due.add(JSON.stringify([value, range.key, endOf(range)]));
        }
        const values = [...due].map((name) => Number(JSON.parse(name)[0]));
        assert.deepEqual(
          valuesAt(index, at),
          values.sort((left, right) => left - right),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test('twenty thousand nested ranges, added in order and taken out in order, are found by the depth of a balanced tree', () => {
  const index = new IntervalIndex<number>();
  const ranges = Array.from({ length: 20_000 }, (_, at) => {
    const name = String(at).padStart(5, '0');
    return { key: name as ByteString, rangeEnd: `${name}~` as ByteString };
  });
  for (const [at, each] of ranges.entries()) index.add(each, at);
  assert.ok(index.depth <= 1.45 * Math.log2(ranges.length), `depth ${index.depth}`);
  assert.deepEqual(valuesAt(index, '12345x'), [12_345]);
  for (const [at, each] of ranges.entries()) if (at % 8 !== 0) index.remove(each, at);
  assert.ok(index.depth <= 1.45 * Math.log2(ranges.length / 8), `depth ${index.depth}`);
  assert.deepEqual(valuesAt(index, '12344x'), [12_344]);
  assert.deepEqual(valuesAt(index, '12345x'), []);
});
