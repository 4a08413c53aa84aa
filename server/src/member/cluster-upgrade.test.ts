import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { thisBuild } from '../core/cluster-version.ts';
import { membershipOf } from '../core/raft/membership.ts';
import { highestForAll } from './cluster-upgrade.ts';

describe('how high the cluster version may go', () => {
  const membership = membershipOf(['1', '2', '3'], ['4']);
  const build = { ...thisBuild, versions: { lowest: 1, highest: 3 } };
  const others = (highest: Readonly<Record<string, number>>) =>
    Object.entries(highest).map(([memberId, most]) => ({
      other: { memberId, versions: { lowest: 1, highest: most } },
    }));
  const decided = (highest: Readonly<Record<string, number>>, of = membership) =>
    highestForAll({ id: '1', membership: of }, build, others(highest));

  test('as high as the least of all members can do', () => {
    assert.equal(decided({ 2: 3, 3: 3, 4: 3 }), 3);
    assert.equal(decided({ 2: 2, 3: 3, 4: 3 }), 2);
    assert.equal(decided({ 2: 9, 3: 9, 4: 9 }), 3, 'no higher than this member itself');
  });

  test('a learner counts as a voter does', () => {
    assert.equal(decided({ 2: 3, 3: 3, 4: 1 }), 1);
  });

  test('while a member has not said what it can do, it is open', () => {
    assert.equal(decided({ 2: 3, 3: 3 }), undefined);
    assert.equal(decided({ 3: 3, 4: 3 }), undefined);
  });

  test('of a joint membership, those who are on their way out count as well', () => {
    const joint = { ...membershipOf(['1', '2']), outgoing: ['1', '5'] };
    assert.equal(decided({ 2: 3 }, joint), undefined);
    assert.equal(decided({ 2: 3, 5: 1 }, joint), 1);
  });

  test('who is linked and no member does not count, and one alone decides for itself', () => {
    assert.equal(decided({ 8: 1 }, membershipOf(['1'])), 3);
  });
});
