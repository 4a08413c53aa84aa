import assert from 'node:assert/strict';
import { test } from 'node:test';
import { words } from './txn-words.ts';

test('words are parted by blanks, and quotes keep blanks', () => {
  assert.deepEqual(words(''), []);
  assert.deepEqual(words('  put\ta  b '), ['put', 'a', 'b']);
  assert.deepEqual(words(`put "a b" 'c d' "" ''`), ['put', 'a b', 'c d', '', '']);
  assert.deepEqual(words('put a b"c'), ['put', 'a', 'b"c']);
});

test('double quotes have the escapes of Go, single quotes none', () => {
  assert.deepEqual(words(String.raw`"\x41\102\u0043\U00000044\n\t\"\\"`), ['ABCD\n\t"\\']);
  assert.deepEqual(words(String.raw`'x\ny'`), ['x\\ny']);
});

test('text becomes its UTF-8 bytes, an escaped byte stays one', () => {
  assert.deepEqual(words(String.raw`ü "ü\u00fc" "\xfc\377"`), [
    '\xc3\xbc',
    '\xc3\xbc\xc3\xbc',
    '\xfc\xff',
  ]);
});

test('what cannot be read is refused with what would be right', () => {
  for (const [line, expected] of [
    ['put a "b', /^"b has no closing quote$/],
    [String.raw`put a "b\"`, /has no closing quote/],
    ["put a 'b", /^'b has no closing quote$/],
    ['put "a"b', /after "a" there must be a blank/],
    [String.raw`"\q"`, /\\q is no escape: there are/],
    [String.raw`"\'"`, /is no escape/],
    [String.raw`"\x4"`, /is no escape/],
    [String.raw`"\400"`, /is no escape/],
    [String.raw`"\ud800"`, /is no escape/],
    [String.raw`"\U00110000"`, /is no escape/],
  ] as const) {
    assert.throws(() => words(line), { name: 'UsageError', message: expected }, line);
  }
});
