import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatchCompactedError } from '@lockstep/client';
import { formatNotification } from '@lockstep/client/protocol';
import { connect, iterate, startMember, startPair, take } from '../harness/clients.ts';
import { FakeClock } from '../harness/fake-clock.ts';

test('a watch delivers each event once, in order, with whole revisions', async (t) => {
  const client = connect(t, await startMember(t));
  const watch = client.watch({ prefix: 'a/', prevKv: true });
  assert.equal(await watch.ready(), 2);
  await client.put('a/1', 'x');
  await client.put('b', 'elsewhere');
  await client.put('a/2', 'y');
  await client.delete({ prefix: 'a/' });
  const batches = watch.batches();
  const seen: unknown[] = [];
  for (let count = 0; count < 3; count++) {
    const { value } = await batches.next();
    assert.ok(value);
    seen.push([value.revision, value.events.map((e) => [e.type, e.kv.key, e.prevKv?.value])]);
  }
  assert.deepEqual(seen, [
    [2, [['put', 'a/1', undefined]]],
    [4, [['put', 'a/2', undefined]]],
    [
      5,
      [
        ['delete', 'a/1', 'x'],
        ['delete', 'a/2', 'y'],
      ],
    ],
  ]);
});

test('an event that comes twice is delivered once', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ key: 'a' });
  await watch.ready();
  const watchId = Number(member.seenOf('watch.create')[0]?.params.watchId);
  member.store.put('a', '1');
  const [batch] = member.store.batches;
  const params = { watchIds: [watchId], revision: 2, events: batch?.events ?? [] };
  member.sendRaw(formatNotification('watch.events', params));
  member.store.put('a', '2');
  assert.deepEqual(await take(iterate(watch), 2), ['put a=1@2', 'put a=2@3']);
});

test('a watch from a revision delivers what happened since', async (t) => {
  const client = connect(t, await startMember(t));
  const { header } = await client.put('a', '1');
  await client.put('a', '2');
  const watch = client.watch({ key: 'a', startRevision: header.revision });
  assert.deepEqual(await take(iterate(watch), 2), ['put a=1@2', 'put a=2@3']);
});

test('a watch goes on after a lost connection, without gap or double', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  const watch = client.watch({ prefix: '' });
  const events = iterate(watch);
  await watch.ready();
  one.store.put('a', '1');
  assert.deepEqual(await take(events, 1), ['put a=1@2']);
  await one.refuse();
  one.store.put('a', '2');
  one.store.put('a', '3');
  assert.deepEqual(await take(events, 2), ['put a=2@3', 'put a=3@4']);
  assert.equal(two.seenOf('watch.create')[0]?.params.startRevision, 3);
});

test('a watch that has seen no event resumes where it began', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  const watch = client.watch({ prefix: '' });
  await watch.ready();
  await one.refuse();
  one.store.put('a', '1');
  assert.deepEqual(await take(iterate(watch), 1), ['put a=1@2']);
});

test('a watch that the member ends for its own reasons resumes', async (t) => {
  for (const reason of ['no_leader', 'server_stopped', 'slow_consumer'] as const) {
    const [one] = await startPair(t);
    const clock = new FakeClock();
    const client = connect(t, one, { clock });
    const watch = client.watch({ prefix: '' });
    await watch.ready();
    one.endWatches(reason);
    const created = one.next('watch.create');
    // A round trip, so that the end has arrived.
    await client.get('a');
    clock.advance(1_000);
    await created;
    one.store.put('a', reason);
    assert.deepEqual(await take(iterate(watch), 1), [`put a=${reason}@2`]);
  }
});

test('a watch that lost history ends with the revision to go on from', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  member.store.compactRevision = 7;
  const late = client.watch({ prefix: '', startRevision: 3 });
  await assert.rejects(late.ready(), WatchCompactedError);
  await assert.rejects(take(iterate(late), 1), (error) => {
    assert.ok(error instanceof WatchCompactedError);
    assert.deepEqual(
      [error.code, error.compactRevision, error.resumeRevision],
      ['compacted', 7, 7],
    );
    return true;
  });
  const running = client.watch({ prefix: '', startRevision: 8 });
  await running.ready();
  member.endWatches('compacted');
  await assert.rejects(take(iterate(running), 1), WatchCompactedError);
});

test('a slow consumer stops the watch at the member and loses nothing', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: '', bufferBytes: 600 });
  await watch.ready();
  const canceled = member.next('watch.cancel');
  for (let count = 0; count < 50; count++) member.store.put('a', String(count));
  await canceled;
  const events = await take(iterate(watch), 50);
  assert.deepEqual(
    events,
    Array.from({ length: 50 }, (_, at) => `put a=${at}@${at + 2}`),
  );
  assert.ok(member.seenOf('watch.create').length > 1);
});

