import type { SimDisk } from './sim-disk.ts';
import type { SimMember } from './sim-member.ts';

/** One member of a test cluster, as a test looks at it. */
export class TestMember {
  readonly #host: SimMember;

  /** @internal */
  constructor(host: SimMember) {
    this.#host = host;
  }

  /** `a`, `b`, `c` and so on. */
  get name(): string {
    return this.#host.name;
  }

  /** host:port for a client's `endpoints`. */
  get address(): string {
    return this.#host.address;
  }

  /** The disk of its machine, which outlives its processes; `failNext` and `flipBit` damage it. */
  get disk(): SimDisk {
    return this.#host.disk;
  }

  /** False while its process is down, or still reads its disk. A paused process is up. */
  get isUp(): boolean {
    return this.#host.member !== undefined;
  }

  get isPaused(): boolean {
    return this.#host.isPaused;
  }

  /** True while it leads as far as it knows: one that is cut off may not have heard of another. */
  get isLeader(): boolean {
    return !this.isPaused && this.#host.member?.raft.role === 'leader';
  }

  /** The name of the leader it knows; undefined while it knows none, or is down. */
  get leaderName(): string | undefined {
    const { member } = this.#host;
    return member?.machine.members.get(member.raft.leader)?.name;
  }

  /** Its term of leadership; 0 while it is down. */
  get term(): number {
    return this.#host.member?.raft.term ?? 0;
  }

  /** The revision of its own state; 0 while it is down. */
  get revision(): number {
    return this.#host.member?.machine.store.revision ?? 0;
  }

  /** As {@link TestCluster.pause}, and so on: `cluster.leader?.kill()`. */
  pause(): void {
    this.#host.pause();
  }

  resume(): void {
    this.#host.resume();
  }

  kill(): void {
    this.#host.kill();
  }

  restart(): void {
    this.#host.kill();
    this.#host.start();
  }

  /** Why it stopped by itself, if it did; a failed disk, for example. */
  get stoppedBy(): Error | undefined {
    return this.#host.stoppedBy;
  }
}
