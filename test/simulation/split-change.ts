import { majorityOf, type Scheme, type SchemeWorld, votersOf } from './scheme.ts';
import type { SimHost } from './sim-cluster.ts';

const splitMs = 5_000;

/** Which entry puts one voter in the place of another. */
interface Change {
  readonly joining: SimHost;
  readonly out: SimHost;
  readonly index: number;
}

type Step = ReturnType<Scheme['look']>;

/**
 * A joint change that reaches a majority of the new voters only, while a majority of the old ones knows nothing of it and elects
 * another leader. Half of the time the leader of the change falls too, so that the new voters need an election.
 */
export class SplitChange implements Scheme {
  readonly #world: SchemeWorld;
  readonly #leader: SimHost;
  #step: () => Step = () => this.#awaitLearner();
  #asked = 0;

  constructor(world: SchemeWorld, leader: SimHost) {
    this.#world = world;
    this.#leader = leader;
  }

  begin(): boolean {
    const { cluster } = this.#world;
    const voters = votersOf(cluster);
    // Whoever replaces a lost member keeps its place.
    return (
      voters !== undefined && voters.length >= 3 && !cluster.hosts.some(({ isLost }) => isLost)
    );
  }

  look(): Step {
    return this.#step();
  }

  /** Whoever is to become a voter is a learner first, and holds the log. */
  #awaitLearner(): Step {
    const { cluster } = this.#world;
    const { member } = this.#leader;
    const voters = votersOf(cluster);
    if (cluster.leader !== this.#leader || member === undefined) return 'over';
    if (voters === undefined || cluster.time.now < this.#asked) return 'waits';
    const { raft } = member;
    const joining = cluster.hosts.find(({ memberId }) =>
      raft.membership.learners.includes(memberId),
    );
    this.#asked = cluster.time.now + 300;
    if (joining === undefined) return this.#addLearner();
    const out = this.#world.random.pick(voters.filter((host) => host !== this.#leader));
    const refused = cluster.change([
      { action: 'addVoter', member: joining.memberId },
      { action: 'addLearner', member: out.memberId },
    ]);
    if (refused !== undefined) return 'waits';
    const { lastIndex: index } = raft;
    this.#step = () => this.#awaitCommit(voters, { joining, out, index });
    return 'went on';
  }

  /** The change is in force where it is known to be committed: that is at its leader first. */
  #awaitCommit(voters: readonly SimHost[], change: Change): Step {
    const { member } = this.#leader;
    if (member?.raft.role !== 'leader') return 'over';
    if (member.raft.committed < change.index) return 'waits';
    return this.#split(voters, change);
  }

  #addLearner(): Step {
    const { cluster } = this.#world;
    const spare = cluster.hosts.find(({ founding }) => !founding);
    if (spare === undefined) return 'over';
    cluster.change([{ action: 'addLearner', member: spare.memberId }], spare);
    if (spare.member === undefined && !spare.isStarting) cluster.start(spare);
    return 'waits';
  }

  #split(voters: readonly SimHost[], { joining, out, index }: Change): Step {
    const { cluster, sides, asked, random } = this.#world;
    const both = voters.filter((host) => host !== this.#leader && host !== out);
    const fresh = [this.#leader, joining, ...both.slice(0, majorityOf(voters) - 2)];
    const old = voters.filter((host) => !fresh.includes(host));
    const term = this.#leader.member?.raft.term ?? 0;
    const until = cluster.time.now + splitMs;
    sides.divide(fresh, old);
    asked(this.#leader);
    let falls = random.oneIn(2);
    let isSplit = false;
    this.#step = () => {
      const knows = joining.member?.raft.termAt(index) === term;
      const elected = old.find(
        ({ member }) => (member?.raft.term ?? 0) > term && member?.raft.role === 'leader',
      );
      if (knows && falls && this.#leader.member !== undefined && !this.#leader.paused) {
        falls = false;
        cluster.crash(this.#leader);
      }
      if (knows && elected !== undefined && !isSplit) {
        isSplit = true;
        this.#world.coverage.reach('joint change that half of its voters know');
        asked(elected);
      }
      return cluster.time.now < until ? 'waits' : 'over';
    };
    return 'went on';
  }
}
