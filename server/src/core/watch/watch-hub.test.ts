import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeyValue, successor, tombstone } from '../mvcc/key-value.ts';
import { type ByteString, emptyBytes, noLease } from '../mvcc/values.ts';
import type { WatchBatch, WatchEnd, WatchSource, WatchSpec } from './types.ts';
import { WatchHub } from './watch-hub.ts';

const bytes = (text: string): ByteString => text as ByteString;

/** A log in a list, of keys that are written for the first time. */
class FirstWrites implements WatchSource {
  readonly all: KeyValue[] = [];
  revision = 1;
  compactRevision = 0;
  readonly events = ((all: readonly KeyValue[]): WatchSource['events'] => ({
    get length() {
      return all.length;
    },
    at: (position) => all[position] as KeyValue,
    positionOf(revision) {
      const found = all.findIndex(({ modRevision }) => modRevision >= revision);
      return found === -1 ? all.length : found;
    },
  }))(this.all);

  before(): undefined {}
}

const plain = { prevKv: false, noPut: false, noDelete: false, keysOnly: false };
const unlimited = { progressNotify: false, credits: undefined };
const everything: WatchSpec = {
  ...plain,
  ranges: [{ key: bytes('\0'), rangeEnd: bytes('\0') }],
};

function tell(told: string[], name: string, ready = (): boolean => true) {
  return {
    ready,
    events: (ids: readonly number[], { revision }: WatchBatch) =>
      void told.push(`${name} ${ids} at ${revision}`),
    progress: (ids: readonly number[], revision: number) =>
      void told.push(`${name} ${ids} reached ${revision}`),
    ended: (id: number, { reason }: WatchEnd) => void told.push(`${name} ${id} ended ${reason}`),
  };
}

function put(source: FirstWrites, ...keys: string[]): KeyValue[] {
  const revision = ++source.revision;
  const events = keys.map((key) =>
    successor(undefined, { key: bytes(key), value: emptyBytes, lease: noLease }, revision),
  );
  source.all.push(...events);
  return events;
}

test('neither a full connection nor a watch in the future is work, until it has room or its revision comes', () => {
  const told: string[] = [];
  let ready = false;
  const source = new FirstWrites();
  const hub = new WatchHub(source);
  const stream = hub.open(tell(told, 'one', () => ready));
  stream.create(1, everything, unlimited, 0);
  stream.create(2, everything, unlimited, 4);
  assert.equal(hub.hasWork, false);
  for (let write = 0; write < 2; write++) hub.publish(put(source, 'a'));
  while (hub.hasWork) hub.work();
  hub.publish(put(source, 'a'));
  assert.deepEqual(told, []);
  ready = true;
  stream.resume();
  assert.equal(hub.hasWork, true);
  while (hub.hasWork) hub.work();
  assert.deepEqual(told, ['one 1 at 2', 'one 1 at 3', 'one 1,2 at 4']);
});

test('connections that read the same part of the log are given the same batches', () => {
  const source = new FirstWrites();
  const hub = new WatchHub(source);
  for (let write = 0; write < 40; write++) hub.publish(put(source, 'a', 'b'));
  const batches: WatchBatch[][] = [[], []];
  for (const own of batches) {
    const events = (_ids: readonly number[], batch: WatchBatch): void => void own.push(batch);
    hub.open({ ...tell([], ''), events }).create(1, everything, unlimited, 1);
  }
  while (hub.hasWork) hub.work();
  const [one, other] = batches;
  assert.equal(one?.length, 40);
  for (const [at, batch] of (one ?? []).entries()) assert.equal(batch, other?.[at]);
});

test('a write to thousands of keys costs each of thousands of watches its own key only', () => {
  let looks = 0;
  const source = new FirstWrites();
  const hub = new WatchHub(source);
  let batches = 0;
  const stream = hub.open({ ...tell([], ''), events: () => batches++ });
  const names = Array.from({ length: 5_000 }, (_, at) => bytes(`key${at}`));
  for (const [at, key] of names.entries()) {
    stream.create(at, { ...plain, ranges: [{ key, rangeEnd: emptyBytes }] }, unlimited, 0);
  }
  const revision = ++source.revision;
  const events = names.map((key) => ({
    ...tombstone(key, revision),
    get version() {
      looks++;
      return 0;
    },
  }));
  source.all.push(...events);
  hub.publish(events);
  assert.equal(batches, names.length);
  assert.ok(looks <= 4 * names.length, `${looks} looks at events`);
});

test('watches that ask for the same ranges in another order, or twice, are told together', () => {
  const told: string[] = [];
  const source = new FirstWrites();
  const hub = new WatchHub(source);
  const stream = hub.open(tell(told, 'one'));
  const [a, b] = ['a', 'b'].map((key) => ({ key: bytes(key), rangeEnd: emptyBytes })) as [
    WatchSpec['ranges'][number],
    WatchSpec['ranges'][number],
  ];
  const limited = { progressNotify: true, credits: 1 };
  stream.create(1, { ...plain, ranges: [a, b] }, unlimited, 0);
  stream.create(2, { ...plain, ranges: [b, a, b] }, limited, 0);
  hub.publish(put(source, 'a', 'b'));
  hub.publish(put(source, 'b'));
  assert.deepEqual(told, ['one 1,2 at 2', 'one 1 at 3']);
});

test('progress is told to who had no event since it was told last, and is up to date', () => {
  const told: string[] = [];
  const source = new FirstWrites();
  const hub = new WatchHub(source);
  const stream = hub.open(tell(told, 'one'));
  const asked = { progressNotify: true, credits: undefined };
  const ranges = [{ key: bytes('b'), rangeEnd: emptyBytes }];
  stream.create(1, everything, asked, 0);
  stream.create(2, { ...plain, ranges }, asked, 0);
  stream.create(3, everything, unlimited, 0);
  hub.publish(put(source, 'a'));
  stream.create(4, everything, asked, 2);
  hub.progressDue();
  hub.progressDue();
  assert.deepEqual(told, ['one 1,3 at 2', 'one 2 reached 2', 'one 1,2 reached 2']);
});
