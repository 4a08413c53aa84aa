/** What locks cost the cluster, counted in the frames that pass between it and each client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session } from '@lockstep/client';
import { type Lock, Mutex } from '@lockstep/locks';
import type { TestCluster } from '@lockstep/server/testing';
import { startCluster } from '../harness/contenders.ts';

interface Counted {
  readonly session: Session;
  /** Watches that were told of an event, one by one, since the beginning. */
  wakeUps(): number;
  /** Requests of a method that were sent, since the beginning. */
  requests(method: string): number;
}

/** A process of its own, as far as the cluster can tell, whose frames are counted. */
async function counted(cluster: TestCluster, ttl = 10): Promise<Counted> {
  let wakeUps = 0;
  const requests = new Map<string, number>();
  const { dial } = cluster.clientOptions();
  const client = cluster.client({
    dial: (url, handler) => {
      const transport = dial(url, {
        opened: () => handler.opened(),
        closed: (end) => handler.closed(end),
        alive: () => handler.alive(),
        frame: (text) => {
          for (const { method, params } of messagesIn(text)) {
            if (method === 'watch.events') wakeUps += params?.watchIds?.length ?? 0;
          }
          handler.frame(text);
        },
      });
      return {
        send: (frames) => {
          for (const { method = '' } of frames.flatMap(messagesIn)) {
            requests.set(method, (requests.get(method) ?? 0) + 1);
          }
          transport.send(frames);
        },
        close: () => transport.close(),
      };
    },
  });
  const session = await Session.open(client, { ttl });
  return {
    session,
    wakeUps: () => wakeUps,
    requests: (method) => requests.get(method) ?? 0,
  };
}

interface Message {
  readonly method?: string;
  readonly params?: { readonly watchIds?: readonly number[] };
}

/** A frame is one message or a batch of them. */
function messagesIn(text: string): readonly Message[] {
  const frame: Message | readonly Message[] = JSON.parse(text);
  return Array.isArray(frame) ? frame : [frame as Message];
}

test('a release wakes exactly one watch of all that wait, and it is the next one’s', async (t) => {
  const cluster = await startCluster(t, 1);
  const processes = await Promise.all(Array.from({ length: 10 }, () => counted(cluster)));
  const [first] = processes;
  assert.ok(first !== undefined);
  let holder = await new Mutex(first.session, 'queue').acquire();
  const taken: { readonly lock: Lock; readonly by: Counted }[] = [];
  for (let round = 0; round < 20; round++) {
    for (const by of processes) {
      new Mutex(by.session, 'queue').acquire().then(
        (lock) => taken.push({ lock, by }),
        () => {},
      );
    }
  }
  await cluster.advance(1_000);
  const { waiting } = await new Mutex(first.session, 'queue').inspect();
  assert.equal(waiting.length, 200);
  assert.deepEqual(
    processes.map(({ wakeUps }) => wakeUps()),
    processes.map(() => 0),
    'nobody is woken while others take their places',
  );
  for (let release = 1; release <= 15; release++) {
    const before = processes.map(({ wakeUps }) => wakeUps());
    await holder.release();
    await cluster.advance(200);
    assert.equal(taken.length, release);
    const { lock, by } = taken[release - 1] ?? assert.fail();
    assert.equal(lock.token, waiting[release - 1]?.token, 'first come, first served');
    assert.deepEqual(
      processes.map(({ wakeUps }, at) => wakeUps() - (before[at] ?? 0)),
      processes.map((each) => (each === by ? 1 : 0)),
    );
    holder = lock;
  }
});

test('a waiter that gives up in the middle of the queue wakes the one behind it and no other', async (t) => {
  const cluster = await startCluster(t, 1);
  const processes = await Promise.all(Array.from({ length: 6 }, () => counted(cluster)));
  const [first, ...others] = processes;
  assert.ok(first !== undefined);
  await new Mutex(first.session, 'queue').acquire();
  const giveUp = new AbortController();
  const ends: Promise<unknown>[] = [];
  for (const [at, { session }] of others.entries()) {
    const options = at === 2 ? { signal: giveUp.signal } : {};
    ends.push(new Mutex(session, 'queue').acquire(options).catch(() => {}));
    await cluster.advance(100);
  }
  giveUp.abort(new Error('changed my mind'));
  await cluster.advance(1_000);
  assert.deepEqual(
    processes.map(({ wakeUps }) => wakeUps()),
    [0, 0, 0, 0, 1, 0],
  );
});

test('a thousand locks are kept by as many renewals as none: one frame each third of the TTL', async (t) => {
  const cluster = await startCluster(t, 1);
  const ttl = 30;
  const [many, none] = [await counted(cluster, ttl), await counted(cluster, ttl)];
  const locks: Lock[] = [];
  for (let batch = 0; batch < 10; batch++) {
    const names = Array.from({ length: 100 }, (_, at) => `lock-${batch}-${at}`);
    locks.push(
      ...(await Promise.all(names.map((name) => new Mutex(many.session, name).acquire()))),
    );
  }
  const before = [many, none].map(({ requests }) => requests('lease.keepAlive'));
  await cluster.advance(ttl * 1_000);
  const renewals = [many, none].map(
    ({ requests }, at) => requests('lease.keepAlive') - (before[at] ?? 0),
  );
  assert.deepEqual(renewals, [3, 3]);
  for (const lock of locks) lock.assertHeld();
  assert.equal(many.wakeUps(), 0);
});
