import { type Doors, startDoors } from '../../server/src/api/listen.ts';
import { assert } from '../../server/src/core/base/assert.ts';
import { MemberStore } from '../../server/src/member/member-store.ts';
import { createService } from '../../server/src/service/service.ts';
import { type Page, scrape } from '../harness/measured-member.ts';
import { Checks } from './checks.ts';
import { Coverage } from './coverage.ts';
import { SimCluster, type SimHost } from './sim-cluster.ts';

const stepMs = 100;
const patienceMs = 60_000;

export function simulatedCluster(voters: number): SimCluster {
  const coverage = new Coverage();
  const checks = new Checks(coverage);
  const cluster = new SimCluster({
    seed: 5,
    voters,
    joiners: 0,
    checks,
    coverage,
    trace: () => {},
  });
  for (const host of cluster.hosts) cluster.start(host);
  cluster.time.advance(5_000);
  return cluster;
}

/** A simulated member behind real doors: its time stands still while it is asked. */
export class MeasuredHost {
  readonly cluster: SimCluster;
  readonly host: SimHost;
  readonly #doors: Doors;

  private constructor(cluster: SimCluster, host: SimHost, doors: Doors) {
    this.cluster = cluster;
    this.host = host;
    this.#doors = doors;
  }

  static async open(cluster: SimCluster, host: SimHost): Promise<MeasuredHost> {
    const { member } = host;
    assert(member !== undefined, `${host.name} does not run`);
    const service = createService({ store: new MemberStore(member), version: '0' });
    const doors = await startDoors({ service, listen: '127.0.0.1:0' });
    return new MeasuredHost(cluster, host, doors);
  }

  scrape(): Promise<Page> {
    return scrape(this.#doors.address);
  }

  /** Lets simulated time pass until it holds. @throws Error when it does not. */
  async until(holds: (page: Page) => boolean, what: string): Promise<Page> {
    for (let passedMs = 0; passedMs < patienceMs; passedMs += stepMs) {
      const page = await this.scrape();
      if (holds(page)) return page;
      this.cluster.time.advance(stepMs);
    }
    throw new Error(`never happened: ${what}`);
  }

  close(): Promise<void> {
    return this.#doors.stop();
  }
}