test('a watch ends quietly when it is closed, and with the reason of its signal', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: '' });
  await watch.ready();
  const canceled = member.next('watch.cancel');
  const rest = take(iterate(watch), 1);
  watch.close();
  assert.deepEqual(await rest, []);
  await canceled;
  const abort = new AbortController();
  const aborted = client.watch({ prefix: '', signal: abort.signal });
  await aborted.ready();
  abort.abort(new Error('enough'));
  await assert.rejects(take(iterate(aborted), 1), /enough/);
});

test('leaving the loop over a watch ends it at the member', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: '' });
  await watch.ready();
  const canceled = member.next('watch.cancel');
  member.store.put('a', '1');
  for await (const event of watch) {
    assert.equal(event.kv.key, 'a');
    break;
  }
  await canceled;
});

test('a watch of several selectors delivers an event once, and filters as asked', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const both = client.watch({ ranges: [{ prefix: 'a' }, 'a/1', { key: 'b', rangeEnd: 'c' }] });
  const deletes = client.watch({ prefix: '', noPut: true });
  const puts = client.watch({ prefix: '', noDelete: true, keysOnly: true });
  await Promise.all([both.ready(), deletes.ready(), puts.ready()]);
  member.store.put('a/1', 'x');
  member.store.put('z', 'x');
  member.store.deleteRange({ key: 'a/1' });
  member.store.put('b', 'y');
  assert.deepEqual(await take(iterate(both), 3), ['put a/1=x@2', 'delete a/1=@4', 'put b=y@5']);
  assert.deepEqual(await take(iterate(deletes), 1), ['delete a/1=@4']);
  assert.deepEqual(await take(iterate(puts), 3), ['put a/1=@2', 'put z=@3', 'put b=@5']);
  assert.throws(() => client.watch({ ranges: [] }), /at least one/);
});

test('the fragments of a revision are delivered as one', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: '' });
  await watch.ready();
  assert.equal(member.seenOf('watch.create')[0]?.params.fragment, true);
  const put = (from: number, to: number): void =>
    member.store.atOneRevision(() => {
      for (let at = from; at < to; at++) member.store.put(`k${at}`, '');
    });
  put(0, 5);
  put(5, 6);
  const batches = watch.batches();
  const sizes: unknown[] = [];
  for (let count = 0; count < 2; count++) {
    const { value } = await batches.next();
    sizes.push([value?.revision, value?.events.length]);
  }
  assert.deepEqual(sizes, [
    [2, 5],
    [3, 1],
  ]);
});

test('a revision whose last fragment was lost comes again, whole', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: '' });
  await watch.ready();
  const watchId = Number(member.seenOf('watch.create')[0]?.params.watchId);
  const kv = { key: 'k0', value: '', createRevision: 2, modRevision: 2, version: 1 };
  const params = { watchIds: [watchId], revision: 2, events: [{ type: 'put' as const, kv }] };
  member.sendRaw(formatNotification('watch.events', { ...params, fragment: true }));
  await client.get('a');
  const again = member.next('watch.create');
  member.cut();
  assert.equal((await again).params.startRevision, 2);
  member.store.atOneRevision(() => {
    for (const key of ['k0', 'k1', 'k2']) member.store.put(key, '');
  });
  const { value } = await watch.batches().next();
  assert.deepEqual(
    value?.events.map((event) => event.kv.key),
    ['k0', 'k1', 'k2'],
  );
});

test('a member that leaves a revision without its last fragment is left', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: '' });
  await watch.ready();
  const watchId = Number(member.seenOf('watch.create')[0]?.params.watchId);
  const again = member.next('watch.create');
  for (const revision of [5, 6]) {
    const params = { watchIds: [watchId], revision, events: [], fragment: true };
    member.sendRaw(formatNotification('watch.events', params));
  }
  assert.equal((await again).params.startRevision, 2);
});

test('progress moves the place at which a quiet watch resumes, and is told in its place', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  const watch = client.watch({ prefix: 'a', progressNotify: true });
  const items = watch.items();
  await watch.ready();
  one.store.put('a', '1');
  one.store.put('b', '1');
  one.progress();
  const told = [await items.next(), await items.next(), await items.next()];
  await one.refuse();
  one.store.put('a', '2');
  told.push(await items.next());
  assert.deepEqual(
    told.map(({ value }) => value && `${value.type} ${value.revision}`),
    ['synced 1', 'events 2', 'progress 3', 'events 4'],
  );
  assert.equal(two.seenOf('watch.create')[0]?.params.startRevision, 4);
});

test('asked for progress, a watch tells up to where it has everything', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: 'a' });
  member.store.put('b', '1');
  assert.equal(await watch.requestProgress(), 2);
  const again = member.next('watch.create');
  member.cut();
  assert.equal((await again).params.startRevision, 3);
  member.hold();
  const lost = assert.rejects(watch.requestProgress(), { code: 'unavailable' });
  member.cut();
  await lost;
  watch.close();
  await assert.rejects(watch.requestProgress(), { code: 'closed' });
});
