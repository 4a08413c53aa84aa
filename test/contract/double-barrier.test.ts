import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClosedError, DeadlineError, InvalidError, LeaseLostError } from '@lockstep/client';
import {
  DoubleBarrier,
  ParticipantLostError,
  ReplacedError,
  type Visit,
} from '@lockstep/rendezvous';
import type { TestCluster } from '@lockstep/server/testing';
import fc from 'fast-check';
import { type Contender, contender, startCluster } from '../harness/contenders.ts';

interface Participant extends Contender {
  readonly barrier: DoubleBarrier;
}

async function participants(
  cluster: TestCluster,
  ids: readonly string[],
  count = ids.length,
): Promise<Participant[]> {
  const all: Participant[] = [];
  for (const id of ids) {
    const own = await contender(cluster, 5);
    all.push({ ...own, barrier: new DoubleBarrier(own.session, 'work', { count, id }) });
  }
  return all;
}

function settledOf<Result>(promise: Promise<Result>): { is: boolean } {
  const state = { is: false };
  const settle = (): void => {
    state.is = true;
  };
  promise.then(settle, settle);
  return state;
}

test('all begin together and end together, and nothing stays behind', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const [a, b, c] = await participants(cluster, ['a', 'b', 'c']);
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const early = Promise.all([a.barrier.enter(), b.barrier.enter()]);
  const entered = settledOf(early);
  await cluster.advance(60_000);
  assert.equal(entered.is, false);
  const last = await c.barrier.enter();
  const visits = [...(await early), last];
  for (const { participants: all } of visits) assert.deepEqual(all, ['a', 'b', 'c']);
  const leaving = Promise.all([visits[0]?.leave(), visits[2]?.leave()]);
  const left = settledOf(leaving);
  await cluster.advance(60_000);
  assert.equal(left.is, false);
  await visits[1]?.leave();
  await leaving;
  await cluster.advance(100);
  assert.deepEqual((await a.client.range({ prefix: 'work/' })).kvs, []);
});

test('it is used again and again, by the same and by more than go through at once', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const all = await participants(cluster, ['a', 'b', 'c', 'd'], 2);
  let inside = 0;
  const rounds = all.map(async ({ barrier, client }) => {
    for (let round = 0; round < 5; round++) {
      const visit = await barrier.enter();
      assert.equal(visit.participants.length, 2);
      inside++;
      await client.get('work/round');
      assert.ok(inside <= 2, `${inside} are inside`);
      inside--;
      await visit.leave();
    }
  });
  await cluster.advanceUntil(Promise.all(rounds));
  assert.equal(inside, 0);
});

test('row 17: one that dies before the others have come is not counted', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const [a, b, c] = await participants(cluster, ['a', 'b', 'c'], 2);
  const dead = a?.barrier.enter() ?? Promise.reject();
  dead.catch(() => {});
  await cluster.advance(100);
  a?.cutOff(true);
  await cluster.advance(10_000);
  const waiting = b?.barrier.enter() ?? Promise.reject();
  const entered = settledOf(waiting);
  await cluster.advance(1_000);
  assert.equal(entered.is, false);
  await assert.rejects(dead, LeaseLostError);
  assert.deepEqual((await c?.barrier.enter())?.participants, ['b', 'c']);
  await waiting;
});

test('row 17: all go through although the last to come dies the moment they are enough', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const [a, b, c] = await participants(cluster, ['a', 'b', 'c']);
  const early = [a?.barrier.enter(), b?.barrier.enter()];
  await cluster.advance(100);
  c?.deafen();
  const told = assert.rejects(c?.barrier.enter() ?? Promise.resolve(), LeaseLostError);
  await cluster.advance(20_000);
  await told;
  const visits = await cluster.advanceUntil(Promise.all(early));
  const leaving = visits.map((visit) =>
    assert.rejects(visit?.leave() ?? Promise.resolve(), (error) => {
      assert.ok(error instanceof ParticipantLostError);
      assert.deepEqual(error.participants, ['c']);
      return true;
    }),
  );
  await cluster.advanceUntil(Promise.all(leaving));
});

test('one that dies between entering and leaving stops nobody, and everybody is told who', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const all = await participants(cluster, ['a', 'b', 'c']);
  const visits = await cluster.advanceUntil(Promise.all(all.map(({ barrier }) => barrier.enter())));
  const [first, , third] = visits;
  const leaving = assert.rejects(first?.leave() ?? Promise.resolve(), (error) => {
    assert.ok(error instanceof ParticipantLostError);
    assert.match(error.message, /"b" did not leave in order/);
    assert.deepEqual(error.participants, ['b']);
    return true;
  });
  await cluster.advance(100);
  all[1]?.cutOff(true);
  await cluster.advance(20_000);
  await Promise.all([
    leaving,
    assert.rejects(third?.leave() ?? Promise.resolve(), ParticipantLostError),
  ]);
  // The next round is none the worse for it.
  const again = await participants(cluster, ['a', 'b', 'c']);
  const next = await cluster.advanceUntil(Promise.all(again.map(({ barrier }) => barrier.enter())));
  await cluster.advanceUntil(Promise.all(next.map((visit) => visit.leave())));
});

