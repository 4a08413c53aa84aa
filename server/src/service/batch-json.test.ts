import assert from 'node:assert/strict';
import test from 'node:test';
import { type ByteString, limits, type WatchEventsParams } from '@lockstep/client/protocol';
import type { WatchBatch } from '../store.ts';
import { batchFragments, batchJson } from './batch-json.ts';

function batchOf(...valueBytes: number[]): WatchBatch {
  const events = valueBytes.map((bytes, at) => ({
    kv: {
      key: `k${at}` as ByteString,
      value: 'x'.repeat(bytes) as ByteString,
      createRevision: 5,
      modRevision: 5,
      version: 1,
      lease: '0',
    },
    prevKv: undefined,
  }));
  return { revision: 5, events };
}

function parsed(body: string): Omit<WatchEventsParams, 'watchIds'> {
  return JSON.parse(`{${body}}`);
}

test('[W-38] a small revision is one notification, and does not speak of fragments', () => {
  const batch = batchOf(10, 20);
  const [only, ...others] = batchFragments(batch);
  assert.deepEqual(others, []);
  assert.equal(only, batchJson(batch));
  assert.deepEqual(Object.keys(parsed(batchJson(batch))), ['revision', 'events']);
});

test('[W-38] a large revision is split between events, and all parts but the last say so', () => {
  const third = Math.floor(limits.chunkBytesMax / 3);
  const batch = batchOf(third, third, third, third, 2 * limits.chunkBytesMax, 1);
  const parts = batchFragments(batch).map(parsed);
  assert.deepEqual(
    parts.map(({ events, fragment }) => [events.map(({ kv }) => kv.key), fragment]),
    [
      [['k0', 'k1'], true],
      [['k2', 'k3'], true],
      [['k4'], true],
      [['k5'], undefined],
    ],
  );
  assert.deepEqual(
    parts.flatMap(({ events }) => events),
    parsed(batchJson(batch)).events,
  );
  assert.ok(parts.every(({ revision }) => revision === 5));
});

test('[W-32] one batch is encoded once, whole and in parts', () => {
  const batch = batchOf(limits.chunkBytesMax, limits.chunkBytesMax);
  assert.equal(batchFragments(batch), batchFragments(batch));
  assert.equal(batchFragments(batch).length, 2);
});
