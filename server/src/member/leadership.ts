import { nobody } from '../core/raft/types.ts';
import type { Journal } from './journal.ts';

/** What is to be seen of Raft from outside. */
interface View {
  readonly id: string;
  readonly role: string;
  readonly leader: string;
  readonly term: number;
}

/** Follows who leads, and tells of each change. */
export class Leadership {
  readonly #journal: Journal;
  #known = nobody;
  /** The last member that led. */
  #last = nobody;
  #led = false;
  #leaderlessTicks = 0;
  /** How often another member was seen to lead than before. */
  changes = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Ticks since somebody was known to lead. */
  get leaderlessTicks(): number {
    return this.#leaderlessTicks;
  }

  tick(leader: string): void {
    this.#leaderlessTicks = leader === nobody ? this.#leaderlessTicks + 1 : 0;
  }

  /** Called once a turn. */
  look({ id, role, leader, term }: View): void {
    const leads = role === 'leader';
    if (leads === this.#led && leader === this.#known) return;
    const before = this.#known;
    this.#known = leader;
    if (this.#led && !leads) this.#journal.steppedDown(term);
    if (!this.#led && leads) this.#journal.becameLeader(term);
    this.#led = leads;
    if (leader === before) return;
    if (leader === nobody) {
      if (before !== id) this.#journal.leaderLost(before, term);
      return;
    }
    if (leader !== id) this.#journal.leaderElected(leader, term);
    if (leader !== this.#last) this.changes++;
    this.#last = leader;
  }
}
