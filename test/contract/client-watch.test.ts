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
      ['compacted', 7, 8],
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
