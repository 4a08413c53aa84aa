import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type Client,
  ClosedError,
  codecs,
  DeadlineError,
  DecodeError,
  KeyExistsError,
  LeaseLostError,
  TooLargeError,
} from '@lockstep/client';
import { Group, type GroupChange, ReplacedError } from '@lockstep/rendezvous';
import { contender, cuttableClient, startCluster } from '../harness/contenders.ts';

function webOf(client: Client): Group<string> {
  return new Group<string>(client, 'web');
}

async function listed(client: Client): Promise<string[]> {
  return (await webOf(client).members()).map(({ id, value }) => `${id}=${value}`);
}

/** Collects the changes of a group until the test ends. */
function followed(t: TestContext, client: Client): { readonly lines: string[] } {
  const stop = new AbortController();
  const lines: string[] = [];
  const ids = (change: readonly { readonly id: string }[]) => change.map(({ id }) => id).join('');
  const run = async (): Promise<void> => {
    for await (const { joined, left, changed, members } of webOf(client).watch(stop)) {
      lines.push(`+${ids(joined)} -${ids(left)} ~${ids(changed)} =${ids(members)}`);
    }
  };
  const running = run().catch(() => {});
  t.after(async () => {
    stop.abort();
    await running;
  });
  return { lines };
}

test('members join, change, leave, and are seen by all', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [one, two] = [cluster.client(), cluster.client()];
  const { lines } = followed(t, cluster.client());
  await cluster.advance(10);
  const b = await webOf(two).join({ id: 'b', value: 'tuesday' });
  const a = await webOf(one).join({ id: 'a', value: 'monday' });
  assert.deepEqual(await listed(two), ['a=monday', 'b=tuesday']);
  await a.update('wednesday');
  assert.deepEqual(await listed(two), ['a=wednesday', 'b=tuesday']);
  assert.equal(a.stands, true);
  await b.leave();
  await b.leave();
  assert.deepEqual(await listed(one), ['a=wednesday']);
  assert.equal(b.ended.aborted, true);
  assert.equal(b.stands, false);
  await cluster.advance(60_000);
  assert.deepEqual(await listed(one), ['a=wednesday'], 'it does not come back');
  assert.deepEqual(lines, ['+ - ~ =', '+b - ~ =b', '+a - ~ =ab', '+ - ~a =ab', '+ -b ~ =a']);
  await one.close({ drainMs: 0 });
});

test('a member that dies is listed until its lease ends, and one that closes its client is not', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [dying, closing, other] = [cuttableClient(cluster), cluster.client(), cluster.client()];
  await webOf(dying.client).join({ id: 'a', value: '1', ttl: 5 });
  const b = await webOf(closing).join({ id: 'b', value: '2' });
  await cluster.advanceUntil(closing.close());
  assert.ok(b.ended.reason instanceof ClosedError);
  assert.deepEqual(await listed(other), ['a=1']);
  dying.cutOff(true);
  await cluster.advance(10_000);
  assert.deepEqual(await listed(other), []);
});

test('an entry that was removed or overwritten by hand comes back by itself', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [client, other] = [cluster.client(), cluster.client()];
  const { session } = await contender(cluster);
  const memberships = [
    await webOf(client).join({ id: 'own', value: '1' }),
    await webOf(session.client).join({ id: 'given', value: '2', session }),
  ];
  await other.delete({ prefix: 'web/' });
  assert.deepEqual(await listed(other), []);
  await cluster.advance(1_000);
  assert.deepEqual(await listed(other), ['given=2', 'own=1']);
  await other.put('web/own', '"by hand, and for ever"');
  await cluster.advance(1_000);
  const { kvs } = await other.range({ prefix: 'web/' });
  assert.deepEqual(await listed(other), ['given=2', 'own=1']);
  assert.ok(kvs.every(({ lease }) => lease !== '0'));
  for (const { ended, stands } of memberships) {
    assert.deepEqual([ended.aborted, stands], [false, true]);
  }
});

