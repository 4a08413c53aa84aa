import assert from 'node:assert/strict';
import { op } from '@lockstep/client';
import { Election, type Term } from '@lockstep/election';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';
import { Random } from '../../server/src/core/base/random.ts';
import { cuttableClient } from './contenders.ts';
import { Observer } from './elections.ts';
import { ExclusionMonitor } from './exclusion-monitor.ts';
import type { Ends } from './turmoil.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const steps = 30;

interface Member extends ReturnType<typeof cuttableClient> {
  readonly identity: string;
  readonly end: AbortController;
}

/** Everything that leads and led, and everything that was written as a leader. */
class Chronicle {
  readonly terms: Term[] = [];
  readonly log: number[] = [];
  readonly failures: unknown[] = [];
  /** Who is removed by hand hears of it later than the next one leads: then only writes are kept apart. */
  readonly exclusion: ExclusionMonitor;

  constructor(exclusion: ExclusionMonitor) {
    this.exclusion = exclusion;
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
function start(
  cluster: TestCluster,
  identity: string,
  priority: number,
  chronicle: Chronicle,
): Member {
  const lone = cuttableClient(cluster);
  const end = new AbortController();
  const election = new Election(lone.client, 'boss', { identity, priority, ttl: 5 });
  const lead = async (term: Term, stop: AbortSignal): Promise<void> => {
    chronicle.exclusion.enter({ who: identity, lock: term, weight: 1, since: cluster.now });
    chronicle.terms.push(term);
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
  stand().catch((error: unknown) => chronicle.failures.push(error));
  return { ...lone, identity, end };
}

export interface Campaigns {
  readonly terms: number;
  /** Terms in which something was written. */
  readonly writtenTerms: number;
  readonly transfers: number;
}

/**
 * Five stand for one office through crashes, cut-offs and transfers. Guarded writes are in the order of tokens, and one leads at a
 * time; unless leaders are also removed by hand, which they hear of later than the next one leads.
 */
export async function contendForOffice(
  ends: Ends,
  seed: number,
  isExclusive: boolean,
): Promise<Campaigns> {
  const cluster = await createTestCluster({ members: 3, seed });
  const random = new Random(seed);
  const room = isExclusive ? 1 : names.length;
  const chronicle = new Chronicle(new ExclusionMonitor(() => cluster.now, room));
  ends.after(() => cluster.close());
  const members = names.map((name) => start(cluster, name, random.below(3), chronicle));
  ends.after(() => {
    for (const { end } of members) end.abort();
  });
  const witness = cluster.client();
  const observer = new Observer(ends, new Election(witness, 'boss'));
  const writing = (async () => {
    for await (const { value } of witness.watch({ key: 'log' })) chronicle.log.push(Number(value));
  })();
  writing.catch(() => {});
  let transfers = 0;
  for (let step = 0; step < steps; step++) {
    const at = random.below(members.length);
    const member = members[at];
    assert.ok(member !== undefined);
    const { current } = chronicle;
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
      members[at] = start(cluster, member.identity, random.below(3), chronicle);
    }
    await cluster.advance(random.below(4_000));
    assert.deepEqual(chronicle.failures, []);
  }
  for (const each of members) each.cutOff(false);
  await cluster.advance(30_000);
  assert.deepEqual(chronicle.failures, []);
  const { current } = chronicle;
  assert.ok(current !== undefined, 'somebody leads in the end');
  assert.equal(observer.leaders.at(-1)?.token, current.token);
  const ordered = chronicle.log.toSorted((one, other) => one - other);
  assert.deepEqual(chronicle.log, ordered, 'no write of an older term after one of a newer');
  const { count } = await witness.range({ prefix: 'boss/' });
  assert.equal(count, names.length, 'no ghosts');
  return {
    terms: chronicle.exclusion.entries,
    writtenTerms: new Set(chronicle.log).size,
    transfers,
  };
}
