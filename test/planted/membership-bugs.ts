import type { PlantedBug } from './planted-bug.ts';

const raft = 'server/src/core/raft';
const member = 'server/src/member';

/** Who votes, who joins, who is told. */
export const membershipBugs: readonly PlantedBug[] = [
  {
    name: 'joint-commit-by-the-new-half',
    edits: [
      {
        file: `${raft}/quorum.ts`,
        find: 'majorityIndex(membership.outgoing, reached),',
        replace: 'Number.POSITIVE_INFINITY,',
      },
    ],
    wrong: 'In a joint configuration a majority of the new voters commits alone.',
    seeds: 80,
  },
  {
    name: 'joint-election-by-the-new-half',
    edits: [
      {
        file: `${raft}/quorum.ts`,
        find: 'const outgoing = majorityVote(membership.outgoing, vote);',
        replace: 'const outgoing = incoming;',
      },
    ],
    wrong: 'In a joint configuration a majority of the new voters elects alone.',
    seeds: 80,
  },
  {
    name: 'joint-changed-in-one-step',
    edits: [
      {
        file: `${raft}/membership.ts`,
        find: "if (change.transition === 'auto' && moved <= 1 && change.changes.length === 1) {",
        replace: "if (change.transition === 'auto') {",
      },
    ],
    wrong: 'Several voters are exchanged at once without a joint configuration.',
    seeds: 200,
  },
  {
    name: 'learner-counted-in-the-quorum',
    edits: [
      {
        file: `${raft}/quorum.ts`,
        find: 'majorityIndex(membership.voters, reached),',
        replace: `[...membership.voters, ...membership.learners]
      .map(reached)
      .sort((left, right) => right - left)[membership.voters.length >> 1] as number,`,
      },
    ],
    wrong: 'What a learner confirms counts as if a voter had.',
    seeds: 200,
  },
  {
    name: 'change-before-the-last-is-in-force',
    edits: [
      {
        file: `${raft}/leader.ts`,
        find: "if (this.#membershipIndex > log.handed) return 'the last membership change is not in force yet';",
        replace: '',
      },
    ],
    wrong: 'A change of membership is proposed while another one is under way.',
    seeds: 200,
  },
  {
    name: 'membership-not-taken-from-snapshot',
    edits: [
      {
        file: `${raft}/follower.ts`,
        find: 'state.membership = message.snapshot.membership;',
        replace: '',
      },
    ],
    wrong: 'Who gets a snapshot goes on with the members that it knew before.',
    seeds: 25,
  },
  {
    name: 'empty-learner-promoted',
    edits: [
      {
        file: `${member}/promotion.ts`,
        find: 'if (match < 0.9 * raft.lastIndex) {',
        replace: 'if (match < 0) {',
      },
    ],
    wrong: 'A learner that holds nothing yet becomes a voter.',
    seeds: 200,
  },
  {
    name: 'committed-change-ignored-in-campaign',
    edits: [
      {
        file: `${raft}/state.ts`,
        find: 'return !this.log.hasMembershipToHandOut;',
        replace: 'return true;',
      },
    ],
    wrong: 'A member runs for election under a membership that a committed change has replaced.',
    seeds: 200,
  },
  {
    name: 'wiped-member-votes',
    edits: [
      {
        file: `${member}/joining.ts`,
        find: 'if (!self.fresh || (voters.length === 1 && voters[0] === self.memberId)) this.#state =',
        replace: 'this.#state =',
      },
      {
        file: `${member}/links.ts`,
        find: 'if (isBound && record.directoryId !== other.directoryId) {',
        replace: "if (isBound && record.directoryId === '') {",
      },
      {
        file: 'server/src/core/member-table.ts',
        find: 'known.directoryId !== record.directoryId',
        replace: "record.directoryId === ''",
      },
    ],
    wrong: 'A member that lost its disk comes back under its old id and votes again.',
    seeds: 200,
  },
];