test('an entry comes back with another session after its own was lost; on a given one it ends', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [own, given, other] = [
    cuttableClient(cluster),
    await contender(cluster, 5),
    cluster.client(),
  ];
  const healing = await webOf(own.client).join({ id: 'a', value: '1', ttl: 5 });
  const ending = await webOf(given.client).join({ id: 'b', value: '2', session: given.session });
  for (const { cutOff } of [own, given]) cutOff(true);
  await cluster.advance(20_000);
  assert.deepEqual(await listed(other), []);
  assert.equal(healing.stands, false);
  assert.equal(ending.ended.aborted, true);
  assert.ok(ending.ended.reason instanceof LeaseLostError);
  for (const { cutOff } of [own, given]) cutOff(false);
  await cluster.advance(40_000);
  assert.deepEqual(await listed(other), ['a=1']);
  assert.equal(healing.stands, true);
  // The cluster ends the lease, and the session does not know it yet.
  const slow = await webOf(own.client).join({ id: 'slow', value: '3', ttl: 600 });
  for (const { lease } of await webOf(other).members()) await other.leases.revoke(lease);
  await cluster.advance(4_000);
  assert.deepEqual(await listed(other), ['a=1', 'slow=3']);
  assert.equal(slow.stands, true);
});

test('row 8: a process that restarts under its id takes its own place at once', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [dead, reborn] = [cuttableClient(cluster), cluster.client()];
  const { lines } = followed(t, cluster.client());
  const ghost = await webOf(dead.client).join({ id: 'a', value: 'old', ttl: 30 });
  dead.cutOff(true);
  const before = cluster.now;
  await webOf(reborn).join({ id: 'a', value: 'new' });
  assert.equal(cluster.now, before, 'without waiting for the old lease');
  assert.deepEqual(await listed(reborn), ['a=new']);
  // The old one, should it have lived after all, is told and does not fight.
  dead.cutOff(false);
  await cluster.advance(60_000);
  assert.ok(ghost.ended.reason instanceof ReplacedError);
  assert.deepEqual(await listed(reborn), ['a=new']);
  await ghost.leave();
  assert.deepEqual(await listed(reborn), ['a=new'], 'leaving takes nothing from the new one');
  assert.deepEqual(lines, ['+ - ~ =', '+a - ~ =a', '+ - ~a =a']);
});

test('row 8: one whose lease ended while it was cut off does not push out who came after it', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [slow, reborn] = [cuttableClient(cluster), cluster.client()];
  const ghost = await webOf(slow.client).join({ id: 'a', value: 'old', ttl: 5 });
  slow.cutOff(true);
  await cluster.advance(20_000);
  assert.deepEqual(await listed(reborn), []);
  const newer = await webOf(reborn).join({ id: 'a', value: 'new' });
  slow.cutOff(false);
  await cluster.advance(60_000);
  assert.ok(ghost.ended.reason instanceof ReplacedError);
  assert.equal(newer.stands, true);
  assert.deepEqual(await listed(reborn), ['a=new']);
  assert.equal((await reborn.leases.list()).length, 1, 'and keeps no session');
});

test('two that live under one id: the last wins and the first is told, or the last is refused', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [one, two] = [cluster.client(), cluster.client()];
  const first = await webOf(one).join({ id: 'a', value: '1' });
  await assert.rejects(webOf(two).join({ id: 'a', value: '2', ifTaken: 'refuse' }), (error) => {
    assert.ok(error instanceof KeyExistsError);
    assert.match(error.message, /"a" is in the group already: "web\/a" stands since revision/);
    return true;
  });
  assert.equal(first.stands, true);
  await webOf(two).join({ id: 'a', value: '2' });
  await cluster.advance(10);
  assert.ok(first.ended.reason instanceof ReplacedError);
  await assert.rejects(first.update('3'), ReplacedError);
  // On one session as well.
  const { session } = await contender(cluster);
  const group = webOf(session.client);
  const left = await group.join({ id: 'b', value: '1', session });
  const right = await group.join({ id: 'b', value: '2', session });
  await cluster.advance(10);
  assert.deepEqual([left.ended.aborted, right.stands], [true, true]);
  await left.leave();
  await cluster.advance(5_000);
  assert.deepEqual(await listed(one), ['a=2', 'b=2']);
  // Without an id each is another one.
  const nameless = [await group.join({ value: 'x' }), await group.join({ value: 'y' })];
  assert.notEqual(nameless[0]?.id, nameless[1]?.id);
});

