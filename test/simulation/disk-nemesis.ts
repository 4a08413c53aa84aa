import type { Random } from '../../server/src/core/base/random.ts';
import type { SimDisk } from '../../server/testing/sim-disk.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';

/** More lost disks at a time than this, and a cluster of three has no majority left that remembers. */
const lostMax = 1;
const operatorMs = 400;

/**
 * Breaks disks: a sync that fails, no space, bits that flip at rest, a disk that is gone. A process that meets one of the first
 * two stops and may come back; a member whose past is gone or damaged never does, and an operator replaces it by another.
 */
export class DiskNemesis {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #coverage: Coverage;
  #replacements = 0;

  constructor(cluster: SimCluster, random: Random, coverage: Coverage) {
    this.#cluster = cluster;
    this.#random = random;
    this.#coverage = coverage;
  }

  failSync(host: SimHost): void {
    if (host.member === undefined) return;
    this.#cluster.log(`the next sync of ${host.name} fails`);
    host.mayFail.push({ why: /sync failed/, untilLife: host.life });
    host.disk.failNext('sync');
    this.#coverage.reach('sync failed');
  }

  fill(host: SimHost): void {
    if (host.member === undefined) return;
    this.#cluster.log(`the disk of ${host.name} is full`);
    // Only a full disk says so, and its next lives may find it full still.
    host.mayFail.push({ why: /no space left|ENOSPC/, untilLife: Number.POSITIVE_INFINITY });
    host.disk.capacityBytes = host.disk.usedBytes() + this.#random.below(4_000);
    this.#coverage.reach('disk full');
    const { disk } = host;
    this.#cluster.time.after(2_000 + this.#random.below(4_000), () => {
      disk.capacityBytes = Number.POSITIVE_INFINITY;
    });
  }

  /** A bit of what was durable long ago is another. */
  damage(host: SimHost): void {
    if (!this.#mayLose(host)) return;
    const target = this.#random.pick(this.#oldBytes(host.disk));
    if (target === undefined) return;
    const { name, size } = target;
    this.#cluster.crash(host);
    if (!host.disk.list().includes(name)) return;
    const offset = this.#random.below(size);
    host.disk.flipBit(name, offset, this.#random.below(8));
    this.#cluster.log(`a bit of ${host.name}'s ${name} flips at ${offset}`);
    this.#coverage.reach(name.startsWith('wal-') ? 'log damaged' : 'snapshot damaged');
    // One that has started on its disk has found it good.
    host.mayFail.push({ why: /is damaged at offset|has no snapshot/, untilLife: host.life + 1 });
    host.failed = () => this.#lost(host, 'member refused its damaged disk');
  }

  /** What no crash may take away: snapshots, and the log but for its end, which may be torn by right. */
  #oldBytes(disk: SimDisk): { name: string; size: number }[] {
    const found: { name: string; size: number }[] = [];
    for (const name of disk.list()) {
      const file = disk.open(name, 'read');
      const size = file.size();
      const used = file.read(0, size).findLastIndex((byte) => byte !== 0) + 1;
      if (name.startsWith('wal-') && used > 4_096) found.push({ name, size: used >> 2 });
      if (name.endsWith('.snap')) found.push({ name, size });
      file.close();
    }
    return found;
  }

  /** It comes back with nothing, under its old name. */
  lose(host: SimHost): void {
    if (!this.#mayLose(host)) return;
    this.#cluster.crash(host);
    this.#cluster.loseDisk(host);
    this.#coverage.reach('disk lost');
    host.mayFail.push({
      why: /belongs to another data directory/,
      untilLife: Number.POSITIVE_INFINITY,
    });
    host.failed = () => this.#lost(host, 'member refused to come back without its disk');
  }

  heal(): void {
    for (const { disk } of this.#cluster.hosts) disk.capacityBytes = Number.POSITIVE_INFINITY;
  }

  #mayLose(host: SimHost): boolean {
    const { hosts, leader } = this.#cluster;
    const voters = leader?.member?.raft.membership.voters ?? [];
    const isDoubtful = ({ isLost, failed }: SimHost): boolean => isLost || failed !== undefined;
    const isPlain = leader?.member?.raft.membership.outgoing.length === 0;
    return (
      isPlain &&
      voters.length >= 3 &&
      voters.includes(host.memberId) &&
      host.member !== undefined &&
      !host.paused &&
      // The others must not have forgotten anything either, and be there to know that it was a member.
      hosts.filter(isDoubtful).length < lostMax
    );
  }

  /** From now on an operator tries to put another member in its place, until that is done. */
  #lost(
    host: SimHost,
    how: 'member refused its damaged disk' | 'member refused to come back without its disk',
  ): void {
    this.#coverage.reach(how);
    host.isLost = true;
    const successor = this.#cluster.addHost(`${host.name}${++this.#replacements + 1}`);
    this.#replace(host, successor);
  }

  #replace(host: SimHost, successor: SimHost): void {
    this.#cluster.time.after(operatorMs, () => {
      const membership = this.#cluster.leader?.member?.raft.membership;
      if (membership === undefined) return this.#replace(host, successor);
      const { voters, learners } = membership;
      const { memberId } = successor;
      if (voters.includes(memberId)) {
        this.#cluster.log(`${successor.name} has replaced ${host.name}`);
        this.#coverage.reach('member replaced');
        return;
      }
      if (learners.includes(memberId)) {
        this.#cluster.change([{ action: 'addVoter', member: memberId }]);
      } else {
        const out = { action: 'remove', member: host.memberId } as const;
        this.#cluster.change([out, { action: 'addLearner', member: memberId }], successor);
        if (successor.life === 0) this.#cluster.start(successor);
      }
      this.#replace(host, successor);
    });
  }
}
