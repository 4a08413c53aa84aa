import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { behind, proxies } from '../harness/behind-proxies.ts';
import { http, statusOf, temporaryDirectory, until } from '../harness/processes.ts';
import {
  type MemberPlan,
  type MemberProcess,
  planMembers,
  RealCluster,
} from '../harness/real-cluster.ts';
import { type SmallDisk, smallDisk } from '../harness/small-disk.ts';
import type { TcpProxy } from '../harness/tcp-proxy.ts';
import { joinClients, joinMembers } from './fault-proxy.ts';
import { Links } from './links.ts';
import type { Tools } from './tools.ts';

/** So small that a run of minutes crosses many files, and a full disk is noticed soon. */
const flags = [
  ...[
    '--wal-segment-bytes',
    '65536',
    '--snapshot-bytes-min',
    '131072',
    '--log-entries-kept',
    '500',
  ],
  ...['--auto-compaction-mode', 'off', '--hash-check-ms', '5000'],
];
const smallDiskMebibytes = 48;
/** After any fault all must be well within so long. */
export const wellWithinMs = 30_000;

/** Real members, reached by clients and by each other through proxies, with what the faults need of their surroundings. */
export class ChaosCluster {
  readonly cluster: RealCluster;
  readonly links: Links;
  readonly tools: Tools;
  /** The one member with a disk of its own, which can be filled; the others share a real one. */
  readonly disk: { readonly member: MemberProcess; readonly at: SmallDisk } | undefined;
  readonly #doors: readonly TcpProxy[];
  readonly #peers: readonly TcpProxy[];
  readonly #clocks: ReadonlyMap<string, string>;

  private constructor(parts: {
    readonly cluster: RealCluster;
    readonly links: Links;
    readonly tools: Tools;
    readonly doors: readonly TcpProxy[];
    readonly peers: readonly TcpProxy[];
    readonly clocks: ReadonlyMap<string, string>;
    readonly disk: SmallDisk | undefined;
  }) {
    this.cluster = parts.cluster;
    this.links = parts.links;
    this.tools = parts.tools;
    this.#doors = parts.doors;
    this.#peers = parts.peers;
    this.#clocks = parts.clocks;
    const member = this.cluster.members.at(-1);
    if (parts.disk !== undefined && member !== undefined) this.disk = { member, at: parts.disk };
  }

  static async plan(count: number, tools: Tools): Promise<ChaosCluster> {
    const links = new Links();
    const disk = 'path' in tools.mounts ? smallDisk(smallDiskMebibytes) : undefined;
    const clocks = new Map<string, string>();
    const plans = (await planMembers(count, flags)).map((plan, at) => {
      const dataDir =
        disk !== undefined && at === count - 1 ? join(disk.directory, plan.name) : plan.dataDir;
      return { ...plan, dataDir, variables: clockOf(plan, tools, clocks) };
    });
    const nameAt = (addresses: readonly string[], address: string): string =>
      plans[addresses.indexOf(address)]?.name ?? '';
    const doorsAt = plans.map(({ clientAddress }) => clientAddress);
    const peersAt = plans.map(({ peerAddress }) => peerAddress);
    const doors = await proxies(doorsAt, (at) => joinClients(links, nameAt(doorsAt, at)));
    const peers = await proxies(peersAt, (at) => joinMembers(links, nameAt(peersAt, at)));
    const cluster = new RealCluster(behind(plans, doors, peers));
    return new ChaosCluster({ cluster, links, tools, doors, peers, clocks, disk });
  }

  get members(): readonly MemberProcess[] {
    return this.cluster.members;
  }

  /** Where clients reach the members. */
  get endpoints(): readonly string[] {
    return this.#doors.map(({ address }) => address);
  }

  /** Who is behind an endpoint. */
  nameOf(endpoint: string | undefined): string {
    return this.members[this.endpoints.indexOf(endpoint ?? '')]?.name ?? '?';
  }

  /** Moves the wall clock of one member, away from the true time by so much. */
  setClock({ name }: MemberProcess, seconds: number): void {
    const file = this.#clocks.get(name);
    if (file !== undefined) writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}`);
  }

  /** Breaks the connections to one member: those of clients, or those of members. */
  cut({ name }: MemberProcess, whose: 'clients' | 'members'): void {
    const at = this.members.findIndex((member) => member.name === name);
    (whose === 'clients' ? this.#doors : this.#peers)[at]?.cut();
  }

  /** Who leads, as far as those say that answer soon; undefined when nobody does. */
  async leader(): Promise<MemberProcess | undefined> {
    const asked = await Promise.all(
      this.members.map(async (member) => {
        const status = await statusOf(member.address).catch(() => undefined);
        return status?.isLeader === true ? { member, term: status.raftTerm } : undefined;
      }),
    );
    const leaders = asked.filter((one) => one !== undefined);
    return leaders.sort((one, other) => other.term - one.term)[0]?.member;
  }

  /** Waits until every member runs, serves, and follows one leader. @throws Error after {@link wellWithinMs}. */
  async well(): Promise<void> {
    const describe = (): string => this.cluster.describe();
    let ended: MemberProcess | undefined;
    await until(
      'all members are well',
      async () => {
        ended = this.members.find(({ isRunning }) => !isRunning);
        if (ended !== undefined) return true;
        const answers = await Promise.all(
          this.members.map(({ address }) => http(address, '/readyz', { timeoutMs: 2_000 })),
        );
        if (answers.some(({ status }) => status !== 200)) return false;
        const statuses = await Promise.all(this.members.map((member) => member.status()));
        return new Set(statuses.map(({ leaderId }) => leaderId)).size === 1;
      },
      { withinMs: wellWithinMs, describe },
    );
    if (ended !== undefined) throw new Error(`a member ended by itself: ${ended.describe()}`);
  }

  async close(): Promise<void> {
    await this.cluster.kill();
    for (const proxy of [...this.#doors, ...this.#peers]) proxy.close();
  }
}

/** What makes a member see a wall clock that can be moved; its monotonic clock stays true. */
function clockOf(
  { name }: MemberPlan,
  { faketime }: Tools,
  clocks: Map<string, string>,
): Record<string, string> {
  if ('missing' in faketime) return {};
  const file = join(temporaryDirectory(), `clock-${name}`);
  writeFileSync(file, '+0');
  clocks.set(name, file);
  return {
    LD_PRELOAD: faketime.path,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
}
