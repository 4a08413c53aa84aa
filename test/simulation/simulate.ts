import { assert } from '../../server/src/core/base/assert.ts';
import type { Machine } from '../../server/src/core/machine.ts';
import { isTombstone } from '../../server/src/core/mvcc/key-value.ts';
import { checkHistory } from '../checkers/check-history.ts';
import { History } from '../checkers/history.ts';
import type { LinearizabilityReport } from '../checkers/linearizability.ts';
import { AppliedCommands } from './applied-commands.ts';
import { Checks } from './checks.ts';
import { Coverage } from './coverage.ts';
import { Nemesis } from './nemesis.ts';
import { type SimPlan, studiedHarmOf } from './plan.ts';
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
  const { trace = () => {}, history = new History() } = listeners;
  const coverage = new Coverage();
  const checks = new Checks(coverage);
  const voters = [3, 3, 3, 5, 1][seed % 5] as number;
  const oneByOne = studiedHarmOf(seed) === 'old term';
  const cluster = new SimCluster({ seed, voters, joiners: 1, checks, coverage, trace, oneByOne });
  const { random } = cluster;
  const workload = new Workload(cluster, { random, coverage, history });
  const nemesis = new Nemesis({ cluster, random, coverage }, plan, (host) => workload.probe(host));
  const follow = new AppliedCommands(workload, coverage, checks.reference);
  checks.onApplied = (applied, command, now) => follow.applied(applied, command, now);
  for (const host of cluster.hosts) if (host.founding) cluster.start(host);
  workload.start({ clients, watchers: 4 });
  cluster.time.after(1_500, () => nemesis.start());
  let events = run(cluster, checks, tormentMs);
  nemesis.heal();
  cluster.log('healed');
  const before = workload.writes;
  events += run(cluster, checks, recoveryMs);
  assert(workload.writes > before, 'liveness: no write was taken after everything was healed');
  workload.active = false;
  workload.watchToTheEnd();
  events += run(cluster, checks, quietMs);
  // Members go on comparing their states and compacting, so an entry may just be on its way.
  const isQuiet = (): boolean =>
    agreed(cluster) && workload.watchers.every((watcher) => watcher.hasAll(checks.history));
  for (let left = settleMs; !isQuiet() && left > 0; left -= settleStepMs) {
    events += run(cluster, checks, settleStepMs);
  }
  for (const watcher of workload.watchers) {
    assert(
      watcher.hasAll(checks.history),
      `liveness: watcher ${watcher.name} waits for revision ${watcher.next}, and is not told of it`,
    );
  }
  coverage.reach('frame lost', cluster.network.lost);
  checkMembers(cluster, checks);
  events += readAll(cluster, checks, workload);
  history.close();
  const { machine } = cluster.leader?.member ?? {};
  assert(machine !== undefined, 'liveness: the leader was lost when all was well');
  workload.once.checkEnd(checks.history);
  workload.leases.checkEnd(machine);
  checkMachine(machine, coverage);
  const report = checkHistory(history, machine.store.compactRevision);
  checkOrder(report, checks);
  if (report.unknownWrites > 0) coverage.reach('write took effect that nobody was told of');
  coverage.reach('operation explained by the one order', report.checked);
  coverage.reach('watched event held against the one order', report.watchEvents);
  return { seed, coverage, acknowledged: workload.writes, events };
}

/** Every member is asked for all that it has. */
function readAll(cluster: SimCluster, checks: Checks, workload: Workload): number {
  let isDone = false;
  let events = 0;
  const progress = cluster.leader?.member?.raft.progress;
  // One that runs and is no member, not yet or not any more, has nothing to tell.
  const members = cluster.running.filter(({ memberId }) => progress?.has(memberId) === true);
  workload.readAll(members, () => {
    isDone = true;
  });
  for (let left = settleMs; !isDone && left > 0; left -= settleStepMs) {
    events += run(cluster, checks, settleStepMs);
  }
  assert(isDone, 'liveness: a member does not answer when all is well');
  return events;
}

function run(cluster: SimCluster, checks: Checks, ms: number): number {
  const until = cluster.time.now + ms;
  let events = 0;
  while (cluster.time.now < until) {
    assert(cluster.step(), 'the simulation ran out of events');
    assert(++events < eventsMax, 'the simulation does not come to an end');
    checks.look(cluster.hosts);
    if (events % 4_000 === 0) checks.compareStates(cluster.hosts);
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

function checkMembers(cluster: SimCluster, checks: Checks): void {
  const members = cluster.hosts.flatMap((host) => (host.member === undefined ? [] : [host]));
  const { leader } = cluster;
  assert(leader?.member !== undefined, 'liveness: there is no leader at the end');
  const { raft } = leader.member;
  for (const { name, memberId, member } of members) {
    if (!raft.progress?.has(memberId)) continue;
    assert(
      member?.appliedIndex === leader.member.appliedIndex,
      `liveness: ${name} is at index ${member?.appliedIndex}, the leader at ${leader.member.appliedIndex}`,
    );
  }
  for (const { name, memberId, member, isLost } of cluster.hosts) {
    const isMember = raft.progress?.has(memberId) === true;
    assert(!isMember || member !== undefined, `liveness: ${name} is a member and does not run`);
    assert(!isMember || !isLost, `liveness: ${name} has lost its disk and is a member still`);
  }
  checks.compareStates(members);
}

function checkMachine(machine: Machine, coverage: Coverage): void {
  const corrupt = machine.alarms.list().filter(({ alarm }) => alarm === 'corrupt');
  assert(corrupt.length === 0, `members are said to differ that do not: ${corrupt.length}`);
  const { compactRevision, sweptRevision } = machine.store;
  assert(
    sweptRevision === compactRevision,
    `memory below revision ${compactRevision} was given back only up to ${sweptRevision}`,
  );
  if (sweptRevision > 0) coverage.reach('memory swept');
}

/** What clients saw and what members applied are the same, though neither checker knows of the other. */
function checkOrder({ model, guessed }: LinearizabilityReport, { history }: Checks): void {
  for (const kv of history) {
    const { modRevision: revision, key } = kv;
    if (revision > model.revision) return;
    if (guessed.has(revision)) continue;
    const own = model.events(revision).find(({ pair }) => pair.key === key);
    const type = isTombstone(kv) ? 'delete' : 'put';
    assert(
      own?.type === type && own.pair.value === kv.value,
      `the ${type} of ${key} was applied at ${revision}, clients saw ${JSON.stringify(own)}`,
    );
  }
}
