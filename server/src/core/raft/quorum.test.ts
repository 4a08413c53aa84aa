import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyMembership } from './membership.ts';
import {
  committedIndex,
  majorityIndex,
  majorityVote,
  type VoteResult,
  voteResult,
} from './quorum.ts';
import type { MemberId, Membership } from './types.ts';

const joint = (voters: string, outgoing: string): Membership => ({
  ...emptyMembership,
  voters: [...voters],
  outgoing: [...outgoing],
});

/** `a=5 b=7` as a lookup; who is missing has reached nothing. */
function reached(text: string): (member: MemberId) => number {
  const pairs = text.split(' ').map((pair) => pair.split('=') as [string, string]);
  const known = new Map(pairs.map(([member, index]) => [member, Number(index)]));
  return (member) => known.get(member) ?? 0;
}

/** `a+ b-` as votes; who is missing has not voted. */
function votes(text: string): (member: MemberId) => boolean | undefined {
  const known = new Map(text.split(' ').map((vote) => [vote[0], vote[1] === '+']));
  return (member) => known.get(member);
}

const committedCases: [voters: string, outgoing: string, reached: string, index: number][] = [
  // Nobody decides anything: no constraint.
  ['', '', '', Number.POSITIVE_INFINITY],
  ['a', '', '', 0],
  ['a', '', 'a=12', 12],
  // Two members: both are needed.
  ['ab', '', 'a=12', 0],
  ['ab', '', 'a=12 b=5', 5],
  ['abc', '', 'a=12', 0],
  ['abc', '', 'a=12 b=5', 5],
  ['abc', '', 'a=12 b=5 c=6', 6],
  ['abc', '', 'a=5 b=5 c=5', 5],
  ['abc', '', 'a=100 b=101 c=103', 101],
  ['abcd', '', 'a=4 b=3 c=2 d=1', 2],
  ['abcd', '', 'a=4 b=4 c=1 d=1', 1],
  ['abcde', '', 'a=5 b=4 c=3 d=2 e=1', 3],
  ['abcde', '', 'a=9 b=9', 0],
  ['abcde', '', 'a=9 b=9 c=8', 8],
  // A member outside is not counted.
  ['abc', '', 'a=5 x=9 y=9', 0],
  // One half empty: the other decides alone.
  ['', 'abc', 'a=5 b=6', 5],
  // Both halves the same.
  ['abc', 'abc', 'a=2 b=3 c=4', 3],
  // Overlapping: 3 is the old half's, 2 the new half's.
  ['abc', 'bcd', 'a=1 b=2 c=3 d=4', 2],
  ['ab', 'abc', 'a=7 b=3 c=7', 3],
  ['a', 'abc', 'a=7 b=3 c=4', 4],
  ['abc', 'a', 'a=1 b=9 c=9', 1],
  // Disjoint: neither half can do it alone.
  ['abc', 'def', 'a=9 b=9 c=9', 0],
  ['abc', 'def', 'd=9 e=9 f=9', 0],
  ['abc', 'def', 'a=9 b=8 d=7 e=6', 6],
  ['ab', 'cde', 'a=9 b=8 c=7 d=7 e=1', 7],
  ['a', 'b', 'a=3 b=4', 3],
];

test('an index is committed when a majority of each half has reached it', () => {
  for (const [voters, outgoing, text, index] of committedCases) {
    const name = `${voters} && ${outgoing}: ${text}`;
    assert.equal(committedIndex(joint(voters, outgoing), reached(text)), index, name);
    assert.equal(committedIndex(joint(outgoing, voters), reached(text)), index, `mirror ${name}`);
  }
});

const voteCases: [voters: string, outgoing: string, votes: string, result: VoteResult][] = [
  ['', '', '', 'won'],
  ['a', '', '', 'pending'],
  ['a', '', 'a+', 'won'],
  ['a', '', 'a-', 'lost'],
  ['ab', '', 'a+', 'pending'],
  ['ab', '', 'a-', 'lost'],
  ['ab', '', 'a+ b+', 'won'],
  ['ab', '', 'a+ b-', 'lost'],
  ['abc', '', 'a+', 'pending'],
  ['abc', '', 'a-', 'pending'],
  ['abc', '', 'a+ b-', 'pending'],
  ['abc', '', 'a- b-', 'lost'],
  ['abc', '', 'a+ b+', 'won'],
  ['abcd', '', 'a+ b+', 'pending'],
  ['abcd', '', 'a- b-', 'lost'],
  ['abcd', '', 'a+ b+ c+', 'won'],
  ['abcde', '', 'a+ b+ c- d-', 'pending'],
  ['abcde', '', 'a- b- c-', 'lost'],
  // A vote from outside does not count.
  ['abc', '', 'a+ x+ y+', 'pending'],
  ['', 'abc', 'a+ b+', 'won'],
  ['abc', 'abc', 'a+ b+', 'won'],
  ['abc', 'bcd', 'b+ c+', 'won'],
  ['abc', 'bcd', 'a+ b+', 'pending'],
  ['abc', 'bcd', 'a+ b+ c- d-', 'lost'],
  // Disjoint: one half won, the other still open, or lost.
  ['abc', 'def', 'a+ b+ c+', 'pending'],
  ['abc', 'def', 'a+ b+ c+ d- e-', 'lost'],
  ['abc', 'def', 'd- e-', 'lost'],
  ['abc', 'def', 'a+ b+ d+ e+', 'won'],
];

