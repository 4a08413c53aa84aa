import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewOf } from '../frame.ts';
import { batchAt, batchRecordBytes, checksumSeed, isBefore, writeBatchRecord } from './record.ts';

const seed = checksumSeed({ clusterId: '1', memberId: '2', directoryId: 'one' });
const durable = { sequence: 3, offset: 2 ** 33 };

function written(at: number) {
  const bytes = new Uint8Array(at + batchRecordBytes);
  const target = { bytes, view: viewOf(bytes) };
  const position = { sequence: 4, offset: at };
  assert.equal(writeBatchRecord(target, at, { position, durable }, seed), at + batchRecordBytes);
  return target;
}

test('a batch record says what was durable, at its own place only', () => {
  assert.deepEqual(batchAt(written(64), { sequence: 4, offset: 64 }, seed), durable);
  const moved = new Uint8Array(128);
  moved.set(written(64).bytes.subarray(64), 72);
  const target = { bytes: moved, view: viewOf(moved) };
  assert.equal(batchAt(target, { sequence: 4, offset: 72 }, seed), undefined);
  assert.equal(batchAt(written(64), { sequence: 5, offset: 64 }, seed), undefined);
});

test('a batch record of another directory does not verify', () => {
  const other = checksumSeed({ clusterId: '1', memberId: '2', directoryId: 'other' });
  assert.equal(batchAt(written(64), { sequence: 4, offset: 64 }, other), undefined);
});

test('positions are ordered by segment, then by offset', () => {
  assert.ok(isBefore({ sequence: 1, offset: 9 }, { sequence: 2, offset: 0 }));
  assert.ok(isBefore({ sequence: 1, offset: 8 }, { sequence: 1, offset: 9 }));
  assert.ok(!isBefore({ sequence: 1, offset: 9 }, { sequence: 1, offset: 9 }));
});
