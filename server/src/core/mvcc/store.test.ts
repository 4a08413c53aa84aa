import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../base/random.ts';
import { isTombstone, type KeyValue } from './key-value.ts';
import type { RangeReply, RangeRequest } from './requests.ts';
import { MvccStore } from './store.ts';
import { type ByteString, emptyBytes, noLease } from './values.ts';

const bytes = (text: string): ByteString => text as ByteString;
const names = ['a', 'aa', 'b', 'c', 'c\xff', 'd'].map(bytes);
/** The dumb store: every event that ever was, read from the start for each answer. */
class Dumb {
  readonly events: KeyValue[] = [];

  liveAt(revision: number): KeyValue[] {
    const newest = new Map<string, KeyValue>();
    for (const event of this.events) {
      if (event.modRevision <= revision) newest.set(event.key, event);
    }
    return [...newest.values()]
      .filter((kv) => !isTombstone(kv))
      .sort((left, right) => (left.key < right.key ? -1 : 1));
  }

  range(request: RangeRequest, now: number): RangeReply {
    const end = request.rangeEnd;
    const all = this.liveAt(request.revision || now).filter(({ key }) =>
      end === '' ? key === request.key : key >= request.key && (end === '\0' || key < end),
    );
    const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
    let fit = all.filter(
      (kv) =>
        kv.modRevision >= minModRevision &&
        kv.createRevision >= minCreateRevision &&
        (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
        (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision),
    );
    const by = {
      key: (kv: KeyValue) => kv.key,
      version: (kv: KeyValue) => kv.version,
      create: (kv: KeyValue) => kv.createRevision,
      mod: (kv: KeyValue) => kv.modRevision,
      value: (kv: KeyValue) => kv.value,
    }[request.sortTarget];
    const sign = request.sortOrder === 'descend' ? -1 : 1;
    fit = fit
      .map((kv, at) => ({ kv, at }))
      .sort((left, right) => {
        const [one, other] = [by(left.kv), by(right.kv)];
        return one === other ? left.at - right.at : one < other ? -sign : sign;
      })
      .map(({ kv }) => kv);
    const limit = request.limit || fit.length;
    const kvs = request.countOnly ? [] : fit.slice(0, limit);
    return {
      kvs: request.keysOnly ? kvs.map((kv) => ({ ...kv, value: emptyBytes })) : kvs,
      more: !request.countOnly && fit.length > limit,
      count: all.length,
    };
  }
}

function randomRange(random: Random, store: MvccStore): RangeRequest {
  const { revision, compactRevision } = store;
  const span = Math.max(1, revision - compactRevision + 1);
  const revisionOrNone = () => (random.oneIn(3) ? 1 + random.below(revision) : 0);
  return {
    key: random.pick(names),
    rangeEnd: random.pick([emptyBytes, bytes('\0'), ...names]),
    limit: random.oneIn(2) ? random.below(4) : 0,
    revision: random.oneIn(2) ? compactRevision + random.below(span) : 0,
    keysOnly: random.oneIn(4),
    countOnly: random.oneIn(6),
    sortOrder: random.pick(['none', 'ascend', 'descend']),
    sortTarget: random.pick(['key', 'version', 'create', 'mod', 'value']),
    minModRevision: revisionOrNone(),
    maxModRevision: revisionOrNone(),
    minCreateRevision: revisionOrNone(),
    maxCreateRevision: revisionOrNone(),
  };
}

function writeOnce(random: Random, store: MvccStore, dumb: Dumb): void {
  const { events } = store.write((txn) => {
    for (let left = 1 + random.below(3); left > 0; left--) {
      const key = random.pick(names);
      if (random.oneIn(4)) {
        txn.deleteRange({ key, rangeEnd: random.pick([emptyBytes, bytes('\0'), bytes('c')]) });
      } else {
        txn.put({ key, value: bytes(String(random.below(5))), lease: noLease });
      }
    }
  });
  dumb.events.push(...events);
}

function restoredFrom(store: MvccStore): MvccStore {
  const view = store.view();
  const copy = new MvccStore();
  for (const kv of view.base()) copy.recordBase(kv);
  for (const kv of view.events()) copy.record(kv);
  copy.restored(view.revision, view.compactRevision);
  view.release();
  return copy;
}

function shown(store: MvccStore): unknown {
  const view = store.view();
  const all = { base: [...view.base()], events: [...view.events()], revision: view.revision };
  view.release();
  return all;
}

test('every range at every revision that is left is what a list of all events says, compacting at every revision', () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Random(seed);
    let store = new MvccStore();
    const dumb = new Dumb();
    for (let step = 0; step < 60; step++) {
      writeOnce(random, store, dumb);
      if (random.oneIn(2)) {
        store.compact(store.compactRevision + 1 + random.below(2));
        if (random.oneIn(2)) store.sweep(1 + random.below(4));
      }
      if (random.oneIn(10)) store = restoredFrom(store);
      const request = randomRange(random, store);
      assert.deepEqual(
        store.range(request),
        dumb.range(request, store.revision),
        `seed ${seed} step ${step} ${JSON.stringify(request)}`,
      );
    }
    assert.equal(store.keys, dumb.liveAt(store.revision).length, `seed ${seed}`);
  }
});

