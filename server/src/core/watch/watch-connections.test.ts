/**
 * The hub between several connections, at random, over a log in a list and commands of several
 * revisions. What one watch is promised over the real store is in ../watches.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../base/random.ts';
import { inRange, type KeyRange } from '../mvcc/key-range.ts';
import { type KeyValue, successor, tombstone } from '../mvcc/key-value.ts';
import { type ByteString, emptyBytes, noLease } from '../mvcc/values.ts';
import type { WatchBatch, WatchEnd, WatchSource, WatchSpec } from './types.ts';
import { type HubStream, WatchHub } from './watch-hub.ts';

const bytes = (text: string): ByteString => text as ByteString;
const keys = ['a', 'a/1', 'a/2', 'b', 'c\xff'].map(bytes);
const rangesOf: readonly (readonly KeyRange[])[] = [
  [{ key: bytes('a'), rangeEnd: emptyBytes }],
  [{ key: bytes('a/'), rangeEnd: bytes('a0') }],
  [{ key: bytes('b'), rangeEnd: bytes('\0') }],
  [
    { key: bytes('c\xff'), rangeEnd: emptyBytes },
    { key: bytes('a/1'), rangeEnd: bytes('b') },
    { key: bytes('a'), rangeEnd: bytes('a/2') },
  ],
];

/** A log in a list. A compaction takes the events below it, and the pairs before what is left there. */
class ListSource implements WatchSource {
  readonly all: KeyValue[];
  revision: number;
  compactRevision = 0;

  constructor(all: readonly KeyValue[] = [], revision = 1) {
    this.all = [...all];
    this.revision = revision;
  }

  /** Of the log alone: nothing below the compaction point may be read any more. */
  readonly events = ((source: ListSource): WatchSource['events'] => ({
    get length() {
      return source.all.length;
    },
    at(position) {
      const kv = source.all[position] as KeyValue;
      assert.ok(kv.modRevision >= source.compactRevision, 'a compacted event was read');
      return kv;
    },
    positionOf(revision) {
      const from = Math.max(revision, source.compactRevision);
      const found = source.all.findIndex(({ modRevision }) => modRevision >= from);
      return found === -1 ? source.all.length : found;
    },
  }))(this);

  /** The newest version of the key that is older than `revision`. */
  newest(key: string, revision: number): KeyValue | undefined {
    return this.all.findLast((kv) => kv.key === key && kv.modRevision < revision);
  }

  before(key: ByteString, revision: number): KeyValue | undefined {
    if (revision <= this.compactRevision) return undefined;
    const newest = this.newest(key, revision);
    return newest?.version === 0 ? undefined : newest;
  }

  /** One revision that changes some keys. */
  write(random: Random): KeyValue[] {
    const revision = this.revision + 1;
    const events = keys
      .filter(() => random.oneIn(3))
      .flatMap((key): KeyValue[] => {
        const newest = this.newest(key, revision);
        if (!random.oneIn(4)) {
          const value = bytes(String(revision));
          return [successor(newest, { key, value, lease: noLease }, revision)];
        }
        return newest === undefined || newest.version === 0 ? [] : [tombstone(key, revision)];
      });
    if (events.length > 0) this.revision = revision;
    this.all.push(...events);
    return events;
  }
}

/** A client's view of one watch, filled by hand from what it is told. */
interface Client {
  readonly id: number;
  readonly spec: WatchSpec;
  readonly progressNotify: boolean;
  next: number;
  credits: number;
  /** Since progress was told last. */
  served: boolean;
  end: WatchEnd | undefined;
}

class Connection {
  readonly rig: Rig;
  readonly stream: HubStream;
  readonly clients = new Map<number, Client>();
  ready = true;
  /** Ids as they were when they were handed out. */
  readonly #told: { ids: readonly number[]; were: string }[] = [];
  #lastId = 0;

  constructor(rig: Rig) {
    this.rig = rig;
    this.stream = rig.hub.open({
      ready: () => this.ready,
      events: (ids, batch) => this.#events(ids, batch),
      progress: (ids, revision) => this.#progress(ids, revision),
      ended: (id, end) => {
        const client = this.#client(id);
        assert.equal(client.end, undefined, 'ended twice');
        client.end = end;
      },
    });
  }

