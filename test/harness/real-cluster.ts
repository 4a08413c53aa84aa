import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { StatusResult } from '@lockstep/client/protocol';
import {
  type Exit,
  freePorts,
  http,
  Program,
  statusOf,
  temporaryDirectory,
  until,
} from './processes.ts';

/** Small files, so that a short test crosses from one to the next and starts fast. */
export const smallFiles = [
  ...['--wal-segment-bytes', '1048576', '--snapshot-bytes-min', '1048576'],
  ...['--log-entries-kept', '500'],
];

export interface MemberPlan {
  readonly name: string;
  readonly clientAddress: string;
  readonly peerAddress: string;
  readonly dataDir: string;
  readonly initialCluster: string;
  /** Flags beside those that follow from the above. */
  readonly flags: readonly string[];
  /** Variables of its process beside those of this one. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Plans members a, b, c ... with free ports and directories of their own; starts nothing. */
export async function planMembers(
  count: number,
  flags: readonly string[] = smallFiles,
): Promise<MemberPlan[]> {
  const root = temporaryDirectory();
  const ports = await freePorts(2 * count);
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const names = Array.from({ length: count }, (_, at) => String.fromCharCode(97 + at));
  const initialCluster = names.map((name, at) => `${name}=${addresses[2 * at + 1]}`).join(',');
  return names.map((name, at) => ({
    name,
    clientAddress: addresses[2 * at] ?? '',
    peerAddress: addresses[2 * at + 1] ?? '',
    dataDir: join(root, name),
    initialCluster,
    flags,
  }));
}

export function serveArguments(plan: MemberPlan): string[] {
  return [
    'serve',
    ...['--name', plan.name, '--data-dir', plan.dataDir],
    ...['--listen', plan.clientAddress, '--peer-listen', plan.peerAddress],
    ...['--initial-cluster', plan.initialCluster],
    ...plan.flags,
  ];
}

/** One member over several lives. */
export class MemberProcess {
  readonly plan: MemberPlan;
  #program: Program | undefined;

  constructor(plan: MemberPlan) {
    this.plan = plan;
  }

  get name(): string {
    return this.plan.name;
  }

  /** host:port of its client door. */
  get address(): string {
    return this.plan.clientAddress;
  }

  /** The present or the last life. */
  get program(): Program {
    assert(this.#program !== undefined, `member ${this.name} was never started`);
    return this.#program;
  }

  get isRunning(): boolean {
    return this.#program !== undefined && this.#program.exit === undefined;
  }

  start(): void {
    assert(!this.isRunning, `member ${this.name} runs already`);
    const { variables = {} } = this.plan;
    this.#program = new Program(serveArguments(this.plan), { variables });
  }

  describe = (): string => this.#program?.describe() ?? `member ${this.name} was not started`;

  /** Waits until it reaches a quorum. @throws Error with its log when it ends, or takes too long. */
  async ready(): Promise<void> {
    let ended = false;
    await until(
      `member ${this.name} is ready`,
      async () => {
        ended = !this.isRunning;
        return ended || (await http(this.address, '/readyz', { timeoutMs: 6_000 })).status === 200;
      },
      this,
    );
    assert(!ended, `member ${this.name} ended: ${this.describe()}`);
  }

  status(): Promise<StatusResult> {
    return statusOf(this.address);
  }

  /** kill -9 */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.program.kill('SIGKILL');
    await this.program.ended();
  }

  /** SIGTERM, as a service manager stops it. */
  async stop(): Promise<Exit> {
    this.program.kill('SIGTERM');
    return this.program.ended();
  }
}

export interface LeaderView {
  readonly leader: MemberProcess;
  readonly term: number;
}

/** Members of one cluster on this machine. */
export class RealCluster {
  readonly members: readonly MemberProcess[];

  /** @param plans of members to make, or members that there are. */
  constructor(plans: readonly (MemberPlan | MemberProcess)[]) {
    this.members = plans.map((plan) =>
      plan instanceof MemberProcess ? plan : new MemberProcess(plan),
    );
  }

  get endpoints(): string[] {
    return this.members.map(({ address }) => address);
  }

  describe = (): string => this.members.map((member) => member.describe()).join('\n\n');

  /** Starts all, and waits until all reach a quorum. */
  async start(): Promise<void> {
    for (const member of this.members) member.start();
    await Promise.all(this.members.map((member) => member.ready()));
  }

  /** Waits until `voters` (default: all that run) agree on a leader among them. */
  async leader(voters = this.members.filter(({ isRunning }) => isRunning)): Promise<LeaderView> {
    return until(
      'the members agree on a leader',
      async () => {
        const statuses = await Promise.all(voters.map((member) => member.status()));
        const at = statuses.findIndex(({ isLeader }) => isLeader);
        const [leader, status] = [voters[at], statuses[at]];
        if (leader === undefined || status === undefined) return undefined;
        const agreed = statuses.every(({ leaderId }) => leaderId === status.leaderId);
        return agreed ? { leader, term: status.raftTerm } : undefined;
      },
      this,
    );
  }

  /** Waits until every running member has applied what the leader has committed by now. */
  async caughtUp(): Promise<void> {
    const { leader } = await this.leader();
    const { committedIndex } = await leader.status();
    const running = this.members.filter(({ isRunning }) => isRunning);
    await until(
      `all members have applied entry ${committedIndex}`,
      async () => {
        const statuses = await Promise.all(running.map((member) => member.status()));
        return statuses.every(({ appliedIndex }) => appliedIndex >= committedIndex);
      },
      this,
    );
  }

  /** A member by its place; a leader's follower and the like is found by `others`. */
  member(at: number): MemberProcess {
    const member = this.members[at];
    assert(member !== undefined, `there is no member ${at}`);
    return member;
  }

  others(than: MemberProcess): MemberProcess[] {
    return this.members.filter((member) => member !== than);
  }

  /** Kills all; for the end of a test, however it went. */
  async kill(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }
}

interface TestLike {
  after(run: () => Promise<void>): void;
}

/** A running cluster that is gone when the test ends. */
export async function startCluster(
  t: TestLike,
  count: number,
  flags: readonly string[] = smallFiles,
): Promise<RealCluster> {
  const cluster = new RealCluster(await planMembers(count, flags));
  t.after(() => cluster.kill());
  await cluster.start();
  return cluster;
}
