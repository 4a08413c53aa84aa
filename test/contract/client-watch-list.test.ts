import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ClosedError,
  InvalidError,
  type Watch,
  WatchCompactedError,
  type WatchItem,
} from '@lockstep/client';
import { createTestCluster } from '@lockstep/server/testing';
import { connect, iterate, startMember, startPair, swift, take } from '../harness/clients.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { noUnhandledRejections } from '../harness/unhandled.ts';

function text(item: WatchItem | undefined): string {
  assert.ok(item !== undefined, 'the watch goes on');
  if (item.type !== 'events') {
    const complete = item.type === 'relisted' ? ` ${item.complete ? 'complete' : 'partial'}` : '';
    return `${item.type}@${item.revision}${complete}`;
  }
  const events = item.events.map(
    ({ type, kv, isInitial }) => `${isInitial ? 'initial ' : ''}${type} ${kv.key}=${kv.value}`,
  );
  return `${events.join(', ')}@${item.revision}`;
}

/** What comes up to the first mark of this type. */
async function upTo(items: AsyncGenerator<WatchItem>, mark: WatchItem['type']): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const { value } = await items.next();
    seen.push(text(value ?? undefined));
    if (value?.type === mark) return seen;
  }
}

test('a watch that begins with what is there says when that is through, also of no keys', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const none = client.watch({ prefix: 'none/', initial: true }).items();
  assert.deepEqual(await upTo(none, 'synced'), ['synced@1']);
  for (let at = 0; at < 7; at++) member.store.put(`a/${at}`, String(at));
  const items = client.watch({ prefix: 'a/', initial: true }).items();
  const listed = await upTo(items, 'synced');
  assert.equal(listed.pop(), 'synced@8');
  assert.equal(listed.join(', ').match(/initial put/g)?.length, 7);
  member.store.put('a/0', 'new');
  assert.equal(text((await items.next()).value ?? undefined), 'put a/0=new@9');
});

test('of ranges that overlap the first list and the events give each key once', async (t) => {
  const member = await startMember(t);
  for (const key of ['a', 'a/1', 'a/2', 'b']) member.store.put(key, '');
  const ranges = [{ prefix: 'a' }, 'a/1', { key: 'a/2', rangeEnd: 'c' }];
  const items = connect(t, member).watch({ ranges, initial: true }).items();
  const listed = await upTo(items, 'synced');
  const keys = [...listed.join(', ').matchAll(/put ([^=]+)=/g)].map(([, key]) => key);
  assert.deepEqual(keys, ['a', 'a/1', 'a/2', 'b']);
  member.store.put('a/1', 'x');
  assert.equal(text((await items.next()).value ?? undefined), 'put a/1=x@6');
});

test('keys that are no text are listed and watched as bytes', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const key = Uint8Array.of(0xff, 0x00, 0xfe);
  await client.put(key, Uint8Array.of(0x80));
  const watch = client.watch({ prefix: Uint8Array.of(0xff), initial: true });
  const events = iterate(watch);
  const listed = (await events.next()).value;
  await client.delete(key);
  const deleted = (await events.next()).value;
  assert.deepEqual([...(listed?.kv.keyBytes ?? [])], [...key]);
  assert.deepEqual([deleted?.type, [...(deleted?.kv.keyBytes ?? [])]], ['delete', [...key]]);
  assert.throws(() => listed?.key, { code: 'not_text' });
});

test('a list that is begun again tells what is gone since the first try', async (t) => {
  const member = await startMember(t);
  const clock = new FakeClock();
  const client = connect(t, member, { clock });
  for (const key of ['a', 'b', 'c', 'd']) member.store.put(key, '1');
  await client.get('a');
  const release = member.hold();
  const asked = member.next('kv.scan');
  const items = client.watch({ prefix: '', initial: true }).items();
  await asked;
  const askedMore = member.next('kv.scan');
  member.failNext('kv.scan', 'compacted');
  release();
  assert.match(text((await items.next()).value ?? undefined), /initial put a=1/);
  await askedMore;
  await client.get('a');
  member.store.deleteRange({ key: 'b' });
  member.store.put('c', '2');
  clock.advance(500);
  const rest = await upTo(items, 'synced');
  assert.deepEqual(rest, ['initial put c=2, initial put d=1@7', 'delete b=@7', 'synced@7']);
});

