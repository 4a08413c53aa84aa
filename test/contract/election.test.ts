import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineError, LeaseLostError, op } from '@lockstep/client';
import { Election, inspectElection, type Term } from '@lockstep/election';
import { LockLostError } from '@lockstep/locks';
import { cuttableClient, startCluster } from '../harness/contenders.ts';
import { rawCandidate } from '../harness/elections.ts';

test('one leads, the next waits, and the tokens of terms go up', async (t) => {
  const cluster = await startCluster(t);
  const one = new Election(cluster.client(), 'boss', { value: '10.0.0.1' });
  const two = new Election(cluster.client(), 'boss', { value: '10.0.0.2' });
  const first = await one.campaign();
  const positions: number[] = [];
  const terms: Term[] = [];
  const waiting = two
    .campaign({ onQueued: (position) => positions.push(position) })
    .then((term) => terms.push(term));
  await cluster.advance(1_000);
  assert.deepEqual([one.isLeader, two.isLeader, terms.length], [true, false, 0]);
  const leader = await two.leader();
  assert.deepEqual([leader?.value, leader?.token], ['10.0.0.1', first.token]);
  assert.equal(await first.resign(), true);
  await waiting;
  assert.ok((terms[0]?.token ?? 0) > first.token);
  assert.deepEqual([one.isLeader, two.isLeader, positions], [false, true, [1]]);
  assert.deepEqual([first.endedBy, terms[0]?.endedBy], ['resign', undefined]);
  assert.equal(await first.resign(), true, 'once, however often it is asked');
  assert.equal((await one.leader())?.value, '10.0.0.2');
});

test('a term that is disposed of is resigned, and its lease is gone with it', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss', { identity: 'a' });
  {
    await using term = await election.campaign();
    assert.equal(term.remainingMs() > 0, true);
    assert.equal((await client.leases.list()).length, 1);
  }
  assert.equal(await election.leader(), undefined);
  assert.deepEqual(await client.leases.list(), []);
  assert.equal((await client.range({ prefix: 'boss' })).count, 0, 'nothing is left behind');
});

test('what is proclaimed in office is what the leader says from then on, in the same term', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss', { value: 'starting' });
  const term = await election.campaign();
  await term.proclaim('ready');
  const leader = await election.leader();
  assert.deepEqual([leader?.value, leader?.token], ['ready', term.token]);
  await term.txn().do(op.put('by', 'the leader')).commit();
  await client.delete(term.key);
  await assert.rejects(term.proclaim('too late'), LockLostError);
  assert.equal(await election.leader(), undefined);
  assert.equal(term.endedBy, 'loss');
  await cluster.advance(100);
  assert.deepEqual(await client.leases.list(), [], 'its lease ends with it, whoever ended it');
});

for (const ttl of [5, 10]) {
  test(`row 1, 3: a leader that is cut off knows before the next one leads, at TTL ${ttl}`, async (t) => {
    const cluster = await startCluster(t);
    const [one, two] = [cuttableClient(cluster), cuttableClient(cluster)];
    const term = await new Election(one.client, 'boss', { ttl }).campaign();
    let lostAt = Number.NaN;
    term.lost.addEventListener('abort', () => {
      lostAt = cluster.clock.now();
    });
    let ledAt = Number.NaN;
    const campaigning = new Election(two.client, 'boss', { ttl }).campaign().then((next) => {
      ledAt = cluster.clock.now();
      return next;
    });
    await cluster.advance(100);
    one.cutOff(true);
    await cluster.advance(3 * ttl * 1_000);
    const next = await campaigning;
    assert.ok(lostAt < ledAt, `lost at ${lostAt}, led at ${ledAt}`);
    assert.ok(next.token > term.token);
    assert.ok(term.lost.reason instanceof LockLostError);
    assert.throws(() => term.assertHeld(), LockLostError);
  });
}

test('row 1: a leader that was deposed cannot write as one, though its clock says nothing', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [cluster.client(), cluster.client()];
  const stale = await new Election(one, 'boss').campaign();
  // Its lease ends under it; nobody tells this process, as when it was stopped meanwhile.
  const lease = (await two.get(stale.key))?.lease ?? '';
  await two.leases.revoke(lease);
  const fresh = await new Election(two, 'boss').campaign();
  await fresh.txn().do(op.put('plan', 'new')).commit();
  await assert.rejects(stale.txn().do(op.put('plan', 'old')).commit(), LockLostError);
  assert.equal((await two.get('plan'))?.value, 'new');
});

