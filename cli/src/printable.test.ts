import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goQuoted, printable, textOf } from './printable.ts';

test('text stays as it is, and what does not print shows as an escape', () => {
  assert.equal(printable(Buffer.from('config/Grün 配置 "x" \\')), 'config/Grün 配置 "x" \\');
  assert.equal(
    printable(Buffer.from('a\nb\tc\x1b[31m\u200b\u{e0001}')),
    'a\\nb\\tc\\x1b[31m\\u200b\\U000e0001',
  );
});

test('bytes that are no text show one by one, between the text that there is', () => {
  assert.equal(
    printable(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xc3, 0x0a, 0xf0])),
    'a\\xffé\\xc3\\n\\xf0',
  );
});

test('quoted as etcdctl quotes, which was measured on its version 3.4', () => {
  assert.equal(goQuoted(Buffer.from('ba r\nü"x\'')), '"ba r\\nü\\"x\'"');
  assert.equal(
    goQuoted(Buffer.from([0xff, 0x00, 0x01, 0xc3, 0xa9, 0xe2, 0x80, 0x8b])),
    '"\\xff\\x00\\x01é\\u200b"',
  );
  assert.equal(goQuoted(Buffer.from('')), '""');
  assert.equal(goQuoted(Buffer.from('\\')), '"\\\\"');
});

test('bytes are text only as a whole', () => {
  assert.equal(textOf(Buffer.from('\ufeffé')), '\ufeffé');
  assert.equal(textOf(Buffer.from([0x61, 0x80])), undefined);
});
