import type { PlantedBug } from './planted-bug.ts';

const raft = 'server/src/core/raft';
const member = 'server/src/member';

/** Reads that must see what was acknowledged. */
export const readBugs: readonly PlantedBug[] = [
  {
    name: 'read-context-reused',
    edits: [
      {
        file: `${member}/reads.ts`,
        find: 'const context = this.#nextContext++;',
        replace: 'const context = this.#nextContext;',
      },
    ],
    wrong: 'An answer to an earlier ReadIndex request confirms a later one.',
    seeds: 200,
  },
  {
    name: 'read-round-reused',
    edits: [{ file: `${raft}/read-index.ts`, find: 'this.#lastNumber++;', replace: '' }],
    wrong: 'An answer to an earlier heartbeat proves leadership for a later read.',
    seeds: 200,
  },
  {
    name: 'read-before-the-term-commits',
    edits: [
      {
        file: `${raft}/leader.ts`,
        find: 'return this.#state.log.committed >= this.#termStart;',
        replace: 'return true;',
      },
    ],
    wrong: 'A new leader answers reads before it knows what its predecessor committed (section 8).',
    seeds: 200,
  },
  {
    name: 'read-without-confirmation',
    edits: [
      {
        file: `${raft}/leader.ts`,
        find: 'member === id ? this.#reads.round : (this.#progress.get(member)?.ackedRound ?? 0),',
        replace:
          'member === id ? this.#reads.round : Math.max(this.#reads.round, this.#progress.get(member)?.ackedRound ?? 0),',
      },
    ],
    wrong: 'A leader answers reads without asking whether it still leads.',
    seeds: 200,
  },
  {
    name: 'follower-reads-before-it-applied',
    edits: [
      {
        file: `${member}/reads.ts`,
        find: `const ready = this.#confirmed.filter((round) => round.index <= index);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter((round) => round.index > index);`,
        replace: `const ready = this.#confirmed;
    this.#confirmed = [];`,
      },
    ],
    wrong: 'A read that was confirmed is answered from a state that is not there yet.',
    seeds: 20,
  },
];