test('after a compaction a watch gives the difference and says that it did', async (t) => {
  const [one, two] = await startPair(t);
  const client = connect(t, [one, two]);
  for (const key of ['gone', 'kept', 'changed']) one.store.put(key, '1');
  const request = { prefix: '', initial: true, onCompaction: 'relist' } as const;
  const items = client.watch(request).items();
  await upTo(items, 'synced');
  one.store.put('live', '1');
  assert.equal(text((await items.next()).value ?? undefined), 'put live=1@5');
  await one.refuse();
  two.store.deleteRange({ key: 'gone' });
  two.store.put('changed', '2');
  two.store.put('new', '1');
  two.store.deleteRange({ key: 'live' });
  two.store.compactRevision = two.store.revision;
  assert.deepEqual(
    (await upTo(items, 'relisted')).flatMap((line) => line.split(', ')).sort(),
    [
      'delete gone=@9',
      'delete live=@9',
      'put changed=2',
      'put new=1@9',
      'relisted@9 complete',
    ].sort(),
  );
});

test('a resumed watch that was overtaken gives what is there, and says that deletes may be missing', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  member.store.put('gone', '1');
  const first = client.watch({ prefix: '', initial: true });
  const items = first.items();
  await upTo(items, 'synced');
  // The mark is worked through when the loop asks for what comes next.
  const pending = items.next();
  const resume = first.resumeToken;
  first.close();
  await pending;
  assert.equal(resume, '77:2');
  member.store.deleteRange({ key: 'gone' });
  member.store.put('a', '1');
  member.store.compactRevision = 10;
  member.store.revision = 10;
  const second = connect(t, member).watch({ prefix: '', resume, onCompaction: 'relist' });
  assert.deepEqual(await upTo(second.items(), 'relisted'), ['put a=1@10', 'relisted@10 partial']);
  const third = connect(t, member).watch({ prefix: '', resume });
  await assert.rejects(take(iterate(third), 1), WatchCompactedError);
});

test('another client goes on where a token says, without gap or double', async (t) => {
  const member = await startMember(t);
  const first = connect(t, member).watch({ prefix: '' });
  const events = iterate(first);
  await first.ready();
  for (const value of ['1', '2', '3']) member.store.put('a', value);
  await take(events, 2);
  // Of the second event nobody knows yet whether it was worked through.
  assert.equal(first.resumeToken, '77:2');
  await take(events, 1);
  const resume = first.resumeToken ?? '';
  assert.equal(resume, '77:3');
  const second = connect(t, member).watch({ prefix: '', resume });
  assert.deepEqual(await take(iterate(second), 1), ['put a=3@4']);
});

test('a token of another cluster is refused in words', async (t) => {
  const client = connect(t, await startMember(t));
  const watch = client.watch({ prefix: '', resume: '78:5' });
  await assert.rejects(take(iterate(watch), 1), (error: Error) => {
    assert.ok(error instanceof InvalidError);
    assert.match(error.message, /token is of cluster 78, and this is cluster 77/);
    return true;
  });
});

test('options of a watch that do not fit together are refused at once', async (t) => {
  const client = connect(t, await startMember(t));
  const refused = (options: object, expected: RegExp): void => {
    assert.throws(() => client.watch({ prefix: '', ...options }), expected);
  };
  refused({ resume: 'x' }, /resume is "x"; it must be the resumeToken/);
  refused({ startRevision: 2, initial: true }, /give one of them/);
  refused({ startRevision: -1 }, /startRevision is -1/);
  refused({ onCompaction: 'relist' }, /begin with initial: true, or with resume/);
  for (const bufferBytes of [0, -5, Number.NaN]) refused({ bufferBytes }, /bufferBytes is/);
});

test('a full buffer with overflow latest keeps the last event of each key', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: '', bufferBytes: 2_000, overflow: 'latest' });
  await watch.ready();
  for (let round = 0; round < 200; round++) member.store.put(`k${round % 3}`, String(round));
  member.store.deleteRange({ key: 'k0' });
  await client.get('a');
  const latest = new Map<string, string>();
  let count = 0;
  for await (const event of watch) {
    count++;
    latest.set(event.key, event.type === 'put' ? event.value : 'gone');
    if (event.revision === 202) break;
  }
  assert.deepEqual(Object.fromEntries(latest), { k1: '199', k2: '197', k0: 'gone' });
  assert.ok(count < 60, `${count} events`);
});

