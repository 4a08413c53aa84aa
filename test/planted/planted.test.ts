/** The planted bugs still fit the source, are really planted, and are found. All of them: `npm run sim -- --planted`. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allBugs, findBug, hardBugs } from './all-bugs.ts';
import { PatchError, type PlantedBug, patchedModules } from './planted-bug.ts';
import { findPlanted } from './run-planted.ts';

const planted = [...allBugs, ...hardBugs];

describe('every planted bug', () => {
  for (const bug of planted) {
    test(`${bug.name} applies to the source of today, once in each place`, () => {
      const modules = patchedModules(bug);
      assert.equal(modules.length, new Set(bug.edits.map(({ file }) => file)).size);
    });
  }

  test('has a name of its own, and changes something', () => {
    assert.equal(new Set(planted.map(({ name }) => name)).size, planted.length);
    for (const { name, edits, seeds, wrong } of planted) {
      assert.match(name, /^[a-z]+(-[a-z]+)*$/);
      assert.ok(edits.length > 0 && edits.every(({ find, replace }) => find !== replace), name);
      assert.ok(seeds > 0 && wrong.endsWith('.'), name);
    }
    assert.ok(allBugs.length >= 25, `${allBugs.length} bugs`);
  });
});

describe('a bug that does not fit the source any more', () => {
  const file = 'server/src/core/raft/quorum.ts';
  const bug = (edits: PlantedBug['edits']): PlantedBug => ({
    name: 'stale',
    edits,
    wrong: '',
    seeds: 1,
  });

  test('is refused by name when its text is not there, or there twice', () => {
    const says = (text: RegExp) => (error: unknown) =>
      error instanceof PatchError && text.test(error.message);
    const edit = (find: string) => () => patchedModules(bug([{ file, find, replace: '' }]));
    assert.throws(edit('no such line'), says(/^stale: its text is found 0 times in server\/src/));
    assert.throws(edit('majorityVote('), says(/found 3 times/));
    const gone = { file: 'server/src/gone.ts', find: 'x', replace: 'y' };
    assert.throws(() => patchedModules(bug([gone])), says(/server\/src\/gone\.ts is not there/));
  });

  test('two edits of one file are both in it', () => {
    const [module, ...others] = patchedModules(
      bug([
        { file, find: "return 'pending';", replace: "return 'lost';" },
        { file, find: 'let granted = 0;', replace: 'let granted = 1;' },
      ]),
    );
    assert.equal(others.length, 0);
    assert.ok(module?.source.includes('let granted = 1;'));
    assert.ok(!module?.source.includes("return 'pending';"));
  });
});

describe('in a process of its own', () => {
  for (const name of ['election-restriction-dropped', 'watch-batch-split']) {
    test(`${name} is found by a rule`, async () => {
      const bug = findBug(name);
      const { rule, fault, seeds } = await findPlanted(bug);
      assert.equal(fault, undefined);
      assert.ok(rule !== undefined, `not within ${bug.seeds} seeds`);
      assert.ok(seeds <= bug.seeds);
    });
  }
});
