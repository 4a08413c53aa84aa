import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from '../core/base/crc32c.ts';
import { emptyMembership } from '../core/raft/membership.ts';
import { BackupDecoder } from './backup-decoder.ts';
import { BackupError } from './backup-error.ts';
import { backupPadding } from './backup-format.ts';
import { SnapshotEncoder } from './snapshot-encoder.ts';

const identity = { clusterId: '11', memberId: '22', directoryId: 'abc' };
const meta = { index: 7, term: 2, membership: emptyMembership };
const chunks = [1, 300, 41, 2000].map((length, at) => new Uint8Array(length).fill(at + 1));

function backupOf(parts: readonly Uint8Array[]): Uint8Array {
  const frames = new SnapshotEncoder(identity, meta);
  const encoded = [frames.header(), ...parts.map((part) => frames.chunk(part)), frames.trailer()];
  const length = encoded.reduce((sum, { length: bytes }) => sum + bytes, 0);
  return new Uint8Array(Buffer.concat([...encoded, new Uint8Array(backupPadding(length))]));
}

const whole = backupOf(chunks);

function decode(bytes: Uint8Array, pieceBytes = bytes.length): BackupDecoder {
  const decoder = new BackupDecoder('b.snap');
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    decoder.push(bytes.subarray(at, at + pieceBytes));
  }
  decoder.finish();
  return decoder;
}

function faultOf(bytes: Uint8Array): BackupError {
  try {
    decode(bytes);
  } catch (error) {
    assert.ok(error instanceof BackupError, String(error));
    assert.match(
      error.message,
      new RegExp(`^b\\.snap is no whole snapshot: at offset ${error.offset}, `),
    );
    return error;
  }
  return assert.fail('it was taken for whole');
}

test('what was encoded comes back, in pieces of any size that the caller uses again', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sizes) => {
      const seen: Uint8Array[] = [];
      const decoder = new BackupDecoder('b.snap', (chunk) => seen.push(chunk.slice()));
      for (let at = 0, turn = 0; at < whole.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        const piece = whole.slice(at, at + size);
        decoder.push(piece);
        piece.fill(0xee);
        at += size;
      }
      assert.deepEqual(decoder.finish().meta, meta);
      assert.deepEqual(seen, chunks);
      const hash = chunks.reduce((sum, chunk) => crc32c(chunk, 0, chunk.length, sum), 0);
      assert.deepEqual([decoder.hash, decoder.chunkBytes], [hash, 2342]);
    }),
    { numRuns: 50 },
  );
});

test('a state without a chunk, and one that needs no zeros, are whole', () => {
  assert.equal(decode(backupOf([])).hash, 0);
  for (let length = 1; length < 512; length += 8) decode(backupOf([new Uint8Array(length)]));
});

test('a SHA-256 may follow, whole, and nothing else', () => {
  const followedBy = (bytes: number) =>
    new Uint8Array(Buffer.concat([whole, Buffer.alloc(bytes, 7)]));
  decode(followedBy(32), 5);
  assert.match(faultOf(followedBy(31)).message, /it ends too early: it was cut off/);
  assert.match(faultOf(followedBy(33)).message, /something follows the end/);
});

describe('damage is found', () => {
  test('wherever a bit is flipped', () => {
    for (let at = 0; at < whole.length; at++) {
      const flipped = whole.slice();
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      const { offset } = faultOf(flipped);
      assert.ok(offset <= at, `a flip at ${at} is found at ${offset}`);
    }
  });

  test('wherever it is cut', () => {
    for (let length = 0; length < whole.length; length++) {
      const { offset, message } = faultOf(whole.subarray(0, length));
      assert.ok(offset <= length, `a cut at ${length} is found at ${offset}`);
      assert.match(message, /it ends too early|cut off/);
    }
  });

  test('when chunks are left out or change places', () => {
    const frames = new SnapshotEncoder(identity, meta);
    const parts = [frames.header(), ...chunks.map((part) => frames.chunk(part)), frames.trailer()];
    const [header, one, two, three, four, trailer] = parts;
    const rows: (readonly (Uint8Array | undefined)[])[] = [
      [header, two, one, three, four, trailer],
      [header, one, two, three, trailer],
      [header, trailer],
      [one, two, three, four, trailer],
      [header, header, one, two, three, four, trailer],
    ];
    for (const row of rows) {
      assert.ok(faultOf(new Uint8Array(Buffer.concat(row.map((part) => part ?? Buffer.alloc(0))))));
    }
  });

  test('what is no snapshot at all is said to be none', () => {
    assert.match(faultOf(Buffer.alloc(9000, 'junk ')).message, /may be no snapshot of Lockstep/);
    assert.match(faultOf(Buffer.alloc(9000)).message, /may be no snapshot of Lockstep/);
    assert.match(faultOf(Buffer.from('junk')).message, /may be no snapshot of Lockstep/);
  });
});
