/**
 * What a watch promises (etcd: ordered, unique, atomic, reliable, resumable, bookmarkable; and that
 * pairs before, creations and filters are right), over the real store and hub, against a list of
 * everything that was ever written. The store is compacted again and again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from './base/random.ts';
import { inRange, type KeyRange } from './mvcc/key-range.ts';
import type { KeyValue } from './mvcc/key-value.ts';
import { MvccStore } from './mvcc/store.ts';
import { type ByteString, emptyBytes, noLease } from './mvcc/values.ts';
import type { WatchBatch, WatchEnd, WatchSpec } from './watch/types.ts';
import { type HubStream, WatchHub } from './watch/watch-hub.ts';

const bytes = (text: string): ByteString => text as ByteString;
const names = ['a', 'a/1', 'a/2', 'b', 'c'].map(bytes);
const ranges: KeyRange[] = [
  { key: bytes('a'), rangeEnd: emptyBytes },
  { key: bytes('a/'), rangeEnd: bytes('a0') },
  { key: bytes('b'), rangeEnd: bytes('\0') },
  { key: bytes('\0'), rangeEnd: bytes('\0') },
  { key: bytes('c'), rangeEnd: bytes('a') },
  { key: bytes('c'), rangeEnd: emptyBytes },
];

/** Everything that was ever written, and the pair before each. */
class History {
  readonly events: { kv: KeyValue; before: KeyValue | undefined }[] = [];
  readonly #live = new Map<string, KeyValue>();

  add(events: readonly KeyValue[]): void {
    const before = new Map(this.#live);
    for (const kv of events) {
      this.events.push({ kv, before: before.get(kv.key) });
      if (kv.version === 0) this.#live.delete(kv.key);
      else this.#live.set(kv.key, kv);
    }
  }
}

/** A watch and its client, who checks whatever it is told. */
class Watcher {
  readonly id: number;
  readonly spec: WatchSpec;
  readonly history: History;
  next: number;
  credits: number;
  end: WatchEnd | undefined;

  constructor(id: number, spec: WatchSpec, history: History, start: number, credits: number) {
    this.id = id;
    this.spec = spec;
    this.history = history;
    this.next = start;
    this.credits = credits;
  }

  /** What it is due from `from` on, by revision. */
  due(from: number, revision: number): KeyValue[] {
    return this.history.events
      .filter(({ kv }) => kv.modRevision >= from && kv.modRevision <= revision && this.#sees(kv))
      .map(({ kv }) => kv);
  }

  #sees(kv: KeyValue): boolean {
    if (kv.version === 0 ? this.spec.noDelete : this.spec.noPut) return false;
    return this.spec.ranges.some((range) => inRange(range, kv.key));
  }

  told(batch: WatchBatch): void {
    const { revision, events } = batch;
    assert.equal(this.end, undefined, 'an event after the end');
    assert.ok(revision >= this.next, `revision ${revision} came again or too early`);
    assert.ok(this.credits-- > 0, 'more revisions than credits');
    const skipped = this.due(this.next, revision - 1);
    assert.deepEqual(skipped, [], 'an event was left out');
    const due = this.due(revision, revision);
    const value = (kv: KeyValue): ByteString => (this.spec.keysOnly ? emptyBytes : kv.value);
    assert.deepEqual(
      events.map(({ kv }) => kv),
      due.map((kv) => ({ ...kv, value: value(kv) })),
      'a revision is whole and in order',
    );
    for (const { kv, prevKv } of events) {
      const truth = this.history.events.find(
        (event) => event.kv.key === kv.key && event.kv.modRevision === kv.modRevision,
      );
      if (kv.version === 1) assert.equal(kv.createRevision, kv.modRevision, 'a creation');
      if (prevKv === undefined) continue;
      assert.ok(this.spec.prevKv, 'a pair before that nobody asked for');
      const before = truth?.before;
      assert.deepEqual(prevKv, before && { ...before, value: value(before) });
    }
    this.next = revision + 1;
  }
}

class Rig {
  readonly random: Random;
  readonly history = new History();
  readonly watchers = new Map<number, Watcher>();
  store = new MvccStore();
  readonly hub = new WatchHub(this.store);
  readonly stream: HubStream;
  ready = true;
  #lastId = 0;
  synced: number[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    this.stream = this.hub.open({
      ready: () => this.ready,
      events: (ids, batch) => {
        assert.ok(this.ready, 'events for a connection that is full');
        assert.equal(new Set(ids).size, ids.length, 'a watch is named twice');
        for (const id of ids) this.watchers.get(id)?.told(batch);
      },
      progress: (ids, revision) => {
        for (const id of ids) {
          const watcher = this.watchers.get(id) as Watcher;
          assert.deepEqual(watcher.due(watcher.next, revision), [], 'progress overtook an event');
          watcher.next = Math.max(watcher.next, revision + 1);
        }
      },
      ended: (id, end) => {
        const watcher = this.watchers.get(id) as Watcher;
        watcher.end = end;
      },
    });
  }

  write(): void {
    const { random } = this;
    const { events } = this.store.write((txn) => {
      for (const key of names) {
        if (random.oneIn(6)) txn.deleteRange({ key, rangeEnd: emptyBytes });
        else if (random.oneIn(3)) {
          txn.put({ key, value: bytes(String(random.below(100))), lease: noLease });
        }
      }
    });
    this.history.add(events);
    this.hub.publish(events);
  }