  get running(): Client[] {
    return [...this.clients.values()].filter(({ end }) => end === undefined);
  }

  #client(id: number): Client {
    const client = this.clients.get(id);
    assert.ok(client !== undefined, `watch ${id} was cancelled`);
    return client;
  }

  #events(ids: readonly number[], batch: WatchBatch): void {
    assert.ok(this.ready, 'events for a connection that is full');
    assert.equal(new Set(ids).size, ids.length, 'a watch is named twice');
    this.#told.push({ ids, were: ids.join() });
    const { prevKv, keysOnly } = this.#client(ids[0] as number).spec;
    const text = JSON.stringify([prevKv, keysOnly, batch]);
    if (!this.rig.catchingUp) {
      const same = this.rig.live.get(text) ?? batch;
      assert.equal(batch, same, 'live batches of the same events are one object');
      this.rig.live.set(text, same);
    }
    for (const id of ids) {
      const client = this.#client(id);
      assert.equal(client.end, undefined, 'an event after the end');
      assert.ok(batch.revision >= client.next, 'a revision came again or too early');
      assert.ok(client.credits-- > 0, 'more revisions than credits');
      assert.ok(!this.#due(client, client.next, batch.revision - 1), 'an event was left out');
      assert.deepEqual(batch, this.rig.batchOf(client.spec, batch.revision));
      client.next = batch.revision + 1;
      client.served = true;
    }
  }

  #progress(ids: readonly number[], revision: number): void {
    assert.ok(this.ready, 'progress for a connection that is full');
    assert.equal(revision, this.rig.source.revision);
    for (const id of ids) {
      const client = this.#client(id);
      assert.ok(client.progressNotify, 'progress that nobody asked for');
      assert.ok(!client.served, 'progress so soon after an event');
      assert.ok(!this.#due(client, client.next, revision), 'progress overtook an event');
      client.next = Math.max(client.next, revision + 1);
    }
  }

  /** Whether there is an event for it in between. */
  #due({ spec }: Client, from: number, to: number): boolean {
    const { all } = this.rig.source;
    return all.some((kv) => kv.modRevision >= from && kv.modRevision <= to && sees(spec, kv));
  }

  create(): void {
    const { random, source } = this.rig;
    const id = ++this.#lastId;
    const oneIn = (times: number): boolean => random.oneIn(times);
    const spec = {
      ranges: random.pick(rangesOf),
      prevKv: oneIn(2),
      noPut: oneIn(6),
      noDelete: oneIn(6),
      keysOnly: oneIn(4),
    };
    const { revision, compactRevision } = source;
    const start = oneIn(3)
      ? 0
      : Math.max(1, compactRevision + random.below(revision - compactRevision + 5));
    const next = start || revision + 1;
    const credits = oneIn(3) ? random.below(4) : undefined;
    const progressNotify = oneIn(2);
    const limit = credits ?? Number.POSITIVE_INFINITY;
    const client = { id, spec, progressNotify, next, credits: limit, served: false };
    this.clients.set(id, { ...client, end: undefined });
    assert.equal(this.stream.create(id, spec, { progressNotify, credits }, start), next);
  }

  cancel(): void {
    const [client] = this.running;
    if (client === undefined) return;
    this.clients.delete(client.id);
    assert.ok(this.stream.cancel(client.id));
    assert.ok(!this.stream.cancel(client.id));
  }

  credit(credits: number): void {
    for (const client of this.running) {
      client.credits += credits;
      assert.ok(this.stream.credit(client.id, credits));
    }
    assert.ok(!this.stream.credit(this.#lastId + 1, credits));
  }

  setReady(ready: boolean): void {
    this.ready = ready;
    if (ready) this.stream.resume();
  }

  /** Nothing is owed: those without an end have everything, those with one had lost their place. */
  whenSynced(done: () => void): void {
    this.stream.whenSynced((revision) => {
      assert.equal(revision, this.rig.source.revision);
      for (const client of this.running) {
        assert.ok(!this.#due(client, client.next, revision), 'synced before its events');
      }
      done();
    });
  }

  check(): void {
    for (const { end, next } of this.clients.values()) {
      if (end === undefined) continue;
      const { compactRevision } = end;
      assert.equal(end.reason, 'compacted');
      assert.equal(end.resumeRevision, compactRevision);
      assert.ok(next < (compactRevision ?? 0), 'it had not lost its place');
    }
    for (const { ids, were } of this.#told) assert.equal(ids.join(), were, 'ids were changed');
  }
}

function sees({ ranges, noPut, noDelete }: WatchSpec, kv: KeyValue): boolean {
  if (kv.version === 0 ? noDelete : noPut) return false;
  return ranges.some((range) => inRange(range, kv.key));
}

class Rig {
  readonly random: Random;
  readonly connections: Connection[];
  readonly live = new Map<string, WatchBatch>();
  readonly hub: WatchHub;
  source = new ListSource();
  catchingUp = false;
  synced = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.hub = new WatchHub(this.source);
    this.connections = [1, 2, 3].map(() => new Connection(this));
  }

  /** What a watch is to be told of a revision. */
  batchOf(spec: WatchSpec, revision: number): WatchBatch {
    const shown = (kv: KeyValue): KeyValue => (spec.keysOnly ? { ...kv, value: emptyBytes } : kv);
    const events = this.source.all
      .filter((kv) => kv.modRevision === revision && sees(spec, kv))
      .map((kv) => {
        const before = spec.prevKv ? this.source.before(kv.key, revision) : undefined;
        if (!spec.prevKv) return { kv: shown(kv), prevKv: undefined };
        return { kv: shown(kv), prevKv: before && shown(before) };
      });
    return { revision, events };
  }

  work(most = 1_000): void {
    this.catchingUp = true;
    for (let turn = 0; this.hub.hasWork && turn < most; turn++) {
      assert.ok(turn < 999, 'the hub says for ever that there is work');
      this.hub.work();
    }
    this.catchingUp = false;
  }

  progress(): void {
    this.hub.progressDue();
    for (const { clients } of this.connections) {
      for (const client of clients.values()) client.served = false;
    }
  }

  /** Another member's log, ahead of this one's and perhaps compacted further. */
  replace(): void {
    const { all, revision, compactRevision } = this.source;
    this.source = new ListSource(all, revision);
    for (let ahead = this.random.below(3); ahead > 0; ahead--) this.source.write(this.random);
    const more = this.random.below(this.source.revision - compactRevision + 1);
    this.source.compactRevision = this.random.oneIn(2) ? compactRevision : compactRevision + more;
    this.hub.replaceSource(this.source);
  }

  step(): void {
    const { random, source } = this;
    const connection = random.pick(this.connections);
    switch (random.below(12)) {
      case 0:
      case 1:
        return connection.create();
      case 2:
        return connection.setReady(!connection.ready);
      case 3:
        if (source.compactRevision < source.revision) source.compactRevision++;
        return;
      case 4:
        return connection.credit(1 + random.below(2));
      case 5:
        return this.progress();
      case 6:
        return connection.whenSynced(() => this.synced++);
      case 7:
        if (random.oneIn(8)) this.replace();
        else if (random.oneIn(2)) connection.cancel();
        return;
      case 8:
        return this.work(1);
      default: {
        const revisions = 1 + random.below(3);
        const written = Array.from({ length: revisions }, () => source.write(random));
        this.hub.publish(written.flat());
      }
    }
  }

  finish(): void {
    let synced = 0;
    for (const connection of this.connections) {
      connection.setReady(true);
      connection.credit(1_000);
      connection.whenSynced(() => synced++);
    }
    this.work();
    assert.equal(synced, this.connections.length, 'never synced');
    for (const connection of this.connections) connection.check();
    const running = this.connections.flatMap((connection) => connection.running);
    assert.equal(this.hub.watches, running.length);
  }
}

test('every watch of every connection is told exactly what it is due, whatever happens to the others', () => {
  let ended = 0;
  let synced = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const rig = new Rig(seed);
    try {
      for (let step = 0; step < 150; step++) rig.step();
      rig.finish();
    } catch (error) {
      throw new Error(`seed ${seed}: ${error}`, { cause: error });
    }
    for (const { clients, running } of rig.connections) ended += clients.size - running.length;
    synced += rig.synced;
  }
  assert.ok(ended > 100 && synced > 100, `${ended} ended by compaction, ${synced} times synced`);
});
