import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  allMembers,
  changeMembership,
  decodeChange,
  emptyMembership,
  encodeChange,
  isJoint,
  isMember,
  isVoter,
  leaveJoint,
  type MemberChange,
  type MembershipChange,
  membershipOf,
} from './membership.ts';
import type { Membership } from './types.ts';

/** `+1 ~2 -3` as a change: add as voter, add as learner, remove. */
function change(text: string, transition: MembershipChange['transition'] = 'auto') {
  const changes = text
    .split(' ')
    .filter((word) => word !== '')
    .map((word): MemberChange => {
      const action = word[0] === '+' ? 'addVoter' : word[0] === '~' ? 'addLearner' : 'remove';
      return { action, member: word.slice(1) };
    });
  return { changes, transition, context: '' };
}

/** `1 2 3 && 1 2 | 4 | 5 auto`: voters && outgoing | learners | learnersNext, and auto leave. */
function show(membership: Membership | { readonly refused: string }): string {
  if ('refused' in membership) return `refused: ${membership.refused}`;
  const { voters, outgoing, learners, learnersNext, autoLeave } = membership;
  let text = voters.join(' ');
  if (outgoing.length > 0) text += ` && ${outgoing.join(' ')}`;
  if (learners.length > 0) text += ` | learners ${learners.join(' ')}`;
  if (learnersNext.length > 0) text += ` | next ${learnersNext.join(' ')}`;
  return autoLeave ? `${text} auto` : text;
}

function run(start: Membership, ...steps: MembershipChange[]): string {
  let current = start;
  for (const step of steps) {
    const next = changeMembership(current, step);
    if ('refused' in next) return show(next);
    current = next;
  }
  return show(current);
}

const three = membershipOf(['1', '2', '3']);
const joint = 'refused: a joint configuration must be left before the next change';
const noVoter = 'refused: a cluster needs at least one voter';

const simpleCases: [name: string, start: Membership, change: string, result: string][] = [
  ['add a voter', membershipOf(['1']), '+2', '1 2'],
  ['add the first voter to nobody', emptyMembership, '+1', '1'],
  ['add a learner to nobody', emptyMembership, '~1', noVoter],
  ['add a voter that is one', three, '+2', '1 2 3'],
  ['add a learner', three, '~4', '1 2 3 | learners 4'],
  ['add a learner that is one', membershipOf(['1'], ['2']), '~2', '1 | learners 2'],
  ['promote a learner', membershipOf(['1'], ['2']), '+2', '1 2'],
  ['demote a voter, at once a learner', three, '~3', '1 2 | learners 3'],
  ['remove a voter', three, '-3', '1 2'],
  ['remove a learner', membershipOf(['1'], ['2']), '-2', '1'],
  ['remove a stranger', three, '-9', '1 2 3'],
  ['remove the last voter', membershipOf(['1']), '-1', noVoter],
  ['demote the last voter', membershipOf(['1'], ['2']), '~1', noVoter],
  ['ids are strings, and sorted as such', membershipOf(['2']), '+10', '10 2'],
];

test('a single change takes effect at once', () => {
  for (const [name, start, text, result] of simpleCases) {
    assert.equal(show(changeMembership(start, change(text))), result, name);
  }
});

const jointCases: [name: string, text: string, entered: string, left: string][] = [
  ['two additions', '+4 +5', '1 2 3 4 5 && 1 2 3 auto', '1 2 3 4 5'],
  ['replace one voter', '+4 -1', '2 3 4 && 1 2 3 auto', '2 3 4'],
  ['replace all', '+4 +5 -1 -2 -3', '4 5 && 1 2 3 auto', '4 5'],
  [
    'demote: a learner only after leaving',
    '~3 +4',
    '1 2 4 && 1 2 3 | next 3 auto',
    '1 2 4 | learners 3',
  ],
  [
    'learners only, but two of them',
    '~4 ~5',
    '1 2 3 && 1 2 3 | learners 4 5 auto',
    '1 2 3 | learners 4 5',
  ],
  [
    'swap a voter with a newcomer as learner',
    '~4 -3',
    '1 2 && 1 2 3 | learners 4 auto',
    '1 2 | learners 4',
  ],
  [
    'the last word on a member counts',
    '+4 ~4',
    '1 2 3 && 1 2 3 | learners 4 auto',
    '1 2 3 | learners 4',
  ],
  ['demoted, then promoted: as before', '~3 +3', '1 2 3 && 1 2 3 auto', '1 2 3'],
  ['demoted, then removed', '~3 -3', '1 2 && 1 2 3 auto', '1 2'],
];

