import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MvccStore } from '../core/mvcc/store.ts';
import { type ByteString, emptyBytes, noLease } from '../core/mvcc/values.ts';
import type { RangeRequest } from '../store.ts';
import { readRange, readScan } from './sliced-reads.ts';

const bytes = (text: string): ByteString => text as ByteString;
const everything: RangeRequest = {
  key: bytes('\0'),
  rangeEnd: bytes('\0'),
  limit: 0,
  revision: 0,
  keysOnly: false,
  countOnly: false,
  sortOrder: 'none',
  sortTarget: 'key',
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};

/** A store of `count` keys, and a member whose turns a test decides about. */
function rig(count: number) {
  const store = new MvccStore();
  const put = (at: number, value: string) =>
    store.write((txn) =>
      txn.put({
        key: bytes(`k${String(at).padStart(6, '0')}`),
        value: bytes(value),
        lease: noLease,
      }),
    );
  for (let at = 0; at < count; at++) put(at, 'old');
  const turns: (() => void)[] = [];
  const member = { machine: { store }, pause: (done: () => void) => void turns.push(done) };
  return { store, put, turns, member };
}

test('a small range is answered at once', () => {
  const { member } = rig(10);
  const reply = readRange(member, { ...everything, limit: 3 });
  assert.ok(!(reply instanceof Promise));
  assert.deepEqual([reply.kvs.length, reply.more, reply.count], [3, true, 10]);
});

test('a long range shows one revision, whatever is written, compacted and swept between its turns', async () => {
  const { store, put, turns, member } = rig(5_000);
  const reply = readRange(member, everything);
  assert.ok(reply instanceof Promise);
  let taken = 0;
  while (turns.length > 0) {
    taken++;
    for (let at = 0; at < 5_000; at += 100) put(at, 'new');
    put(10_000 + taken, 'new');
    store.write((txn) => txn.deleteRange({ key: bytes('k004999'), rangeEnd: emptyBytes }));
    store.compact(store.revision);
    store.sweep(1_000_000);
    turns.shift()?.();
    // The read goes on in a microtask of its own.
    await Promise.resolve();
    await Promise.resolve();
  }
  const { kvs, count } = await reply;
  assert.ok(taken >= 4, `${taken} turns`);
  assert.equal(count, 5_000);
  assert.ok(kvs.every(({ value }) => value === 'old'));
  assert.equal(store.hasGarbage, true, 'what the read held may go now');
  while (store.hasGarbage) store.sweep(1_000);
  assert.equal(store.keys, 4_999 + taken);
});

test('chunks of a scan follow each other without gap or overlap', async () => {
  const { member } = rig(100);
  const request = { key: bytes('k'), rangeEnd: bytes('l'), revision: 0, limit: 0, keysOnly: false };
  const seen: string[] = [];
  let after = emptyBytes;
  for (;;) {
    const chunk = await readScan(member, { ...request, after, bytesMax: 95 });
    seen.push(...chunk.kvs.map(({ key }) => key));
    after = chunk.kvs.at(-1)?.key ?? emptyBytes;
    if (!chunk.more) break;
    assert.equal(chunk.kvs.length, 10, 'ten bytes each, until 95 are reached');
  }
  assert.equal(new Set(seen).size, 100);
  assert.deepEqual(seen, [...seen].sort());
});

test('a scan that passes many deleted keys takes turns, and ends', async () => {
  const { store, turns, member } = rig(3_000);
  store.write((txn) => txn.deleteRange({ key: bytes('\0'), rangeEnd: bytes('k002990') }));
  const request = { ...everything, after: emptyBytes, bytesMax: 1_000_000, limit: 4 };
  const scan = readScan(member, request);
  while (turns.length > 0) {
    turns.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  }
  const { kvs, more } = await scan;
  assert.deepEqual([kvs.length, kvs[0]?.key, more], [4, 'k002990', true]);
});