test('one that gives up leaving has left all the same, and may go on waiting', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const all = await participants(cluster, ['a', 'b']);
  const [a, b] = await cluster.advanceUntil(Promise.all(all.map(({ barrier }) => barrier.enter())));
  const late = assert.rejects(a?.leave({ timeoutMs: 500 }) ?? Promise.resolve(), DeadlineError);
  await cluster.advance(500);
  await late;
  const again = a?.leave() ?? Promise.reject();
  await cluster.advance(100);
  await b?.leave();
  await again;
});

test('row 9: one that left without hearing so finds out when it asks again, or that it cannot', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const all = await participants(cluster, ['a', 'b']);
  for (const isOver of [false, true]) {
    const [a, b] = await cluster.advanceUntil(
      Promise.all(all.map(({ barrier }) => barrier.enter())),
    );
    const others = isOver ? a?.leave() : undefined;
    await cluster.advance(10);
    const dropped = cluster.dropReplies(({ method }) => method === 'kv.txn');
    const leaving = b?.leave({ timeoutMs: 500 }) ?? Promise.resolve();
    const unheard = assert.rejects(leaving, DeadlineError);
    await cluster.advance(500);
    await unheard;
    assert.ok(dropped.count > 0);
    dropped.stop();
    await cluster.advance(10_000);
    const again = b?.leave() ?? Promise.resolve();
    if (isOver) {
      await cluster.advanceUntil(others ?? Promise.reject());
      await assert.rejects(again, (error) => {
        assert.ok(error instanceof ParticipantLostError);
        assert.deepEqual(error.participants, []);
        return true;
      });
    } else await cluster.advanceUntil(Promise.all([a?.leave(), again]));
  }
});

test('row 7: whoever gives up entering leaves no entry behind, and is not counted', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const [a, b] = await participants(cluster, ['a', 'b']);
  const reason = new Error('changed my mind');
  const giveUp = new AbortController();
  const aborted = assert.rejects(
    a?.barrier.enter({ signal: giveUp.signal }) ?? Promise.resolve(),
    reason,
  );
  const late = assert.rejects(b?.barrier.enter({ timeoutMs: 50 }) ?? Promise.resolve());
  giveUp.abort(reason);
  await aborted;
  await cluster.advance(500);
  await late;
  assert.deepEqual((await a?.client.range({ prefix: 'work/' }))?.kvs, []);
  const entered = Promise.all([a?.barrier.enter(), b?.barrier.enter()]);
  await cluster.advanceUntil(entered);
});

test('row 8: one that restarts under its id takes its own place at once, and is not counted twice', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const [dead, b] = await participants(cluster, ['a', 'b']);
  const ghost = assert.rejects(dead?.barrier.enter() ?? Promise.resolve(), LeaseLostError);
  await cluster.advance(100);
  dead?.cutOff(true);
  const [reborn] = await participants(cluster, ['a'], 2);
  const entering = reborn?.barrier.enter() ?? Promise.reject();
  const entered = settledOf(entering);
  await cluster.advance(1_000);
  assert.equal(entered.is, false, 'it does not go through with its own ghost');
  await b?.barrier.enter();
  assert.deepEqual((await entering).participants, ['a', 'b']);
  await cluster.advance(10_000);
  await ghost;
});

test('row 8: one that restarts in the middle of a round is lost to that round at once', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const all = await participants(cluster, ['a', 'b']);
  const [visit, other] = await cluster.advanceUntil(
    Promise.all(all.map(({ barrier }) => barrier.enter())),
  );
  const leaving = assert.rejects(other?.leave() ?? Promise.resolve(), ParticipantLostError);
  const [reborn] = await participants(cluster, ['a'], 2);
  const next = reborn?.barrier.enter() ?? Promise.reject();
  await leaving;
  await assert.rejects(visit?.leave() ?? Promise.resolve(), ReplacedError);
  const b = await all[1]?.barrier.enter();
  assert.deepEqual(b?.participants, ['a', 'b']);
  await next;
});

test('row 9: an answer that was lost on the way in, or out, is no second entry', async (t) => {
  const cluster = await startCluster(t, 3, 9);
  const [a, b] = await participants(cluster, ['a', 'b']);
  const dropped = cluster.dropReplies(2);
  const entering = Promise.all([a?.barrier.enter(), b?.barrier.enter()]);
  const visits = await cluster.advanceUntil(entering);
  assert.equal(dropped.count, 2);
  for (const visit of visits) assert.deepEqual(visit?.participants.toSorted(), ['a', 'b']);
  const droppedAgain = cluster.dropReplies(2);
  await cluster.advanceUntil(Promise.all(visits.map((visit) => visit?.leave())));
  assert.equal(droppedAgain.count, 2);
});

