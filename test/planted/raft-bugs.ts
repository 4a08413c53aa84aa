import type { PlantedBug } from './planted-bug.ts';

const raft = 'server/src/core/raft';
const member = 'server/src/member';

/** Elections, the log, commitment, proposals. */
export const raftBugs: readonly PlantedBug[] = [
  {
    name: 'election-restriction-dropped',
    edits: [
      {
        file: `${raft}/log.ts`,
        find: 'return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);',
        replace: 'return lastTerm >= 0 && lastIndex >= 0;',
      },
    ],
    wrong: 'A member votes for a candidate whose log lacks entries that it has (paper 5.4.1).',
    seeds: 20,
  },
  {
    name: 'pre-vote-without-log-check',
    edits: [
      {
        file: `${raft}/raft.ts`,
        find: 'if (!free || !state.log.isUpToDate(request.lastIndex, request.lastTerm)) {',
        replace:
          'if (!free || (!request.preVote && !state.log.isUpToDate(request.lastIndex, request.lastTerm))) {',
      },
    ],
    wrong: 'A pre-vote is granted to one that could not win, so it raises the term for nothing.',
    seeds: 200,
  },
  {
    name: 'vote-given-twice',
    edits: [
      {
        file: `${raft}/raft.ts`,
        find: ': state.vote === request.from || (state.vote === nobody && state.leader === nobody);',
        replace: ': state.leader === nobody;',
      },
    ],
    wrong: 'A member votes for every candidate of a term.',
    seeds: 20,
  },
  {
    name: 'term-not-persisted',
    edits: [
      {
        file: `${raft}/raft.ts`,
        find: 'const changed = term !== state.term || vote !== state.vote;',
        replace: 'const changed = term < 0 && vote === state.vote;',
      },
    ],
    wrong: 'Term and vote reach the disk only together with an entry.',
    seeds: 20,
  },
  {
    name: 'vote-sent-before-sync',
    edits: [
      {
        file: `${raft}/raft.ts`,
        find: 'this.#state.sendAfterWrite(\n      request.from,',
        replace: 'this.#state.send(\n      request.from,',
      },
    ],
    wrong: 'A vote leaves before it is on disk, and a crash makes it undone.',
    seeds: 200,
  },
  {
    name: 'own-vote-counted-before-sync',
    edits: [
      {
        file: `${raft}/candidate.ts`,
        find: 'else state.sendAfterWrite(member, request, term);',
        replace: 'else state.send(member, request, term);',
      },
    ],
    wrong: 'A candidate asks for votes before its own term and log are on disk.',
    seeds: 200,
  },
  {
    name: 'old-term-committed-by-counting',
    edits: [
      {
        file: `${raft}/leader.ts`,
        find: 'if (index <= log.committed || log.termAt(index) !== this.#state.term) return;',
        replace: 'if (index <= log.committed) return;',
      },
    ],
    wrong: 'An entry of an earlier term counts as committed when a majority has it (figure 8).',
    seeds: 40,
  },
  {
    name: 'commit-beyond-what-was-matched',
    edits: [
      {
        file: `${raft}/follower.ts`,
        find: 'log.commitTo(Math.min(request.commit, last));',
        replace: 'log.commitTo(Math.min(request.commit, log.lastIndex));',
      },
      {
        file: `${raft}/follower.ts`,
        find: `const hintIndex = log.lastIndexAtMost(
        Math.min(request.prevIndex, log.lastIndex),
        request.prevTerm,
      );`,
        replace: 'const hintIndex = log.committed;',
      },
    ],
    wrong:
      'A follower commits entries of its own that the append did not vouch for. Hints that lead to just where two logs part would hide it, so they are gone too.',
    seeds: 60,
  },
  {
    name: 'heartbeat-commit-unbounded',
    edits: [
      {
        file: `${raft}/leader.ts`,
        find: 'commit: Math.min(progress.match, this.#state.log.committed),',
        replace: 'commit: this.#state.log.committed,',
      },
    ],
    wrong: 'A heartbeat tells a follower to commit what it may hold in another version.',
    seeds: 20,
  },
  {
    name: 'log-cut-by-an-old-append',
    edits: [
      {
        file: `${raft}/follower.ts`,
        find: 'const at = request.entries.findIndex((entry) => !log.matches(entry.index, entry.term));',
        replace: 'const at = request.entries.length === 0 ? -1 : 0;',
      },
    ],
    wrong: 'An append that arrives late cuts off entries that were confirmed since.',
    seeds: 40,
  },
  {
    name: 'append-without-match-check',
    edits: [
      {
        file: `${raft}/follower.ts`,
        find: 'if (!log.matches(request.prevIndex, request.prevTerm)) {',
        replace: 'if (log.termAt(request.prevIndex) === undefined) {',
      },
    ],
    wrong: 'Entries are appended to a log whose entry before them is of another term (paper 5.3).',
    seeds: 200,
  },
  {
    name: 'older-snapshot-installed',
    edits: [
      {
        file: `${raft}/follower.ts`,
        find: 'if (index <= state.log.committed) return this.#confirm(message.from, state.log.committed);',
        replace: '',
      },
      {
        file: `${raft}/log.ts`,
        find: "assert(snapshot.index > this.#committed, 'a snapshot must not take back what is committed');",
        replace: '',
      },
    ],
    wrong: 'A snapshot that is older than the own state replaces it.',
    seeds: 200,
  },
  {
    name: 'forwarded-batch-taken-twice',
    edits: [{ file: `${raft}/leader.ts`, find: 'if (known.has(name)) return;', replace: '' }],
    wrong: 'A forwarded proposal that the network delivers twice is appended twice.',
    seeds: 20,
  },
  {
    name: 'proposed-again-too-early',
    edits: [
      {
        file: `${member}/proposals.ts`,
        find: '(waiting) => waiting.term !== undefined && waiting.term < term,',
        replace: '(waiting) => waiting.term !== undefined,',
      },
    ],
    wrong: 'A proposal of the term that has just begun is proposed again, and runs twice.',
    seeds: 20,
  },
  {
    name: 'proposed-again-after-a-jump',
    edits: [
      {
        file: `${member}/proposals.ts`,
        find: "if (waiting.term !== undefined) this.#settle(waiting, { ok: false, code: 'leader_changed' });",
        replace: 'if (waiting.term !== undefined) this.#proposeAgain([waiting]);',
      },
    ],
    wrong: 'After a snapshot, what may be in it already is proposed again.',
    seeds: 20,
  },
  {
    name: 'missed-tick-replayed',
    edits: [
      {
        file: `${member}/member.ts`,
        find: '  #tickDue = false;\n  #closed',
        replace: '  #tickDue = false;\n  #tickedAt = 0;\n  #closed',
      },
      {
        file: `${member}/member.ts`,
        find: 'if (this.#tickDue) this.#doTick();',
        replace: `if (this.#tickDue) {
          const now = this.#clock.monotonicMs();
          const due = this.#tickedAt === 0 ? 1 : Math.round((now - this.#tickedAt) / this.options.tickMs);
          this.#tickedAt = now;
          for (let tick = 0; tick < Math.max(1, due); tick++) this.#doTick();
        }`,
      },
    ],
    wrong: 'A member that was paused makes up for all ticks at once, and so gives up its leader.',
    seeds: 200,
  },
];