test('row 4: a candidate hears of the end of its own lease, however long the leader leads', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [cuttableClient(cluster), cuttableClient(cluster)];
  await new Election(one.client, 'boss', { ttl: 60 }).campaign();
  const waiting = assert.rejects(
    new Election(two.client, 'boss', { ttl: 5 }).campaign(),
    LeaseLostError,
  );
  await cluster.advance(100);
  two.cutOff(true);
  await cluster.advance(6_000);
  await waiting;
});

test('row 5: a late resignation takes nothing from the next term of the same election', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const election = new Election(client, 'boss');
  const first = await election.campaign();
  await client.delete(first.key);
  await cluster.advance(200);
  assert.equal(first.endedBy, 'loss');
  const second = await election.campaign();
  assert.equal(await first.resign(), false);
  await cluster.advance(200);
  assert.equal((await client.get(second.key))?.createRevision, second.token);
  assert.equal(second.endedBy, undefined);
});

test('row 7: a campaign that is given up leaves no candidate behind, whatever the way', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [cluster.client(), cluster.client()];
  const term = await new Election(one, 'boss').campaign();
  const election = new Election(two, 'boss');
  const giveUp = new AbortController();
  const reason = new Error('changed my mind');
  const aborted = assert.rejects(election.campaign({ signal: giveUp.signal }), reason);
  const late = assert.rejects(
    new Election(two, 'boss').campaign({ timeoutMs: 500 }),
    (error) => error instanceof DeadlineError && /the office of "boss"/.test(error.message),
  );
  await cluster.advance(100);
  assert.equal((await election.candidates()).length, 3);
  giveUp.abort(reason);
  await aborted;
  await cluster.advance(500);
  await late;
  await assert.rejects(election.campaign({ signal: AbortSignal.abort(reason) }), reason);
  await cluster.advance(100);
  const state = await inspectElection(two, 'boss');
  assert.deepEqual([state.leader?.token, state.waiting], [term.token, []]);
  assert.equal((await two.range({ prefix: 'boss' })).count, 2, 'the leader and its record');
});

test('row 7: a compaction during the wait is none of the candidate’s business', async (t) => {
  const cluster = await startCluster(t, 1);
  const [one, two] = [cluster.client(), cluster.client()];
  const term = await new Election(one, 'boss').campaign();
  const waiting = new Election(two, 'boss').campaign();
  await cluster.advance(100);
  for (let at = 0; at < 20; at++) await one.put('noise', String(at));
  const { header } = await one.put('noise', 'last');
  cluster.cutClients();
  await cluster.advance(50);
  cluster.restoreClients();
  await cluster.advance(1_000);
  await one.compact(header.revision);
  await term.resign();
  assert.ok((await waiting).token > term.token);
});

test('row 8: a process that was started again does not wait for its own ghost', async (t) => {
  const cluster = await startCluster(t, 1);
  const [before, after] = [cuttableClient(cluster), cluster.client()];
  const ghost = await new Election(before.client, 'boss', {
    identity: 'host-1',
    ttl: 60,
  }).campaign();
  await cluster.advance(100);
  // It crashed: its lease lives on for a minute.
  before.cutOff(true);
  const again = new Election(after, 'boss', { identity: 'host-1', replaceOwn: true });
  const term = await again.campaign({ timeoutMs: 1_000 });
  assert.ok(term.token > ghost.token);
  assert.equal((await again.candidates()).length, 1);
});

test('row 8: replaceOwn leaves candidates of other identities alone', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const term = await new Election(client, 'boss', { identity: 'host-1' }).campaign();
  await rawCandidate(client, 'boss', 'raw');
  const late = new Election(client, 'boss', { identity: 'host-2', replaceOwn: true });
  const waiting = assert.rejects(late.campaign({ timeoutMs: 500 }), DeadlineError);
  await cluster.advance(600);
  await waiting;
  await cluster.advance(100);
  assert.equal(term.endedBy, undefined);
  assert.equal((await late.candidates()).length, 2);
});