test('row 7: a compaction during the wait stops nobody', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const [a, b] = await participants(cluster, ['a', 'b']);
  const other = cluster.client();
  // A session of its own that outlives being cut off.
  const own = await contender(cluster, 60);
  const waiter = new DoubleBarrier(own.session, 'work', { count: 2, id: 'w' });
  const unheard = async (happens: () => Promise<unknown>): Promise<void> => {
    await cluster.advance(100);
    own.cutOff(true);
    await happens();
    await other.compact((await other.put('noise', '1')).header.revision);
    await cluster.advance(10_000);
    own.cutOff(false);
  };
  const entering = waiter.enter();
  let others: Promise<Visit> | undefined;
  await unheard(async () => {
    others = a?.barrier.enter();
  });
  const visit = await cluster.advanceUntil(entering);
  const leaving = visit.leave();
  await unheard(async () => {
    await cluster.advance(20);
  });
  await (await others)?.leave();
  await cluster.advanceUntil(leaving);
  // What was over and forgotten meanwhile cannot be told, and is not guessed.
  const again = Promise.all([waiter.enter(), a?.barrier.enter()]);
  const [mine, theirs] = await cluster.advanceUntil(again);
  const told = assert.rejects(mine.leave(), (error) => {
    assert.ok(error instanceof ParticipantLostError);
    assert.deepEqual(error.participants, []);
    return true;
  });
  await unheard(async () => {
    await theirs?.leave();
    await Promise.all([a?.barrier.enter(), b?.barrier.enter()]);
  });
  await cluster.advanceUntil(told);
});

test('row 17, property: whatever dies and when, nobody is stuck, and no loss is kept quiet', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  let run = 0;
  const life = fc.record({ comesMs: fc.nat(50), stays: fc.nat(50), diesAtMs: fc.nat(150) });
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 2, maxLength: 4 }), async (lives) => {
      const name = `run-${run++}`;
      const { clock } = cluster;
      const after = (ms: number) =>
        new Promise<void>((resolve) => {
          clock.after(ms, resolve);
        });
      const ends = lives.map(async ({ comesMs, stays, diesAtMs }, at) => {
        const { session, cutOff, client } = await contender(cluster, 2);
        const count = lives.length;
        const barrier = new DoubleBarrier(session, name, { count, id: `p${at}` });
        // Every second one lives.
        const dies = at % 2 === 1 && diesAtMs < 100;
        if (dies)
          after(diesAtMs).then(
            () => cutOff(true),
            () => {},
          );
        await after(comesMs);
        let entered = false;
        let left: 'left' | 'told' | 'lost' | 'late';
        try {
          const visit = await barrier.enter({ timeoutMs: 20_000 });
          entered = true;
          await after(stays);
          await visit.leave({ timeoutMs: 20_000 });
          left = 'left';
        } catch (error) {
          left =
            error instanceof ParticipantLostError
              ? 'told'
              : error instanceof DeadlineError && !dies
                ? 'late'
                : 'lost';
          if (!dies && left === 'lost') throw error;
        }
        cutOff(false);
        await client.close({ drainMs: 0 });
        return { dies, entered, left };
      });
      const all = await cluster.advanceUntil(Promise.all(ends), 120_000);
      const living = all.filter(({ dies }) => !dies);
      if (living.some(({ entered }) => entered)) {
        assert.ok(
          living.every(({ entered }) => entered),
          'all go in or none',
        );
        assert.ok(
          living.every(({ left }) => left !== 'late'),
          'nobody is stuck on the way out',
        );
        assert.equal(new Set(living.map(({ left }) => left)).size, 1, 'all hear the same');
      } else
        assert.ok(
          all.some(({ dies }) => dies),
          'if nobody died, all go in',
        );
    }),
    { numRuns: 25, seed: 2 },
  );
});

test('names, ids and counts that are none, another count, and ended sessions are refused', async (t) => {
  const cluster = await startCluster(t, 1, 9);
  const [a] = await participants(cluster, ['a']);
  const session = a?.session ?? (await contender(cluster)).session;
  const make = (name: string, count: number, id: string) => () =>
    new DoubleBarrier(session, name, { count, id });
  assert.throws(make('', 2, 'a'), /the name "" is empty/);
  assert.throws(make('a/', 2, 'a'), /ends with a slash/);
  assert.throws(make('\ud800', 2, 'a'), /is no text/);
  assert.throws(make('a', 2, ''), /the id "" is empty/);
  assert.throws(make('a', 2, 'a/b'), /has a slash/);
  for (const count of [0, 2.5, Number.NaN]) {
    assert.throws(make('a', count, 'a'), /count is .* must be a whole number, 1 or more/);
  }
  const first = new DoubleBarrier(session, 'n', { count: 2, id: 'a' }).enter();
  first.catch(() => {});
  await cluster.advance(10);
  const other = await contender(cluster);
  await assert.rejects(
    new DoubleBarrier(other.session, 'n', { count: 3, id: 'b' }).enter(),
    (error) => {
      assert.ok(error instanceof InvalidError);
      assert.match(
        error.message,
        /"a" came to the barrier "n" as one of 2, and this one as one of 3/,
      );
      return true;
    },
  );
  const removed = assert.rejects(first, /the entry of "a" is gone/);
  await other.client.delete('n/here/a');
  await removed;
  await session.close();
  await assert.rejects(new DoubleBarrier(session, 'n', { count: 2, id: 'a' }).enter(), ClosedError);
});
