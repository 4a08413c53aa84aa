import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteString, bytesFromArray, bytesFromText } from '@lockstep/client/protocol';
import { bytesText, countOf, failureText, keyText, preview, secondsText } from './wording.ts';

const bytes = (text: string): ByteString => bytesFromText(text) ?? assert.fail();

test('a key is on one line and hides nothing', () => {
  assert.equal(keyText(bytes('grün/😀')), 'grün/😀');
  assert.equal(keyText(bytes('a\nb\u202ec')), 'a\\u{a}b\\u{202e}c');
  assert.equal(keyText(bytesFromArray(Uint8Array.of(0xff, 1))), '0xff01');
});

test('a preview is cut between characters', () => {
  assert.equal(preview(bytes('short\n text')), 'short text');
  assert.equal(preview(bytes('ü'.repeat(500)), 10), `${'ü'.repeat(10)}…`);
  assert.equal(preview(bytes(`a${'ü'.repeat(500)}`), 10), `a${'ü'.repeat(9)}…`);
});

test('amounts are short', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 200 * 1024, 2 ** 31].map(bytesText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '200 KiB',
    '2.0 GiB',
  ]);
  assert.deepEqual([-1, 90, 3600, 86_400, 40 * 86_400].map(secondsText), [
    '0 s',
    '90 s',
    '60 min',
    '24 h',
    '40 d',
  ]);
  assert.deepEqual([countOf(1, 'key'), countOf(1200, 'key')], ['1 key', '1,200 keys']);
});

test('a failure is a sentence', () => {
  assert.equal(failureText(new Error('no member answers')), 'No member answers.');
  assert.equal(failureText(new Error('Stopped.')), 'Stopped.');
});
