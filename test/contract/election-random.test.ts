import assert from 'node:assert/strict';
import { test } from 'node:test';
import { op } from '@lockstep/client';
import { Election, type Term } from '@lockstep/election';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';
import { Random } from '../../server/src/core/base/random.ts';
import { Observer } from '../harness/elections.ts';
import { type LoneClient, loneClient } from '../harness/lone-client.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const steps = 30;

interface Member extends LoneClient {
  readonly identity: string;
  readonly end: AbortController;
}

/** Everything that believes to lead, and everything that was written as a leader. */
class Monitor {
  /** Who is removed by hand hears of it later than the next one leads; only its writes are kept out. */
  readonly isExclusive: boolean;
  readonly failures: unknown[] = [];
  readonly terms: Term[] = [];
  readonly log: number[] = [];

  constructor(isExclusive: boolean) {
    this.isExclusive = isExclusive;
  }

  began(term: Term): void {
    for (const other of this.isExclusive ? this.terms : []) {
      assert.ok(other.lost.aborted, `${other.token} leads still, and ${term.token} begins`);
    }
    this.terms.push(term);
  }

  get current(): Term | undefined {
    return this.terms.findLast(({ lost }) => !lost.aborted);
  }
}

async function within(cluster: TestCluster, ms: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      cancel();
      stop.removeEventListener('abort', end);
      resolve();
    };
    const cancel = cluster.clock.after(ms, end);
    stop.addEventListener('abort', end);
  });
}

/** Stands for election for ever, and writes its token while it leads. */
function start(cluster: TestCluster, identity: string, priority: number, monitor: Monitor): Member {
  const lone = loneClient(cluster);
  const end = new AbortController();
  const election = new Election(lone.client, 'boss', { identity, priority, ttl: 5 });
  const lead = async (term: Term, stop: AbortSignal): Promise<void> => {
    monitor.began(term);
    while (!stop.aborted) {
      await term
        .txn()
        .do(op.put('log', String(term.token)))
        .commit({ timeoutMs: 1_000 });
      await within(cluster, 500, stop);
    }
  };
  const stand = async (): Promise<void> => {
    // A task that hands the office over, or whose write fails, ends its run; it stands again.
    while (!end.signal.aborted) {
      await election.run(lead, { signal: end.signal, onError: () => {} }).catch((error) => {
        if (error instanceof assert.AssertionError) throw error;
      });
    }
  };
  stand().catch((error: unknown) => monitor.failures.push(error));
  return { ...lone, identity, end };
}

for (const [seed, isExclusive] of [
  [1, true],
  [2, true],
  [4, false],
] as const) {
  test(`seed ${seed}: through crashes, cut-offs and transfers ${isExclusive ? 'one leads at a time, and ' : 'and removals by hand '}guarded writes are in token order`, async (t) => {
    const cluster = await createTestCluster({ members: 3, seed });
    const random = new Random(seed);
    const monitor = new Monitor(isExclusive);
    t.after(() => cluster.close());
    const members = names.map((name) => start(cluster, name, random.below(3), monitor));
    t.after(() => {
      for (const { end } of members) end.abort();
    });
    const witness = cluster.client();
    const observer = new Observer(t, new Election(witness, 'boss'));
    const writing = (async () => {
      for await (const { value } of witness.watch({ key: 'log' })) monitor.log.push(Number(value));
    })();
    writing.catch(() => {});
    let transfers = 0;
    for (let step = 0; step < steps; step++) {
      const at = random.below(members.length);
      const member = members[at];
      assert.ok(member !== undefined);
      const { current } = monitor;
      const deed = random.pick(['cut', 'heal', 'heal', 'crash', 'transfer', 'restart', 'remove']);
      if (deed === 'cut') member.cutOff(true);
      if (deed === 'heal') for (const each of members) each.cutOff(false);
      if (deed === 'restart') cluster.restart(random.pick(cluster.members).name);
      if (deed === 'remove' && !isExclusive && current !== undefined) {
        await cluster.advanceUntil(witness.delete(current.key));
      }
      if (deed === 'transfer' && current !== undefined) {
        const handed = current.transferTo(member.identity);
        await cluster.advanceUntil(handed.then(() => transfers++).catch(() => {}));
      }
      if (deed === 'crash') {
        // Its process is gone, as far as the cluster can tell, and another one takes its name.
        member.cutOff(true);
        member.end.abort();
        members[at] = start(cluster, member.identity, random.below(3), monitor);
      }
      await cluster.advance(random.below(4_000));
      assert.deepEqual(monitor.failures, []);
    }
    for (const each of members) each.cutOff(false);
    await cluster.advance(30_000);
    assert.deepEqual(monitor.failures, []);
    const { current } = monitor;
    assert.ok(current !== undefined, 'somebody leads in the end');
    assert.equal(observer.leaders.at(-1)?.token, current.token);
    const ordered = monitor.log.toSorted((one, other) => one - other);
    assert.deepEqual(monitor.log, ordered, 'no write of an older term after one of a newer');
    const tokens = monitor.terms.map(({ token }) => token);
    assert.deepEqual(
      tokens,
      tokens.toSorted((one, other) => one - other),
    );
    assert.ok(tokens.length > 2 && new Set(monitor.log).size > 2, `${tokens.length} terms`);
    assert.ok(transfers > 0, 'the office was handed over');
    const { count } = await witness.range({ prefix: 'boss/' });
    assert.equal(count, names.length, 'no ghosts');
  });
}