  watch(): void {
    const { random, store } = this;
    const id = ++this.#lastId;
    const spec = {
      ranges: Array.from({ length: 1 + random.below(3) }, () => random.pick(ranges)),
      prevKv: random.oneIn(2),
      noPut: random.oneIn(5),
      noDelete: random.oneIn(5),
      keysOnly: random.oneIn(4),
    };
    const span = store.revision - store.compactRevision + 5;
    const start = random.oneIn(3) ? 0 : Math.max(1, store.compactRevision + random.below(span));
    const credits = random.oneIn(3) ? random.below(4) : undefined;
    const next = start || store.revision + 1;
    const limit = credits ?? Number.POSITIVE_INFINITY;
    this.watchers.set(id, new Watcher(id, spec, this.history, next, limit));
    const service = { progressNotify: random.oneIn(2), credits };
    assert.equal(this.stream.create(id, spec, service, start), next);
  }

  credit(): void {
    for (const watcher of this.watchers.values()) {
      if (watcher.end !== undefined || !this.random.oneIn(3)) continue;
      const more = 1 + this.random.below(3);
      watcher.credits += more;
      assert.ok(this.stream.credit(watcher.id, more));
    }
  }

  compact(): void {
    this.store.compact(
      Math.min(this.store.revision, this.store.compactRevision + 1 + this.random.below(3)),
    );
    if (this.random.oneIn(2)) this.store.sweep(1 + this.random.below(5));
  }

  /** The whole state arrives anew, as from another member. */
  replace(): void {
    const view = this.store.view();
    const copy = new MvccStore();
    for (const kv of view.base()) copy.recordBase(kv);
    for (const kv of view.events()) copy.record(kv);
    copy.restored(view.revision, view.compactRevision);
    view.release();
    // It is ahead: what is written here is not published, but found in the log.
    const { events } = copy.write((txn) => {
      txn.put({ key: bytes('a'), value: bytes('jumped'), lease: noLease });
    });
    this.history.add(events);
    this.store = copy;
    this.hub.replaceSource(copy);
  }

  work(): void {
    for (let turn = 0; this.hub.hasWork; turn++) {
      assert.ok(turn < 1_000, 'the hub says for ever that there is work');
      this.hub.work();
    }
  }

  step(): void {
    switch (this.random.below(12)) {
      case 0:
      case 1:
        return this.watch();
      case 2:
        this.ready = !this.ready;
        if (this.ready) this.stream.resume();
        return;
      case 3:
        return this.compact();
      case 4:
        return this.credit();
      case 5:
        return this.hub.progressDue();
      case 6:
        return this.stream.whenSynced((revision) => {
          this.synced.push(revision);
          for (const watcher of this.watchers.values()) {
            if (watcher.end !== undefined) continue;
            assert.deepEqual(watcher.due(watcher.next, revision), [], 'synced before its events');
          }
        });
      case 7:
        if (this.random.oneIn(6)) this.replace();
        else if (this.random.oneIn(3)) this.cancel();
        return;
      case 8:
        if (this.hub.hasWork) this.hub.work();
        return;
      default:
        return this.write();
    }
  }

  cancel(): void {
    const watcher = [...this.watchers.values()].find(({ end }) => end === undefined);
    if (watcher === undefined) return;
    this.watchers.delete(watcher.id);
    assert.ok(this.stream.cancel(watcher.id));
    assert.ok(!this.stream.has(watcher.id));
  }

  /** Everybody reads to the end, or has ended with a place to resume at. */
  finish(): void {
    this.ready = true;
    this.stream.resume();
    for (const watcher of this.watchers.values()) {
      if (watcher.end !== undefined) continue;
      watcher.credits += 1_000;
      this.stream.credit(watcher.id, 1_000);
    }
    let synced = false;
    this.stream.whenSynced(() => {
      synced = true;
    });
    this.work();
    assert.ok(synced, 'never synced');
    for (const { end, due, next } of [...this.watchers.values()].map((watcher) => ({
      end: watcher.end,
      next: watcher.next,
      due: watcher.due(watcher.next, this.store.revision),
    }))) {
      if (end === undefined) assert.deepEqual(due, [], 'events never came');
      else {
        assert.equal(end.reason, 'compacted');
        assert.ok(next < (end.compactRevision ?? 0), 'it had not lost its place');
        assert.equal(end.resumeRevision, end.compactRevision);
      }
    }
  }
}

test('every watch is told all that it is due, once, whole and in order, or ends with its place', () => {
  let ended = 0;
  let synced = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const rig = new Rig(seed);
    try {
      for (let step = 0; step < 120; step++) rig.step();
      rig.finish();
    } catch (error) {
      throw new Error(`seed ${seed}: ${error}`, { cause: error });
    }
    ended += [...rig.watchers.values()].filter(({ end }) => end !== undefined).length;
    synced += rig.synced.length;
  }
  assert.ok(ended > 100 && synced > 100, `${ended} ended by compaction, ${synced} times synced`);
});

test('an idle hub has no work, whatever is written to others', () => {
  const rig = new Rig(1);
  rig.stream.create(
    1,
    {
      ranges: [ranges[5] as KeyRange],
      prevKv: false,
      noPut: false,
      noDelete: false,
      keysOnly: false,
    },
    { progressNotify: false, credits: undefined },
    0,
  );
  for (let write = 0; write < 10; write++) {
    rig.store.write((txn) => txn.put({ key: bytes('b'), value: emptyBytes, lease: noLease }));
    assert.equal(rig.hub.hasWork, false);
  }
  assert.equal(rig.hub.watches, 1);
  rig.stream.close();
  assert.equal(rig.hub.watches, 0);
});
