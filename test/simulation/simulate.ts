import { assert } from '../../server/src/core/base/assert.ts';
import type { History } from '../checkers/history.ts';
import { Checks } from './checks.ts';
import { Coverage } from './coverage.ts';
import { Nemesis } from './nemesis.ts';
import type { SimPlan } from './plan.ts';
import { SimCluster } from './sim-cluster.ts';
import { Workload } from './workload.ts';

export interface SimResult {
  readonly seed: number;
  readonly coverage: Coverage;
  readonly acknowledged: number;
  readonly events: number;
}

/** What a run is watched by. */
export interface SimListeners {
  readonly trace?: (line: string) => void;
  /** Filled with what clients and watchers saw, also of a run that fails. */
  readonly history?: History;
}

/** How long the cluster may take to be well again, in simulated milliseconds. */
const recoveryMs = 15_000;
/** Enough for every watcher to read the rest. */
const quietMs = 8_000;
const settleMs = 3_000;
const settleStepMs = 20;
const eventsMax = 2_000_000;

/**
 * One run from one seed. First everything breaks and every step is checked for safety; then
 * everything heals, and the cluster must make progress and agree within a bound.
 * @throws Error that names the broken rule.
 */
export function simulate(plan: SimPlan, listeners: SimListeners = {}): SimResult {
  const { seed, tormentMs, clients } = plan;
  const { trace = () => {} } = listeners;
  const coverage = new Coverage();
  const checks = new Checks(coverage);
  const voters = [3, 3, 3, 5, 1][seed % 5] as number;
  const cluster = new SimCluster({ seed, voters, joiners: 1, checks, coverage, trace });
  const nemesis = new Nemesis(cluster, cluster.random, coverage);
  const workload = new Workload(cluster, cluster.random, coverage);
  checks.onApplied = (applied, command, now) => workload.actors.applied(applied, command, now);
  for (const host of cluster.hosts) if (host.founding) cluster.start(host);
  workload.start({ clients, watchers: 4 });
  cluster.time.after(1_500, () => nemesis.start());
  let events = run(cluster, checks, tormentMs);
  nemesis.heal();
  cluster.log('healed');
  const before = workload.answered;
  events += run(cluster, checks, recoveryMs);
  assert(workload.answered > before, 'liveness: nothing was answered after everything was healed');
  workload.active = false;
  for (const watcher of workload.watchers) watcher.readAll();
  events += run(cluster, checks, quietMs);
  // Members go on comparing their states and compacting, so an entry may just be on its way.
  for (let left = settleMs; !agreed(cluster) && left > 0; left -= settleStepMs) {
    events += run(cluster, checks, settleStepMs);
  }
  coverage.reach('frame lost', cluster.network.lost);
  checkEnd(cluster, checks, workload);
  return { seed, coverage, acknowledged: workload.acknowledged.length, events };
}

function run(cluster: SimCluster, checks: Checks, ms: number): number {
  const until = cluster.time.now + ms;
  let events = 0;
  while (cluster.time.now < until) {
    assert(cluster.time.step(), 'the simulation ran out of events');
    assert(++events < eventsMax, 'the simulation does not come to an end');
    checks.look(cluster.hosts);
    if (events % 10_000 === 0) checks.compareStates(cluster.hosts);
  }
  return events;
}

/** Every member has applied what the leader has. */
function agreed({ leader, hosts }: SimCluster): boolean {
  const target = leader?.member;
  return hosts.every(
    ({ member, memberId }) =>
      member === undefined ||
      target?.raft.progress?.has(memberId) !== true ||
      member.appliedIndex === target.appliedIndex,
  );
}

function checkEnd(cluster: SimCluster, checks: Checks, workload: Workload): void {
  const members = cluster.hosts.flatMap((host) => (host.member === undefined ? [] : [host]));
  const { leader } = cluster;
  assert(leader?.member !== undefined, 'liveness: there is no leader at the end');
  const { raft, machine } = leader.member;
  for (const { name, memberId, member } of members) {
    if (!raft.progress?.has(memberId)) continue;
    assert(
      member?.appliedIndex === leader.member.appliedIndex,
      `liveness: ${name} is at index ${member?.appliedIndex}, the leader at ${leader.member.appliedIndex}`,
    );
  }
  checks.compareStates(members);
  const { history } = checks;
  workload.checkAcknowledged(history);
  workload.actors.checkEnd(history, machine);
  for (const watcher of workload.watchers) watcher.check(history, watcher.attached);
}
