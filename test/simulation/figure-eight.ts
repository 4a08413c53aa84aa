import type { Raft } from '../../server/src/core/raft/raft.ts';
import { majorityOf, type Scheme, type SchemeWorld, votersOf } from './scheme.ts';
import type { SimHost } from './sim-cluster.ts';

/** Within this time what was said has arrived and is on disk, mostly. */
const answersMs = 100;

type Step = ReturnType<Scheme['look']>;

/**
 * Figure 8 of the paper: a leader is cut off with entries of its own, its successor before it told anybody of its first entry; the
 * first one comes back, brings its old entries to a majority and none of its new term, and is cut off again; the successor comes back.
 * The one that is to win each election is always in a group of just a majority in which its log is the newest.
 */
export class FigureEight implements Scheme {
  readonly #world: SchemeWorld;
  readonly #first: SimHost;
  #voters: SimHost[] = [];
  #rival: SimHost | undefined;
  /** With either of the two, just a majority. */
  #rest: SimHost[] = [];
  /** Who of them is still to get the old entries. */
  #without: SimHost[] = [];
  #term = 0;
  #cutAt = 0;
  #step: () => Step = () => this.#awaitRival();

  constructor(world: SchemeWorld, first: SimHost) {
    this.#world = world;
    this.#first = first;
  }

  begin(): boolean {
    const voters = votersOf(this.#world.cluster) ?? [];
    if (voters.length < 3 || !voters.includes(this.#first)) return false;
    if (voters.some(({ member, paused }) => member === undefined || paused)) return false;
    this.#voters = voters;
    this.#term = this.#first.member?.raft.term ?? 0;
    this.#world.sides.divide(
      [this.#first],
      this.#world.cluster.hosts.filter((host) => host !== this.#first),
    );
    this.#world.asked(this.#first);
    return true;
  }

  look(): Step {
    return this.#step();
  }

  /** The moment another leads, nobody hears of it. */
  #awaitRival(): Step {
    const old = this.#first.member?.raft;
    const rival = this.#voters.find((host) => this.#leads(host, this.#term));
    if (old === undefined || rival === undefined) return 'waits';
    const others = this.#voters.filter((host) => host !== this.#first && host !== rival);
    const isOwn = others.every((host) => !holds(host, old, old.lastIndex));
    if (!isOwn || old.termAt(old.lastIndex) !== this.#term) return 'over';
    this.#rival = rival;
    this.#rest = others.slice(0, majorityOf(this.#voters) - 1);
    this.#without = [...this.#rest];
    this.#term = rival.member?.raft.term ?? 0;
    this.#world.sides.divide([rival], [this.#first, ...this.#rest]);
    this.#step = () => this.#spread();
    return 'went on';
  }

  /** Whoever has the old entries hears no more, and goes on to answer. */
  #spread(): Step {
    const { sides, cluster } = this.#world;
    const raft = this.#first.member?.raft;
    if (raft === undefined || !this.#leads(this.#first, this.#term)) return 'waits';
    const last = lastOfEarlierTerms(raft);
    for (const host of this.#without.filter((one) => holds(one, raft, last))) {
      this.#without = this.#without.filter((one) => one !== host);
      sides.deafen(host, this.#first);
    }
    if (this.#without.length > 0) return 'waits';
    this.#term = raft.term;
    this.#cutAt = cluster.time.now + answersMs;
    this.#step = () => this.#cutAgain();
    return 'went on';
  }

  #cutAgain(): Step {
    const { sides, cluster, random } = this.#world;
    const rival = this.#rival as SimHost;
    if (cluster.time.now < this.#cutAt) return 'waits';
    sides.divide([this.#first], [rival, ...this.#rest]);
    if (random.oneIn(2) && this.#first.member !== undefined && !this.#first.paused) {
      cluster.crash(this.#first);
    }
    this.#step = () => this.#awaitReturn(rival);
    return 'went on';
  }

  #awaitReturn(rival: SimHost): Step {
    const raft = rival.member?.raft;
    if (raft === undefined || !this.#leads(rival, this.#term)) return 'waits';
    if (raft.termAt(raft.committed) !== raft.term) return 'waits';
    this.#world.coverage.reach('entry of an old term spread and replaced');
    return 'over';
  }

  #leads({ member, paused }: SimHost, after: number): boolean {
    return (
      member !== undefined && !paused && member.raft.role === 'leader' && member.raft.term > after
    );
  }
}

/** Whether a host has what a leader has at `index`. */
function holds({ member }: SimHost, leader: Raft, index: number): boolean {
  return member !== undefined && member.raft.termAt(index) === leader.termAt(index);
}

function lastOfEarlierTerms(raft: Raft): number {
  let index = raft.lastIndex;
  while (index >= raft.firstIndex && raft.termAt(index) === raft.term) index--;
  return index;
}
