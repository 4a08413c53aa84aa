import type { MemberEventName } from '../../server/src/member/events.ts';
import { type CrashPoint, crashPoints } from './crash-points.ts';

/** What a run of seeds must reach at least once, or it has not tested what it says it tests. */
export const mustReach = [
  'leader elected',
  'leader crashed',
  'follower crashed',
  'restarted from disk',
  'torn log tail cut off',
  'network partition',
  'one-way partition',
  'frame lost',
  'process paused',
  'leadership transferred',
  'snapshot sent',
  'snapshot installed',
  'snapshot saved to disk',
  'learner added',
  'learner promoted',
  'joint membership entered',
  'joint membership left',
  'member removed',
  'proposal forwarded',
  'proposal made again after a leader change',
  'put acknowledged',
  'delete acknowledged',
  'linearizable read answered by a follower',
  'watch resumed on another member',
  'watch caught up from the log',
  'call failed without a leader',
  'transaction succeeded',
  'transaction failed its comparison',
  'transfer in a transaction',
  'lease granted',
  'lease renewed',
  'lease expired',
  'lease expired with its keys',
  'lease revoked',
  'compaction asked for',
  'compaction by itself',
  'memory swept',
  'mutation repeated and answered as before',
  'mutation of a forgotten reply refused',
  'watch lost its place to a compaction',
  'watch told of progress',
  'hash check begun',
  'hash reported',
  'space ran out',
  'space was there again',
  'write refused for want of space',
  'power cut of all members',
  'leader that was replaced in its sleep',
  'member that woke kept quiet',
  'key taken off its lease',
  'answer lost on its way to the client',
  'call whose outcome is unknown',
  'mutation sent again until it was answered',
  'serializable read',
  'read of what was compacted refused',
  'write took effect that nobody was told of',
  'operation explained by the one order',
  'watched event held against the one order',
  'links clogged and freed in another order',
  'sync failed',
  'disk full',
  'log damaged',
  'snapshot damaged',
  'member refused its damaged disk',
  'disk lost',
  'member refused to come back without its disk',
  'member replaced',
  'entry of an old term spread and replaced',
  'joint change that half of its voters know',
  'answer to a read delivered again',
  'halves of two snapshots delivered',
  'whole snapshot delivered again',
  ...crashPoints.map((point) => `cut off ${point}` as const),
] as const;

export type Reached = (typeof mustReach)[number];

/** Counts what a run reached. */
export class Coverage {
  readonly #counts = new Map<Reached, number>();

  reach(what: Reached, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  reachCut(point: CrashPoint): void {
    this.reach(`cut off ${point}`);
  }

  /** Some events are known only by what a member says. */
  reachFrom(event: MemberEventName): void {
    if (event === 'snapshot_sent') this.reach('snapshot sent');
    if (event === 'snapshot_installed') this.reach('snapshot installed');
    if (event === 'snapshot_saved') this.reach('snapshot saved to disk');
    if (event === 'proposed_again') this.reach('proposal made again after a leader change');
  }

  countOf(what: Reached): number {
    return this.#counts.get(what) ?? 0;
  }

  add(other: Coverage): void {
    for (const [what, times] of other.#counts) this.reach(what, times);
  }

  get missing(): Reached[] {
    return mustReach.filter((what) => !this.#counts.has(what));
  }

  table(): string {
    return mustReach
      .map((what) => `${String(this.#counts.get(what) ?? 0).padStart(9)}  ${what}`)
      .join('\n');
  }
}
