import { assert } from '../../server/src/core/base/assert.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { Member } from '../../server/src/member/member.ts';
import { checkHistory, type HistoryReport } from '../checkers/check-history.ts';
import { History, type Outcome, type Request } from '../checkers/history.ts';
import { Checks } from './checks.ts';
import { Coverage } from './coverage.ts';
import { SimClient } from './sim-client.ts';
import { SimCluster, type SimHost } from './sim-cluster.ts';
import { SimWatcher } from './sim-watcher.ts';

const patienceMs = 20_000;

/** A simulated cluster that does what a test tells it, step by step, under the checks of the swarm. */
export class ScriptedCluster {
  readonly coverage = new Coverage();
  readonly checks = new Checks(this.coverage);
  readonly history = new History();
  readonly cluster: SimCluster;
  readonly trace: string[] = [];
  readonly #client: SimClient;

  constructor(voters = 3, { seed = 6, joiners = 0 } = {}) {
    this.cluster = new SimCluster({
      seed,
      voters,
      joiners,
      checks: this.checks,
      coverage: this.coverage,
      trace: (line) => this.trace.push(line),
    });
    const { cluster, history, coverage } = this;
    const world = { cluster, history, coverage, random: cluster.random };
    this.#client = new SimClient('script', world, { delayMsMax: 0, lossOneIn: 0 });
    for (const host of cluster.hosts) if (host.founding) cluster.start(host);
    this.until(() => cluster.leader !== undefined, 'a leader is elected');
    this.pass(1_000);
  }

  get leader(): SimHost {
    const { leader } = this.cluster;
    assert(leader !== undefined, 'there is a leader');
    return leader;
  }

  get followers(): SimHost[] {
    return this.cluster.running.filter((host) => host !== this.leader);
  }

  pass(ms: number): void {
    const until = this.cluster.time.now + ms;
    this.#run(() => this.cluster.time.now >= until, ms + 1_000, 'time passes');
  }

  until(holds: () => boolean, what: string, ms = patienceMs): void {
    this.#run(holds, ms, what);
  }

  #run(holds: () => boolean, ms: number, what: string): void {
    const end = this.cluster.time.now + ms;
    while (!holds()) {
      assert(this.cluster.time.now < end, `it never comes to pass that ${what}`);
      assert(this.cluster.step(), 'something is left to happen');
      this.checks.look(this.cluster.hosts);
    }
  }

  /** Asks, and lets time pass until there is an outcome. */
  ask(request: Request, host = this.leader): Outcome {
    const asked = this.begin(request, host);
    this.until(() => asked.outcome !== undefined, 'an answer comes');
    assert(asked.outcome !== undefined, 'there is an answer');
    return asked.outcome;
  }

  /** Asks and lets no time pass. */
  begin(request: Request, host = this.leader): { outcome: Outcome | undefined } {
    const asked: { outcome: Outcome | undefined } = { outcome: undefined };
    this.#client.ask(request, host, (outcome) => {
      asked.outcome = outcome;
    });
    return asked;
  }

  /** The revision of a put that must be acknowledged. */
  put(key: string, value: string, host = this.leader): number {
    const outcome = this.ask({ type: 'put', key, value }, host);
    assert(outcome.type === 'ok', `a put is acknowledged, and not ${JSON.stringify(outcome)}`);
    return outcome.revision;
  }

  /** A watcher of all keys, or those with a prefix; it is attached by the test. */
  watcher(name: string, prefix = ''): SimWatcher {
    const { coverage, history } = this;
    const watch = { name, prefix: prefix as ByteString, prevKv: true };
    return new SimWatcher(this.cluster, { coverage, history }, watch);
  }

  memberOf(host: SimHost): Member {
    assert(host.member !== undefined, `${host.name} runs`);
    return host.member;
  }

  /** All members that run have applied the same, and are alike. */
  settle(): void {
    this.until(() => {
      const indexes = this.cluster.running.map(({ member }) => member?.appliedIndex);
      return this.cluster.leader !== undefined && new Set(indexes).size === 1;
    }, 'all members have applied the same');
    this.checks.compareStates(this.cluster.hosts);
  }

  /** Everything that was asked and told has one order. @throws Violation */
  check(): HistoryReport {
    this.history.close();
    return checkHistory(this.history, this.checks.reference.store.compactRevision);
  }
}