test('several changes go through a joint configuration, and leave it to what was asked', () => {
  for (const [name, text, entered, left] of jointCases) {
    assert.equal(run(three, change(text)), entered, name);
    assert.equal(run(three, change(text), leaveJoint), left, name);
  }
});

test('joint and explicit go through a joint configuration also for one change; explicit stays', () => {
  assert.equal(run(three, change('+4', 'joint')), '1 2 3 4 && 1 2 3 auto');
  assert.equal(run(three, change('+4', 'explicit')), '1 2 3 4 && 1 2 3');
  assert.equal(run(three, change('~3', 'explicit')), '1 2 && 1 2 3 | next 3');
  assert.equal(run(three, change('~3', 'explicit'), leaveJoint), '1 2 | learners 3');
  assert.equal(run(three, change('-1 -2 -3', 'explicit')), noVoter);
});

test('a joint configuration takes no change but its end, and only a joint one has an end', () => {
  assert.equal(run(three, change('+4 +5'), change('+6')), joint);
  assert.equal(run(three, change('+4 +5'), change('+6 -1', 'joint')), joint);
  assert.equal(run(three, leaveJoint), 'refused: there is no joint configuration to leave');
  assert.equal(
    run(three, change('+4 +5'), leaveJoint, leaveJoint),
    'refused: there is no joint configuration to leave',
  );
});

test('a change does not touch the membership it starts from', () => {
  const start = membershipOf(['1', '2', '3'], ['4']);
  const copy = structuredClone(start);
  for (const text of ['+4', '~3', '-1 +5 ~2']) changeMembership(start, change(text));
  assert.deepEqual(start, copy);
});

test('voters of both halves are voters, and everybody is told everything once', () => {
  const membership = changeMembership(membershipOf(['1', '2', '3'], ['9']), change('+4 -1 ~2'));
  assert(!('refused' in membership));
  assert(isJoint(membership));
  assert.deepEqual(allMembers(membership), ['1', '2', '3', '4', '9']);
  const voters = ['1', '2', '3', '4', '9', '7'].filter((member) => isVoter(membership, member));
  assert.deepEqual(voters, ['1', '2', '3', '4']);
  assert(isMember(membership, '9'));
  assert(!isMember(membership, '7'));
});

test('a change survives its encoding, whatever the context holds', () => {
  const context = 'name="zürich" \u2028 😀 \u0000 {"a":1}';
  const original = { ...change('+4 ~5 -1', 'explicit'), context };
  const payload = encodeChange(original);
  assert(payload.every((byte) => byte >= 0x20 && byte < 0x7f));
  assert.deepEqual(decodeChange(payload), original);
});

const ids = ['1', '2', '3', '4', '5', '6'];
const someChange = fc.record({
  action: fc.constantFrom('addVoter' as const, 'addLearner' as const, 'remove' as const),
  member: fc.constantFrom(...ids.slice(1)),
});
// Member 1 always stays a voter, so that no step leaves the cluster without one.
const someMembership = fc
  .tuple(fc.subarray(ids.slice(1)), fc.subarray(ids.slice(1)))
  .map(([voters, learners]) =>
    membershipOf(
      ['1', ...voters],
      learners.filter((learner) => !voters.includes(learner)),
    ),
  );

test('a series of simple changes equals one joint change after leaving', () => {
  fc.assert(
    fc.property(someMembership, fc.array(someChange, { minLength: 1 }), (start, changes) => {
      const steps = changes.map((one) => change('').changes.concat(one));
      const simple = steps.map((one) => ({ ...change(''), changes: one }));
      const together: MembershipChange = { changes, transition: 'joint', context: '' };
      assert.equal(run(start, together, leaveJoint), run(start, ...simple));
    }),
    { numRuns: 500, seed: 7 },
  );
});

test('a membership is always sorted, without doubles, and nobody is voter and learner', () => {
  fc.assert(
    fc.property(someMembership, fc.array(someChange, { minLength: 1 }), (start, changes) => {
      const next = changeMembership(start, { changes, transition: 'auto', context: '' });
      assert(!('refused' in next));
      for (const list of [next.voters, next.outgoing, next.learners, next.learnersNext]) {
        assert.deepEqual(list, [...new Set(list)].sort());
      }
      assert(!next.learners.some((learner) => isVoter(next, learner)));
      assert(next.learnersNext.every((member) => next.outgoing.includes(member)));
      assert(!next.learnersNext.some((member) => next.voters.includes(member)));
    }),
    { numRuns: 500, seed: 8 },
  );
});
