import type { PlantedBug } from './planted-bug.ts';

const raft = 'server/src/core/raft';

/** Elections, the log, commitment, reads. */
export const raftBugs: readonly PlantedBug[] = [
  {
    name: 'election-restriction-dropped',
    file: `${raft}/log.ts`,
    find: 'return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);',
    replace: 'return lastTerm >= 0 && lastIndex >= 0;',
    wrong:
      'A member votes for a candidate whose log lacks entries that it has itself (paper 5.4.1).',
    seeds: 20,
  },
];
