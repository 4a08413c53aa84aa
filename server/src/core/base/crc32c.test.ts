import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c } from './crc32c.ts';

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** One bit at a time, straight from the definition. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test('crc32c gives the values of RFC 3720, appendix B.4', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c);
  assert.equal(crc32c(ascii('123456789')), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

test('crc32c equals the bitwise definition for every length and start', () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, at) => (at * 151 + 7) & 0xff);
  for (let start = 0; start < 16; start++) {
    for (let end = start; end <= 64; end++) {
      assert.equal(crc32c(bytes, start, end), slow(bytes.subarray(start, end)));
    }
  }
});

test('crc32c of a text in pieces is that of the whole', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => (at * 37) & 0xff);
  for (let cut = 0; cut <= 100; cut++) {
    assert.equal(crc32c(bytes, cut, 100, crc32c(bytes, 0, cut)), crc32c(bytes));
  }
});
