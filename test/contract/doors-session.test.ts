import assert from 'node:assert/strict';
import test from 'node:test';
import { type ByteString, limits } from '@lockstep/client/protocol';
import { Session } from '../../server/src/api/ws/session.ts';
import { anyone, batchJson, createService } from '../../server/src/service/service.ts';
import type { WatchBatch } from '../../server/src/store.ts';
import type { Frame } from '../harness/doors.ts';
import { MemoryStore } from '../harness/memory-store.ts';

/** A session over the dumb store and a connection that is only a list. */
class Bench {
  readonly store = new MemoryStore();
  readonly sent: string[] = [];
  readonly readings: boolean[] = [];
  writable = true;
  finished = 0;
  readonly session: Session;

  constructor() {
    this.session = new Session({
      service: createService({ store: this.store, version: '0' }),
      caller: anyone,
      outlet: {
        send: (text) => this.sent.push(text),
        isWritable: () => this.writable,
        setReading: (reading) => this.readings.push(reading),
        finish: () => this.finished++,
      },
    });
  }

  call(id: number | undefined, method: string, params: object = {}): void {
    this.session.receive(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  }

  frames(): Frame[] {
    return this.sent.map((text) => JSON.parse(text));
  }

  ids(): unknown[] {
    return this.frames().map(({ id }) => id);
  }
}

/** Everything that was promised so far has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('[W-7] 256 calls run at a time, then the socket is not read', async () => {
  const bench = new Bench();
  const most = limits.requestsInFlightMax;
  bench.store.hold();
  for (let id = 1; id <= most - 1; id++) bench.call(id, 'kv.put', { key: 'a', value: '1' });
  assert.deepEqual(bench.readings, []);
  for (let id = most; id <= most + 10; id++) bench.call(id, 'kv.put', { key: 'a', value: '1' });
  assert.deepEqual(bench.readings, [false]);
  assert.deepEqual(
    [bench.store.heldCalls, bench.session.running, bench.session.waiting],
    [most, most, 10],
  );
  bench.store.release();
  await settled();
  assert.equal(bench.sent.length, most + 10);
  assert.deepEqual(bench.readings, [false, true]);
  assert.deepEqual([bench.session.running, bench.session.waiting], [0, 0]);
});

test('[W-7] the calls of a batch count one by one', async () => {
  const bench = new Bench();
  bench.store.hold();
  const put = { jsonrpc: '2.0', id: 1, method: 'kv.put', params: { key: 'a', value: '1' } };
  for (let n = 0; n < 5; n++) bench.session.receive(JSON.stringify(Array(64).fill(put)));
  assert.deepEqual([bench.session.running, bench.session.waiting], [256, 64]);
  bench.store.release();
  await settled();
  assert.equal(bench.sent.length, 320);
});

test('[W-7] thousands of refusals that waited are answered without recursion', async () => {
  const bench = new Bench();
  bench.writable = false;
  const batch = JSON.stringify(Array(64).fill(1));
  for (let n = 0; n < 500; n++) bench.session.receive(batch);
  assert.equal(bench.session.waiting, 500 * 64);
  bench.writable = true;
  bench.session.drained();
  assert.equal(bench.sent.length, 500 * 64);
});

test('[W-4] each call of a batch is answered like a single one, when it is done', async () => {
  const bench = new Bench();
  bench.store.hold();
  bench.session.receive(
    JSON.stringify([
      { jsonrpc: '2.0', id: 1, method: 'kv.put', params: { key: 'a', value: '1' } },
      { jsonrpc: '2.0', id: 2, method: 'maintenance.status' },
      { jsonrpc: '2.0', id: 3, method: 'kv.nothing' },
      7,
    ]),
  );
  assert.deepEqual(bench.ids(), [2, 3, null]);
  bench.store.release();
  await settled();
  assert.deepEqual(bench.ids(), [2, 3, null, 1]);
});

test('[W-8] a full connection is not read, starts nothing, and goes on where it was', async () => {
  const bench = new Bench();
  bench.writable = false;
  bench.call(1, 'kv.put', { key: 'a', value: '1' });
  assert.deepEqual([bench.store.calls, bench.readings], [0, [false]]);
  bench.writable = true;
  bench.session.drained();
  await settled();
  assert.deepEqual([bench.ids(), bench.readings], [[1], [false, true]]);
});

test('[W-8] an answer that fills the connection stops the reading', async () => {
  const bench = new Bench();
  bench.call(1, 'kv.put', { key: 'a', value: '1' });
  bench.writable = false;
  await settled();
  assert.deepEqual([bench.ids(), bench.readings], [[1], [false]]);
});

test('[W-8] large answers wait before they are built, and come one by one', async () => {
  const bench = new Bench();
  bench.call(0, 'kv.put', { key: 'a', value: 'x'.repeat(limits.unsentBytesMax) });
  await settled();
  bench.store.hold();
  for (let id = 1; id <= 3; id++) bench.call(id, 'kv.range', { key: 'a' });
  await settled();
  bench.writable = false;
  bench.store.release();
  await settled();
  assert.deepEqual(bench.ids(), [0]);
  for (let id = 1; id <= 3; id++) {
    bench.writable = true;
    bench.session.drained();
    bench.writable = false;
    await settled();
    assert.equal(bench.sent.length, 1 + id);
  }
  bench.writable = true;
  bench.session.drained();
  assert.equal(bench.session.running, 0);
});

test('[W-8] answers that are ready in the same turn are not all built at once', async () => {
  const bench = new Bench();
  bench.call(0, 'kv.put', { key: 'a', value: 'x'.repeat(limits.unsentBytesMax) });
  await settled();
  bench.store.hold();
  for (let id = 1; id <= 50; id++) bench.call(id, 'kv.range', { key: 'a' });
  await settled();
  const send = bench.sent.push.bind(bench.sent);
  bench.sent.push = (text) => {
    bench.writable = false;
    return send(text);
  };
  bench.store.release();
  await settled();
  assert.deepEqual(bench.ids(), [0, 1]);
});

test('[W-36] watches of a full connection keep their place and go on without a gap', async () => {
  const bench = new Bench();
  bench.call(1, 'watch.create', { key: 'a' });
  const other = new Bench();
  Object.assign(other, { store: bench.store });
  const service = createService({ store: bench.store, version: '0' });
  const put = (value: string) => service.call('kv.put', { key: 'a', value }, { caller: anyone });
  await put('1');
  bench.writable = false;
  for (const value of ['2', '3', '4']) await put(value);
  assert.equal(bench.sent.length, 2);
  bench.writable = true;
  bench.session.drained();
  assert.deepEqual(
    bench
      .frames()
      .slice(1)
      .map(({ params }) => params.revision),
    [2, 3, 4, 5],
  );
});

test('[W-31] events that are due while a watch is created come after its answer', () => {
  const bench = new Bench();
  const service = createService({ store: bench.store, version: '0' });
  void service.call('kv.put', { key: 'a', value: '1' }, { caller: anyone });
  bench.call(1, 'watch.create', { key: 'a', startRevision: 2 });
  assert.deepEqual(
    bench.frames().map(({ id, method }) => id ?? method),
    [1, 'watch.events'],
  );
});

test('[W-31] a create that fails does not hold up the other watches', () => {
  const bench = new Bench();
  bench.call(1, 'watch.create', { key: 'a', watchId: 1 });
  bench.call(2, 'watch.create', { key: 'a', watchId: 1 });
  const service = createService({ store: bench.store, version: '0' });
  void service.call('kv.put', { key: 'a', value: '1' }, { caller: anyone });
  assert.equal(bench.frames().at(-1)?.method, 'watch.events');
});

test('[W-34] the id of a watch that ended is free again', () => {
  const bench = new Bench();
  bench.call(1, 'watch.create', { key: 'a', watchId: 5 });
  bench.store.endWatches('no_leader');
  bench.call(2, 'watch.create', { key: 'a', watchId: 5 });
  assert.deepEqual(
    bench.frames().map(({ id, method }) => id ?? method),
    [1, 'watch.end', 2],
  );
  assert.equal(bench.frames()[2]?.error, undefined);
});

test('[W-30] a connection holds at most 10,000 watches', () => {
  const bench = new Bench();
  const most = limits.watchesPerConnectionMax;
  // The dumb store would look through all of them each time.
  bench.writable = true;
  for (let id = 1; id <= most; id++) bench.call(id, 'watch.create', { key: 'a', startRevision: 9 });
  bench.call(0, 'watch.create', { key: 'a' });
  assert.equal(bench.frames().at(-1)?.error?.data.code, 'too_many_requests');
});

test('[W-32] a batch is encoded once for all connections', () => {
  let reads = 0;
  const kv = {
    get key() {
      reads++;
      return 'a' as ByteString;
    },
    value: '1' as ByteString,
    createRevision: 2,
    modRevision: 2,
    version: 1,
    lease: '0',
  };
  const batch: WatchBatch = { revision: 2, events: [{ kv, prevKv: undefined }] };
  const first = batchJson(batch);
  const readOnce = reads;
  assert.equal(batchJson(batch), first);
  assert.equal(reads, readOnce);
  assert.ok(readOnce > 0);
});

test('[W-13] a stopping session ends watches, answers what runs and not the rest, then closes', async () => {
  const bench = new Bench();
  bench.call(1, 'watch.create', { key: 'a' });
  bench.call(2, 'watch.create', { key: 'b', startRevision: 1 });
  bench.call(undefined, 'kv.put', { key: 'a', value: '1' });
  await settled();
  bench.sent.length = 0;
  bench.store.hold();
  bench.call(3, 'kv.put', { key: 'c', value: '1' });
  bench.session.stop();
  bench.call(4, 'kv.put', { key: 'd', value: '1' });
  assert.equal(bench.finished, 0);
  const frames = bench.frames();
  assert.deepEqual(
    frames.slice(0, 2).map(({ params }) => params),
    [
      { watchId: 1, reason: 'server_stopped', resumeRevision: 3 },
      { watchId: 2, reason: 'server_stopped', resumeRevision: 1 },
    ],
  );
  assert.equal(frames.length, 2);
  bench.store.release();
  await settled();
  // The put that ran is answered; the one that came too late was not run, and has no answer.
  assert.equal(bench.frames().at(-1)?.id, 3);
  assert.equal(bench.frames().at(-1)?.result.header.revision, 3);
  assert.equal(bench.finished, 1);
  assert.equal(bench.store.watchers, 0);
});

test('a closed session says nothing more and lets go of its watches', async () => {
  const bench = new Bench();
  bench.call(1, 'watch.create', { key: 'a' });
  bench.store.hold();
  bench.call(2, 'kv.put', { key: 'a', value: '1' });
  bench.session.close();
  bench.store.release();
  await settled();
  bench.call(3, 'maintenance.status');
  assert.deepEqual(bench.ids(), [1]);
  assert.equal(bench.store.watchers, 0);
});

test('[W-40] an error nobody foresaw is answered as internal, and reported', async () => {
  const bench = new Bench();
  bench.store.failure = new RangeError('a secret of the inside');
  bench.call(1, 'kv.put', { key: 'a', value: '1' });
  await settled();
  assert.deepEqual(bench.frames()[0]?.error?.data, {
    code: 'internal',
    retryable: false,
    ambiguous: true,
  });
  assert.ok(!bench.sent[0]?.includes('secret'));
});

test('[W-41] an error says whether it may be tried again and whether it may have happened', async () => {
  const bench = new Bench();
  bench.store.hasLeader = false;
  bench.call(1, 'kv.range', { key: 'a' });
  await settled();
  assert.deepEqual(bench.frames()[0]?.error?.data, {
    code: 'no_leader',
    retryable: true,
    ambiguous: false,
  });
});

test('a caller without permission is refused before the store is asked', async () => {
  const store = new MemoryStore();
  const service = createService({ store, version: '0' });
  const seen: string[] = [];
  const caller = {
    name: 'reader',
    permits: ({ action }: { action: string }) => {
      seen.push(action);
      return action === 'read';
    },
  };
  const denied = { code: 'permission_denied' };
  assert.throws(() => service.call('kv.put', { key: 'a', value: '' }, { caller }), denied);
  assert.throws(() => service.call('kv.deleteRange', { prefix: '' }, { caller }), denied);
  await assert.rejects(
    async () => service.call('maintenance.moveLeader', { targetId: '7' }, { caller }),
    denied,
  );
  await service.call('kv.range', { key: 'a' }, { caller });
  assert.deepEqual(seen, ['write', 'write', 'administer', 'read']);
  assert.equal(store.calls, 1);
});