test('row 9: an answer that was lost on joining, updating or leaving changes nothing', async (t) => {
  const cluster = await startCluster(t, 3, 4);
  const client = cluster.client();
  const lossy = async <Result>(promise: Promise<Result>): Promise<Result> => {
    const dropped = cluster.dropReplies(2);
    const result = await cluster.advanceUntil(promise);
    assert.ok(dropped.count > 0);
    dropped.stop();
    return result;
  };
  const membership = await lossy(webOf(client).join({ id: 'a', value: '1' }));
  assert.deepEqual(await listed(client), ['a=1']);
  await lossy(membership.update('2'));
  assert.deepEqual(await listed(client), ['a=2']);
  await lossy(membership.leave());
  assert.deepEqual(await listed(client), []);
  const { session } = await contender(cluster);
  const given = await webOf(session.client).join({ id: 'b', value: '1', session });
  await lossy(given.leave());
  assert.deepEqual(await listed(client), []);
  assert.equal(session.lost.aborted, false);
});

test('row 7: whoever cannot join, or gives it up, leaves nothing behind', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const own = cuttableClient(cluster);
  await own.client.put('warm', '1');
  own.cutOff(true);
  const late = assert.rejects(
    webOf(own.client).join({ id: 'a', value: '1', timeoutMs: 1_000 }),
    DeadlineError,
  );
  await cluster.advance(1_000);
  await cluster.advanceUntil(late);
  own.cutOff(false);
  await cluster.advance(60_000);
  const other = cluster.client();
  assert.deepEqual(await listed(other), []);
  assert.deepEqual(await other.leases.list(), []);
  const reason = new Error('changed my mind');
  await assert.rejects(
    webOf(other).join({ value: '1', signal: AbortSignal.abort(reason) }),
    reason,
  );
});

test('row 16: a fleet whose entries were removed does not come back all at once', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const fleet = Array.from({ length: 40 }, () => cluster.client());
  await Promise.all(
    fleet.map((client, at) => webOf(client).join({ id: `host-${at}`, value: 'up', ttl: 30 })),
  );
  const observer = cluster.client();
  const backAt: number[] = [];
  const watch = observer.watch({ prefix: 'web/', noDelete: true });
  const watching = (async () => {
    for await (const _ of watch) backAt.push(cluster.now);
  })();
  await cluster.advance(10);
  const from = cluster.now;
  await observer.delete({ prefix: 'web/' });
  await cluster.advance(2_000);
  assert.equal(backAt.length, 40);
  const spread = Math.max(...backAt) - Math.min(...backAt);
  assert.ok(spread > 500 && Math.max(...backAt) - from <= 1_000, `within ${spread} ms`);
  const atOnce = backAt.filter((at) => at - (backAt[0] ?? 0) < 100).length;
  assert.ok(atOnce <= 12, `${atOnce} within 100 ms`);
  // The same when the sessions themselves were ended.
  backAt.splice(0);
  for (const lease of await observer.leases.list()) await observer.leases.revoke(lease);
  await cluster.advance(30_000);
  assert.equal(new Set((await webOf(observer).members()).map(({ id }) => id)).size, 40);
  assert.ok(Math.max(...backAt) - Math.min(...backAt) > 500);
  watch.close();
  await watching;
});