test('a vote is won with a majority of each half, lost as soon as one half cannot be won', () => {
  for (const [voters, outgoing, text, result] of voteCases) {
    const name = `${voters} && ${outgoing}: ${text}`;
    assert.equal(voteResult(joint(voters, outgoing), votes(text)), result, name);
    assert.equal(voteResult(joint(outgoing, voters), votes(text)), result, `mirror ${name}`);
  }
});

/** Straight from the definition: try every index and count. */
function slowIndex(voters: readonly MemberId[], at: (member: MemberId) => number): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  let best = 0;
  for (const candidate of voters.map(at)) {
    const there = voters.filter((voter) => at(voter) >= candidate).length;
    if (2 * there > voters.length && candidate > best) best = candidate;
  }
  return best;
}

/** Straight from the definition: does every, some or no way to fill in the missing votes win? */
function slowVote(
  voters: readonly MemberId[],
  vote: (member: MemberId) => boolean | undefined,
): VoteResult {
  const open = voters.filter((voter) => vote(voter) === undefined);
  const outcomes = new Set<boolean>();
  for (let way = 0; way < 1 << open.length; way++) {
    const granted = voters.filter(
      (voter) => vote(voter) ?? ((way >> open.indexOf(voter)) & 1) === 1,
    );
    outcomes.add(voters.length === 0 || 2 * granted.length > voters.length);
  }
  if (outcomes.size === 2) return 'pending';
  return outcomes.has(true) ? 'won' : 'lost';
}

/** All ways to give each of `count` members one of `choices` values. */
function* assignments(count: number, choices: number): Iterable<number[]> {
  for (let code = 0; code < choices ** count; code++) {
    yield Array.from({ length: count }, (_, at) => Math.floor(code / choices ** at) % choices);
  }
}

const five = ['a', 'b', 'c', 'd', 'e'];

test('majority index and vote equal their slow definitions for all sets up to five', () => {
  for (let size = 0; size <= five.length; size++) {
    const voters = five.slice(0, size);
    for (const indexes of assignments(size, size + 1)) {
      const at = (member: MemberId) => indexes[five.indexOf(member)] ?? 0;
      assert.equal(majorityIndex(voters, at), slowIndex(voters, at), `${voters} ${indexes}`);
    }
    for (const cast of assignments(size, 3)) {
      const vote = (member: MemberId) => [undefined, false, true][cast[five.indexOf(member)] ?? 0];
      assert.equal(majorityVote(voters, vote), slowVote(voters, vote), `${voters} ${cast}`);
    }
  }
});

test('joint index and vote equal their slow definitions for all pairs of sets out of five', () => {
  for (const sides of assignments(five.length, 4)) {
    const voters = five.filter((_, at) => ((sides[at] ?? 0) & 1) !== 0);
    const outgoing = five.filter((_, at) => ((sides[at] ?? 0) & 2) !== 0);
    const membership = { ...emptyMembership, voters, outgoing };
    for (const cast of assignments(five.length, 3)) {
      const code = (member: MemberId) => cast[five.indexOf(member)] ?? 0;
      const index = Math.min(slowIndex(voters, code), slowIndex(outgoing, code));
      if (committedIndex(membership, code) !== index) assert.fail(`${voters}&&${outgoing} ${cast}`);
      const vote = (member: MemberId) => [undefined, false, true][code(member)];
      const halves = [slowVote(voters, vote), slowVote(outgoing, vote)];
      const lost = halves.includes('lost');
      const result = lost ? 'lost' : halves.includes('pending') ? 'pending' : 'won';
      if (voteResult(membership, vote) !== result) assert.fail(`${voters}&&${outgoing} ${cast}`);
    }
  }
});
