import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../server/src/core/base/random.ts';
import type { MemberProcess } from '../harness/real-cluster.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import type { Tools } from './tools.ts';

/** One kind of harm, done to some members for a while, and undone. */
export interface Fault {
  readonly name: string;
  /** Nothing else is done at the same time. */
  readonly isAlone?: boolean;
  /** What this machine has to have for it. */
  readonly needs?: Exclude<keyof Tools, 'isInside'>;
  /** @returns what was done, in a few words; undefined when there was nobody to do it to. */
  run(scene: Scene): Promise<string | undefined>;
}

export type Role = 'leader' | 'follower' | 'any';

/** Where one round of faults takes place: two of them never take the same member. */
export class Scene {
  readonly chaos: ChaosCluster;
  readonly random: Random;
  /** The longest that one fault lasts. */
  readonly lastsMsMax: number;
  readonly #taken: Set<MemberProcess>;

  constructor(parts: {
    readonly chaos: ChaosCluster;
    readonly random: Random;
    readonly lastsMsMax: number;
    readonly taken: Set<MemberProcess>;
  }) {
    this.chaos = parts.chaos;
    this.random = parts.random;
    this.lastsMsMax = parts.lastsMsMax;
    this.#taken = parts.taken;
  }

  /** A member that nothing else is done to; undefined when there is none. */
  async take(role: Role): Promise<MemberProcess | undefined> {
    const leader = role === 'any' ? undefined : await this.chaos.leader();
    const fits = this.chaos.members.filter(
      (member) =>
        !this.#taken.has(member) && (role === 'any' || (member === leader) === (role === 'leader')),
    );
    if (fits.length === 0) return undefined;
    const member = this.random.pick(fits);
    this.#taken.add(member);
    return member;
  }

  /** True, and it is nobody else's, when nothing else is done to this member. */
  claim(member: MemberProcess): boolean {
    if (this.#taken.has(member)) return false;
    this.#taken.add(member);
    return true;
  }

  /** Does harm for a while, and undoes it whatever happens. */
  async during(undo: () => void | Promise<void>): Promise<string> {
    const lastsMs = 300 + this.random.below(Math.max(1, this.lastsMsMax - 300));
    try {
      await sleep(lastsMs);
    } finally {
      await undo();
    }
    return `for ${lastsMs} ms`;
  }
}