test('row 9: an answer that was lost after the commit is no second candidate', async (t) => {
  const cluster = await startCluster(t);
  const client = cluster.client();
  await client.put('warm', '1');
  const lost = cluster.dropReplies(({ method, ok }) => ok && method === 'kv.txn' && lost.count < 1);
  const campaigning = new Election(client, 'boss').campaign();
  const term = await cluster.advanceUntil(campaigning);
  const { kvs } = await client.range({ prefix: 'boss/' });
  assert.deepEqual(
    kvs.map(({ createRevision }) => createRevision),
    [term.token],
  );
  assert.equal(lost.count, 1);
});

test('row 9: an answer that was lost on the way into office does not stop it', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [cluster.client(), cluster.client()];
  const first = await new Election(one, 'boss').campaign();
  const waiting = new Election(two, 'boss').campaign();
  await cluster.advance(100);
  // That of the resignation, that of the look, and that of taking the office: each is asked for again.
  const lost = cluster.dropReplies(({ method, ok }) => ok && method === 'kv.txn' && lost.count < 4);
  await cluster.advanceUntil(Promise.all([first.resign(), waiting]));
  const term = await waiting;
  assert.equal(lost.count, 4);
  assert.equal((await new Election(one, 'boss').leader())?.token, term.token);
  assert.equal((await new Election(one, 'boss').candidates()).length, 1);
  await term.txn().do(op.put('x', 'y')).commit();
});

test('row 10: a revision of a reply is never taken for one’s own', async (t) => {
  const cluster = await startCluster(t);
  const [one, two] = [cluster.client(), cluster.client()];
  const first = await new Election(one, 'boss').campaign();
  await first.proclaim('again');
  await one.put('noise', '1');
  const terms: Term[] = [];
  const waiting = new Election(two, 'boss').campaign().then((term) => terms.push(term));
  await cluster.advance(100);
  // Revisions of others go on between a candidate's coming and its turn.
  for (let at = 0; at < 10; at++) await one.put('noise', String(at));
  await first.proclaim('and again');
  assert.equal(terms.length, 0, 'a newer version of the leader’s key is still the leader');
  await first.resign();
  await waiting;
  const [term] = terms;
  assert.equal(term?.token, (await two.get(term?.key ?? ''))?.createRevision);
  const leader = await new Election(one, 'boss').leader();
  assert.deepEqual([leader?.key, leader?.token], [term?.key, term?.token]);
});

test('row 13: with no timer able to run, asking tells the truth', async (t) => {
  const cluster = await startCluster(t, 1);
  const election = new Election(cluster.client(), 'boss');
  const term = await election.campaign();
  term.assertHeld();
  // The machine slept: the wall clock went on, and nothing else did.
  cluster.jumpWallClock(60_000);
  assert.equal(election.isLeader, false);
  assert.throws(() => term.assertHeld(), LockLostError);
  assert.equal(term.endedBy, 'loss');
});

test('a candidate names itself, and inspect shows who leads and who waits, in order', async (t) => {
  const cluster = await startCluster(t, 1);
  const client = cluster.client();
  const names = ['host-1', 'host-2', 'host-3'];
  const [first] = names.map(
    (identity, at) =>
      new Election(client, 'boss', { identity, priority: at, metadata: { zone: 'b' } }),
  );
  const term = await first?.campaign();
  for (const identity of ['host-2', 'host-3']) {
    new Election(client, 'boss', { identity, priority: 7, value: `at ${identity}` })
      .campaign()
      .catch(() => {});
    await cluster.advance(1_000);
  }
  const { leader, waiting } = await inspectElection(client, 'boss');
  assert.deepEqual(
    [leader?.identity, leader?.token, leader?.value, leader?.metadata, leader?.inOffice],
    ['host-1', term?.token, 'host-1', { zone: 'b' }, true],
  );
  assert.deepEqual(
    waiting.map(({ identity, priority, value, inOffice }) => [identity, priority, value, inOffice]),
    [
      ['host-2', 7, 'at host-2', false],
      ['host-3', 7, 'at host-3', false],
    ],
  );
  const [two, three] = waiting;
  assert.equal((three?.since?.getTime() ?? 0) - (two?.since?.getTime() ?? 0), 1_000);
});
