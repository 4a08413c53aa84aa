import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endOfContent, frameBytes, readFrame, viewOf, writeFrame } from './frame.ts';

function targetOf(bytes: Uint8Array) {
  return { bytes, view: viewOf(bytes) };
}

const frames = fc.record({
  kind: fc.integer({ min: 1, max: 255 }),
  index: fc.maxSafeNat(),
  term: fc.maxSafeNat(),
  payload: fc.uint8Array({ maxLength: 100 }),
});

test('what was written is read back, for every kind, index, term and length', () => {
  fc.assert(
    fc.property(frames, fc.integer({ min: 0, max: 9 }), fc.nat(), (frame, place, seed) => {
      const at = place * 8;
      const target = targetOf(
        new Uint8Array(at + frameBytes(frame.payload.length) + 16).fill(0xee),
      );
      const end = writeFrame(target, at, frame, seed);
      assert.equal(end, at + frameBytes(frame.payload.length));
      assert.equal(end % 8, 0);
      assert.deepEqual(readFrame(target, at, seed), { ...frame, end });
      assert.equal(readFrame(target, at, seed + 1), 'damaged');
    }),
    { seed: 1 },
  );
});

test('any flipped bit of a frame, its padding included, and any missing byte is found', () => {
  for (let length = 0; length <= 9; length++) {
    const bytes = new Uint8Array(frameBytes(length));
    const payload = new Uint8Array(length).fill(1);
    writeFrame(targetOf(bytes), 0, { kind: 5, index: 1, term: 1, payload }, 7);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = bytes.slice();
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(readFrame(targetOf(copy), 0, 7), 'damaged', `length ${length} bit ${bit}`);
    }
    for (let cut = 24; cut < bytes.length; cut++) {
      assert.equal(readFrame(targetOf(bytes.slice(0, cut)), 0, 7), 'damaged');
    }
  }
});

test('zeros, and too little room for a header, are the end', () => {
  assert.equal(readFrame(targetOf(new Uint8Array(64)), 8, 0), 'end');
  assert.equal(readFrame(targetOf(new Uint8Array(64).fill(1)), 48, 0), 'end');
  assert.equal(readFrame(targetOf(new Uint8Array(64).fill(1)), 64, 0), 'end');
});

test('endOfContent equals a walk from the end, whatever the alignment', () => {
  const bytes = fc.array(fc.constantFrom(0, 0, 0, 0, 0, 1), { maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(
      bytes,
      fc.integer({ min: 0, max: 3 }),
      fc.nat({ max: 60 }),
      (list, shift, start) => {
        const whole = Uint8Array.from([...new Array<number>(shift).fill(9), ...list]);
        const part = whole.subarray(shift);
        const from = Math.min(start, part.length);
        let end = part.length;
        while (end > from && part[end - 1] === 0) end--;
        assert.equal(endOfContent(part, from), end);
      },
    ),
    { seed: 1, numRuns: 1000 },
  );
});
