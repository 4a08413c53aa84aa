import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portableLatin1 } from '../core/base/latin1.ts';
import { nodeLatin1 } from './node-latin1.ts';

test("Node decodes bytes as the portable way does, every byte and whatever the view's place", () => {
  const all = Uint8Array.from({ length: 10_000 }, (_, at) => (at * 7 + (at >> 8)) % 256);
  for (const bytes of [all, all.subarray(3, 9_001), new Uint8Array(0)]) {
    for (const [start, end] of [
      [0, bytes.length],
      [1, 257],
      [5, 5],
    ] as const) {
      const to = Math.min(end, bytes.length);
      const from = Math.min(start, to);
      const text = nodeLatin1.decode(bytes, from, to);
      assert.equal(text, portableLatin1.decode(bytes, from, to));
      assert.deepEqual(
        Uint8Array.from(text, (character) => character.charCodeAt(0)),
        bytes.slice(from, to),
      );
    }
  }
});