test('what was swept and what was not show the same state, and a copy of it as well', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const [swept, lazy] = [new MvccStore(), new MvccStore()];
    const ignored = new Dumb();
    for (let step = 0; step < 40; step++) {
      const written = random.next();
      writeOnce(new Random(written), swept, ignored);
      writeOnce(new Random(written), lazy, ignored);
      if (!random.oneIn(3)) continue;
      const revision = swept.compactRevision + 1 + random.below(3);
      assert.equal(swept.compact(revision), lazy.compact(revision));
      while (swept.hasGarbage) swept.sweep(3);
      assert.deepEqual(shown(swept), shown(lazy), `seed ${seed} step ${step}`);
      assert.deepEqual(shown(restoredFrom(swept)), shown(lazy), `seed ${seed} step ${step}`);
    }
  }
});

test('memory that history took is given back, and the estimate with it', () => {
  const store = new MvccStore();
  const put = (key: string) =>
    store.write((txn) => txn.put({ key: bytes(key), value: bytes('v'), lease: noLease }));
  put('kept');
  put('gone');
  const { stateBytes } = store;
  for (let round = 0; round < 5_000; round++) put('kept');
  store.write((txn) => txn.deleteRange({ key: bytes('gone'), rangeEnd: emptyBytes }));
  assert.ok(store.stateBytes > 100 * stateBytes);
  store.compact(store.revision);
  while (store.hasGarbage) store.sweep(1_000);
  assert.equal(store.countVersions(), 1);
  assert.equal(store.stateBytes, stateBytes / 2, 'one key of the two is left');
  assert.equal(store.stateBytes, store.liveBytes);
  assert.equal(store.events.length - store.events.firstPosition, 1, 'the event at the revision');
});

test('a view that is read while history is compacted and swept shows what was there when it was taken', () => {
  const store = new MvccStore();
  const write = (value: string) =>
    store.write((txn) => {
      for (const key of names) txn.put({ key, value: bytes(value), lease: noLease });
    });
  for (const value of ['1', '2', '3']) write(value);
  store.compact(3);
  const view = store.view();
  const base = view.base();
  const first = base.next().value;
  for (const value of ['4', '5']) write(value);
  store.compact(store.revision);
  store.sweep(1_000);
  const rest = [...base];
  assert.deepEqual([first, ...rest], [undefined], 'all that is visible at 3 was written at 3');
  assert.deepEqual(
    [...view.events()].map(({ value, modRevision }) => [value, modRevision]),
    [...names.map(() => ['2', 3]), ...names.map(() => ['3', 4])],
  );
  assert.ok(store.hasGarbage === false && store.countVersions() > names.length, 'held by the view');
  view.release();
  assert.ok(store.hasGarbage);
  while (store.hasGarbage) store.sweep(7);
  assert.equal(store.countVersions(), names.length);
});

test('a revision is compacted once, and not before it exists', () => {
  const store = new MvccStore();
  store.write((txn) => txn.put({ key: bytes('a'), value: bytes('1'), lease: noLease }));
  assert.equal(store.compact(3), 'future_revision');
  assert.equal(store.compact(2), undefined);
  assert.equal(store.compact(2), 'compacted');
  assert.equal(store.compact(0), 'compacted');
  assert.equal(store.refusal(2), undefined, 'the state at the compacted revision is readable');
  assert.equal(store.refusal(1), 'compacted');
  assert.equal(store.refusal(0), undefined);
});

test('keys that came and went cost a read of the present nothing', () => {
  const store = new MvccStore();
  for (let at = 0; at < 1_000; at++) {
    const key = bytes(`queue/${at}`);
    store.write((txn) => txn.put({ key, value: emptyBytes, lease: noLease }));
    store.write((txn) => txn.deleteRange({ key, rangeEnd: emptyBytes }));
  }
  const range = { key: bytes('queue/'), rangeEnd: bytes('queue0') };
  const visitedAt = (revision: number): number => {
    let visited = 0;
    store.walk(range, emptyBytes, revision, () => {
      visited++;
      return false;
    });
    return visited;
  };
  assert.equal(visitedAt(store.revision), 0);
  assert.equal(visitedAt(store.revision - 1), 1_000, 'the past is all there');
});

test('a read of the present revision inside a request that deletes sees what it deletes', () => {
  const store = new MvccStore();
  const key = bytes('a');
  store.write((txn) => txn.put({ key, value: bytes('1'), lease: noLease }));
  const { revision } = store;
  const whole: RangeRequest = {
    ...{ key, rangeEnd: bytes('\0'), limit: 0, revision, keysOnly: false, countOnly: false },
    ...{ sortOrder: 'none', sortTarget: 'key', minModRevision: 0, maxModRevision: 0 },
    ...{ minCreateRevision: 0, maxCreateRevision: 0 },
  };
  store.write((txn) => {
    txn.deleteRange({ key, rangeEnd: emptyBytes });
    assert.equal(txn.range(whole).count, 1);
    assert.equal(txn.range({ ...whole, revision: 0 }).count, 0);
  });
});