test('a full buffer with overflow error ends the watch after what it holds', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = client.watch({ prefix: '', bufferBytes: 1_000, overflow: 'error' });
  await watch.ready();
  const canceled = member.next('watch.cancel');
  for (let count = 0; count < 100; count++) member.store.put('a', String(count));
  await canceled;
  let seen = 0;
  const loop = async (): Promise<void> => {
    for await (const event of watch) seen = event.revision;
  };
  await assert.rejects(loop(), { code: 'overflow' });
  assert.ok(seen > 1 && seen < 50, `${seen}`);
});

test('synced is asked for again when a member did not answer', async (t) => {
  const member = await startMember(t);
  const clock = new FakeClock();
  const connection = { ...swift.connection, silenceMs: 3_600_000 };
  const client = connect(t, member, { clock, connection });
  member.store.put('a', '1');
  member.swallowNext('watch.progress');
  const asked = member.next('watch.progress');
  const items = client.watch({ prefix: '', startRevision: 1 }).items();
  await asked;
  clock.advance(5_000);
  await client.get('a');
  clock.advance(500);
  assert.deepEqual(await upTo(items, 'synced'), ['put a=1@2', 'synced@2']);
});

test('abort and close end a watch in every state, and leave no timer and no call behind', async (t) => {
  noUnhandledRejections(t);
  const member = await startMember(t);
  for (const how of ['abort', 'close', 'client'] as const) {
    for (const state of ['idle', 'listing', 'creating', 'running', 'waiting'] as const) {
      const clock = new FakeClock();
      const client = connect(t, member, { clock });
      const abort = new AbortController();
      let release = (): void => {};
      if (state !== 'idle') await client.put('a', '1');
      if (state === 'listing' || state === 'creating') release = member.hold();
      if (state === 'waiting') member.failNext('watch.create', 'no_leader');
      const method = state === 'listing' ? 'kv.scan' : 'watch.create';
      const asked = state === 'idle' ? undefined : member.next(method);
      const initial = state === 'listing';
      const watch: Watch = client.watch({ prefix: 'z', initial, signal: abort.signal });
      const loop = take(iterate(watch), 1);
      await asked;
      if (state === 'running') await watch.ready();
      if (state === 'waiting') await client.get('a');
      const [scans, creates] = [
        member.seenOf('kv.scan').length,
        member.seenOf('watch.create').length,
      ];
      if (how === 'close') {
        watch.close();
        assert.deepEqual(await loop, [], state);
      } else if (how === 'abort') {
        abort.abort(new Error('enough'));
        await assert.rejects(loop, /enough/, state);
      } else {
        await client.close({ drainMs: 0 });
        await assert.rejects(loop, ClosedError, state);
      }
      release();
      assert.equal(watch.isRunning, false);
      if (how !== 'client' && state !== 'idle') await client.get('a');
      await client.close({ drainMs: 0 });
      assert.equal(clock.timers, 0, `${how} ${state}`);
      assert.deepEqual(
        [member.seenOf('kv.scan').length, member.seenOf('watch.create').length],
        [scans, creates],
        `${how} ${state}`,
      );
    }
  }
});

test('10,000 watches on one client each hear of their key and of nothing else', async (t) => {
  const cluster = await createTestCluster({ members: 1 });
  t.after(() => cluster.close());
  const client = cluster.client();
  const watches = Array.from({ length: 9_999 }, (_, at) => client.watch({ key: `k${at}` }));
  await cluster.advanceUntil(Promise.all(watches.map((watch) => watch.ready())));
  const writer = cluster.client();
  const picked = [0, 1, 5_000, 9_998];
  for (const at of picked) await writer.put(`k${at}`, String(at));
  for (const at of picked) {
    const { value } = await (watches[at] ?? assert.fail()).batches().next();
    assert.equal(value?.events[0]?.value, String(at));
  }
  await client.close({ drainMs: 0 });
  await assert.rejects(take(iterate(watches[7] ?? assert.fail()), 1), ClosedError);
});