test('what a watch of a group tells adds up, through a compaction that it did not hear of', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [watcher, client] = [cuttableClient(cluster), cluster.client()];
  const seen = new Map<string, string>();
  let last: GroupChange<string> | undefined;
  const stop = new AbortController();
  const following = (async () => {
    for await (const change of webOf(watcher.client).watch({ signal: stop.signal })) {
      for (const { id, value } of [...change.joined, ...change.changed]) seen.set(id, value);
      for (const { id } of change.left) assert.ok(seen.delete(id), `${id} left and never came`);
      assert.ok(
        change.joined.every(({ id }) => last?.members.every((one) => one.id !== id) ?? true),
      );
      last = change;
    }
  })();
  const stopped = assert.rejects(following, /aborted/);
  const [a, b] = [
    await webOf(client).join({ id: 'a', value: '1' }),
    await webOf(client).join({ id: 'b', value: '1' }),
  ];
  await cluster.advance(100);
  assert.deepEqual(
    [...seen],
    [
      ['a', '1'],
      ['b', '1'],
    ],
  );
  watcher.cutOff(true);
  await a.leave();
  await b.update('2');
  await webOf(client).join({ id: 'c', value: '3' });
  await client.compact((await client.put('noise', '1')).header.revision);
  await cluster.advance(10_000);
  watcher.cutOff(false);
  await cluster.advance(30_000);
  assert.deepEqual(
    [...seen],
    [
      ['b', '2'],
      ['c', '3'],
    ],
  );
  assert.deepEqual(
    last?.members.map(({ id }) => id),
    ['b', 'c'],
  );
  stop.abort();
  await stopped;
});

test('a value that cannot be read spoils no other, and what is further below is no member', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const client = cluster.client();
  const ports = new Group(client, 'web', codecs.json<{ port: number }>());
  await ports.join({ id: 'a', value: { port: 80 } });
  await client.put('web/b', 'no json');
  await client.put('web/below/c', '{}');
  await client.put(new Uint8Array([0x77, 0x65, 0x62, 0x2f, 0xff]), 'no text');
  const members = await ports.members();
  assert.deepEqual(
    members.map(({ id }) => id),
    ['a', 'b'],
  );
  assert.deepEqual(members[0]?.value, { port: 80 });
  assert.throws(() => members[1]?.value, DecodeError);
  const [, b] = members;
  assert.deepEqual([b?.lease, b?.joinedRevision], ['0', b?.revision]);
});

test('an update waits for a connection, ends by its deadline, and the newest one counts', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const [own, other] = [cuttableClient(cluster), cluster.client()];
  const membership = await webOf(own.client).join({ id: 'a', value: '1', ttl: 60 });
  own.cutOff(true);
  const late = assert.rejects(membership.update('2', { timeoutMs: 1_000 }), DeadlineError);
  await cluster.advance(1_000);
  await late;
  const newest = membership.update('3', { timeoutMs: 60_000 });
  own.cutOff(false);
  await cluster.advanceUntil(newest);
  assert.deepEqual(await listed(other), ['a=3']);
  await assert.rejects(membership.update('x'.repeat(2_000_000)), TooLargeError);
  await cluster.advance(10_000);
  assert.deepEqual(await listed(other), ['a=3']);
  await membership.update('4');
  assert.deepEqual(await listed(other), ['a=4']);
  const reason = new Error('changed my mind');
  await assert.rejects(membership.update('5', { signal: AbortSignal.abort(reason) }), reason);
});

test('names, ids and options that are none, and what has ended, are refused with what would be right', async (t) => {
  const cluster = await startCluster(t, 1, 4);
  const client = cluster.client();
  for (const [name, fault] of [
    ['', /is empty/],
    ['a/', /ends with a slash/],
    ['\udc00', /is no text/],
  ] as const) {
    assert.throws(() => new Group(client, name), fault);
  }
  const group = webOf(client);
  await assert.rejects(group.join({ id: '', value: '1' }), /the id "" is empty/);
  await assert.rejects(group.join({ id: 'a/b', value: '1' }), /has a slash/);
  await assert.rejects(group.join({ value: '1', ttl: 0 }), /ttl is 0; it must be a whole number/);
  await assert.rejects(group.join({ value: '1', healMs: -1 }), /healMs is -1/);
  const ifTaken = 'share' as 'refuse';
  await assert.rejects(group.join({ value: '1', ifTaken }), /is replace or refuse/);
  const unwritable = new Group<unknown>(client, 'web').join({ value: undefined });
  await assert.rejects(unwritable, DecodeError);
  const { session } = await contender(cluster);
  const membership = await group.join({ id: 'a', value: '1' });
  await membership.leave();
  await assert.rejects(membership.update('2'), /it was left/);
  await session.close();
  await assert.rejects(webOf(session.client).join({ value: '1', session }), ClosedError);
  await client.close();
  await assert.rejects(group.join({ value: '1' }), ClosedError);
  await assert.rejects(group.members(), ClosedError);
});
