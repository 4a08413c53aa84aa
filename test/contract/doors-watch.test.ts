import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connect, openDoors } from '../harness/doors.ts';
import type { Answer } from '../harness/every-door.ts';

describe('what a watch may ask for', () => {
  test('[W-37] several ranges, filters and no values: each event once, and only what was asked for', async (t) => {
    const open = await openDoors(t);
    const wire = await connect(t, open);
    const ranges = [{ prefix: 'a' }, { key: 'ab' }, { key: 'x', rangeEnd: 'z' }];
    await wire.call('watch.create', {
      ranges,
      watchId: 1,
      noDelete: true,
      keysOnly: true,
      prevKv: true,
    });
    await wire.call('watch.create', { ranges, watchId: 2, noPut: true });
    for (const key of ['ab', 'b', 'y', 'z']) await wire.call('kv.put', { key, value: 'v' });
    await wire.call('kv.put', { key: 'ab', value: 'w' });
    await wire.call('kv.deleteRange', { prefix: '' });
    const last = await wire.frame(({ params }) => params?.watchIds?.[0] === 2);
    assert.deepEqual(
      last.params.events.map(({ type, kv }: Answer) => [type, kv.key]),
      [
        ['delete', 'ab'],
        ['delete', 'y'],
      ],
    );
    const puts = wire.frames.filter(({ params }) => params?.watchIds?.[0] === 1);
    assert.deepEqual(
      puts.flatMap(({ params }) =>
        params.events.map(({ kv, prevKv }: Answer) => [kv.key, kv.value, prevKv?.value]),
      ),
      [
        ['ab', '', undefined],
        ['y', '', undefined],
        ['ab', '', ''],
      ],
    );
    for (const params of [
      { ranges: [] },
      { ranges, key: 'a' },
      { ranges: Array.from({ length: 65 }, () => ({ key: 'a' })) },
    ]) {
      assert.equal((await wire.refusal('watch.create', params)).data.code, 'invalid_params');
    }
    const { message } = await wire.refusal('watch.create', { ranges: [{ prefx: 'a' }] });
    assert.match(message, /params\.ranges\[0\]\.prefx is not a parameter .*did you mean prefix\?/);
  });

  test('[W-38] a large revision comes in fragments to who asked, whole to the others; credits are kept to', async (t) => {
    const open = await openDoors(t);
    const wire = await connect(t, open);
    await wire.call('watch.create', { prefix: '', watchId: 1, fragment: true });
    await wire.call('watch.create', { prefix: '', watchId: 2 });
    await wire.call('watch.create', { prefix: '', watchId: 3, credits: 1 });
    const value = 'x'.repeat(100_000);
    const success = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((key) => ({ put: { key, value } }));
    await wire.call('kv.txn', { success });
    await wire.call('kv.put', { key: 'a', value: '' });
    await wire.roundTrip();
    const of = (id: number) => wire.frames.filter(({ params }) => params?.watchIds?.includes(id));
    assert.deepEqual(
      of(1).map(({ params }) => [params.revision, params.events.length, params.fragment]),
      [
        [2, 2, true],
        [2, 2, true],
        [2, 2, true],
        [2, 1, undefined],
        [3, 1, undefined],
      ],
    );
    assert.deepEqual(
      of(2).map(({ params }) => params.events.length),
      [7, 1],
    );
    assert.deepEqual(
      of(3).map(({ params }) => params.revision),
      [2],
      'one revision, one credit',
    );
    assert.equal((await wire.call('watch.credit', { watchId: 3, credits: 5 })).credited, true);
    await wire.roundTrip();
    assert.deepEqual(
      of(3).map(({ params }) => params.revision),
      [2, 3],
    );
    assert.equal((await wire.call('watch.credit', { watchId: 9, credits: 5 })).credited, false);
  });

  test('[W-39] progress tells how far a watch is, when it asked for it or when it asks, and after the events', async (t) => {
    const open = await openDoors(t);
    const wire = await connect(t, open);
    await wire.call('watch.create', { key: 'a', watchId: 1, progressNotify: true });
    await wire.call('watch.create', { key: 'a', watchId: 2 });
    await wire.call('kv.put', { key: 'b', value: '' });
    open.store.progress();
    const { params } = await wire.frame(({ method }) => method === 'watch.progress');
    assert.deepEqual(params, { watchIds: [1], revision: 2 });
    await wire.call('kv.put', { key: 'a', value: '' });
    const id = wire.request('watch.progress', {});
    const answer = await wire.answer(id);
    assert.equal(answer.result.header.revision, 3);
    const events = wire.frames.findIndex(({ method }) => method === 'watch.events');
    assert.ok(events >= 0 && events < wire.frames.indexOf(answer));
    await wire.call('watch.create', { key: 'a', watchId: 3, startRevision: 2, credits: 0 });
    const waiting = wire.request('watch.progress', {});
    await wire.roundTrip();
    assert.equal(
      wire.frames.some((frame) => frame.id === waiting),
      false,
      'one watch has not had everything',
    );
    await wire.call('watch.credit', { watchId: 3, credits: 1 });
    assert.equal((await wire.answer(waiting)).result.header.revision, 3);
  });

  test('[W-34] a watch from a compacted revision is refused, one from the future waits', async (t) => {
    const open = await openDoors(t);
    const wire = await connect(t, open);
    for (const value of ['1', '2', '3']) await wire.call('kv.put', { key: 'a', value });
    await wire.call('kv.compact', { revision: 3 });
    const error = await wire.refusal('watch.create', { key: 'a', startRevision: 2 });
    assert.deepEqual([error.data.code, error.data.compactRevision], ['compacted', 3]);
    await wire.call('watch.create', { key: 'a', startRevision: 3, watchId: 1 });
    await wire.call('watch.create', { key: 'a', startRevision: 6, watchId: 2 });
    for (const value of ['5', '6']) await wire.call('kv.put', { key: 'a', value });
    await wire.roundTrip();
    const seen = (id: number) =>
      wire
        .events()
        .filter(({ watchIds }) => watchIds.includes(id))
        .map(({ revision }) => revision);
    assert.deepEqual([seen(1), seen(2)], [[3, 4, 5, 6], [6]]);
  });
});
