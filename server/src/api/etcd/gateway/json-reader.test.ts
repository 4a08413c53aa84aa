import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonReader } from './json-reader.ts';

function readAll(text: string, sizes: readonly number[], bytesMax = 1_000_000): string[] {
  const reader = new JsonReader(bytesMax);
  const bytes = Buffer.from(text);
  const values: string[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    values.push(...reader.push(bytes.subarray(at, at + size)));
    at += size;
  }
  assert.equal(reader.isInside, false);
  return values;
}

test('values come out as they went in, wherever the stream is cut and whatever stands between them', () => {
  const space = fc.constantFrom('', ' ', '\n', '\r\n\t ');
  const value = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()));
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(fc.tuple(value, space)), sizes, (values, cuts) => {
      const text = values.map(([each, gap]) => JSON.stringify(each) + gap).join('');
      const seen = readAll(text, cuts).map((each) => JSON.parse(each) as unknown);
      assert.deepEqual(
        seen,
        values.map(([each]) => JSON.parse(JSON.stringify(each))),
      );
    }),
  );
});

test('braces and escaped quotes within strings end nothing', () => {
  const text = '{"a":"}\\"}{"}{"b":"\\\\"}';
  assert.deepEqual(readAll(text, [1]), ['{"a":"}\\"}{"}', '{"b":"\\\\"}']);
});

test('what is neither object nor array is refused, and what came before it is given out first', () => {
  const reader = new JsonReader(100);
  const values: string[] = [];
  assert.throws(() => {
    for (const value of reader.push(Buffer.from('{"a":1} 5'))) values.push(value);
  }, /a request is an object.*got "5"/);
  assert.deepEqual(values, ['{"a":1}']);
});

test('a value that is too large is refused before it is whole', () => {
  const reader = new JsonReader(10);
  assert.deepEqual([...reader.push(Buffer.from('{"a":1234'))], []);
  assert.throws(() => [...reader.push(Buffer.from('567'))], /may have 10 bytes of JSON/);
});

test('it knows when it is within a value', () => {
  const reader = new JsonReader(100);
  assert.deepEqual([...reader.push(Buffer.from(' {"a"'))], []);
  assert.equal(reader.isInside, true);
  assert.deepEqual([...reader.push(Buffer.from(':1} '))], ['{"a":1}']);
  assert.equal(reader.isInside, false);
});
