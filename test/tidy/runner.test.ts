import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Group, groups, selectTests, sortTests, withoutRequest } from '../runner/groups.ts';
import { runJob } from '../runner/job.ts';
import { inPool } from '../runner/pool.ts';
import { runScript } from '../runner/steps.ts';
import { Summary } from '../runner/summary.ts';
import type { FileResult } from '../runner/tally.ts';
import { files, root } from './sources.ts';

const header = "import { after, before, describe, test } from 'node:test';\n";

/** Runs such files in one process, and gives their results by name. */
async function run(t: TestContext, sources: Readonly<Record<string, string>>, msMax = 60_000) {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-runner-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const names = Object.keys(sources);
  for (const name of names) writeFileSync(join(folder, `${name}.ts`), header + sources[name]);
  const paths = names.map((name) => join(folder, `${name}.ts`));
  const { files: results, output } = await runJob(paths, { root, msMax });
  assert.deepEqual(
    results.map(({ file }) => file),
    paths,
  );
  return { output, of: (name: string) => results[names.indexOf(name)] as FileResult };
}

/** What each failure of a file says, shortened to the first line of its reason. */
function failuresOf({ failures }: FileResult): string[] {
  return failures.map(({ what, why }) => `${what}: ${why.split('\n')[0]}`);
}

test('every test passes, fails, is skipped or missed in the name of its own file', async (t) => {
  const { of, output } = await run(t, {
    passes:
      "test('a', (t) => t.test('b', () => {})); describe('c', () => { test('d', () => {}); });",
    empty: 'export {};',
    throws: "throw new Error('not today');",
    fails:
      "describe('a', () => { test('b', () => { console.log('heard'); throw new Error('no'); }); });",
    skips: "test('a', { skip: 'no etcd' }, () => {}); test('b', (t) => t.skip());",
    hooks:
      "let open = 0; before(() => open++); after(() => { throw new Error('hook ' + open); }); test('a', () => {});",
    promises:
      "test('a', () => { Promise.reject(new Error('lost')); return new Promise(setImmediate); });",
  });
  assert.deepEqual([of('passes').passed, of('passes').failures], [3, []]);
  assert.deepEqual(failuresOf(of('empty')), ['the file: no test ran in this file']);
  assert.deepEqual(failuresOf(of('throws')), ['the file: Error: not today']);
  assert.deepEqual(failuresOf(of('fails')), ['a > b: Error: no']);
  assert.deepEqual(of('skips').skipped, ['a (no etcd)', 'b (no reason given)']);
  assert.deepEqual(failuresOf(of('hooks')), ['the file: Error: hook 1']);
  assert.deepEqual(failuresOf(of('promises')), ['a: Error: lost']);
  assert.match(output, /heard/);
});

test('a process that dies takes no test with it unnoticed', async (t) => {
  // It dies when what it reported has reached the disk, so that the claim does not depend on luck.
  const dies = `
    import { readFileSync } from 'node:fs';
    const flag = '--test-reporter-destination=';
    const events = process.execArgv.find((one) => one.startsWith(flag)).slice(flag.length);
    test('b', () => {});
    test('c', async () => {
      while (!readFileSync(events, 'utf8').includes('"c"')) await new Promise(setImmediate);
      process.kill(process.pid, 'SIGKILL');
    });`;
  const { of } = await run(t, {
    first: "test('a', () => {});",
    dies,
    never: "test('d', () => {});",
  });
  assert.equal(of('first').passed, 1);
  const [cut, died] = failuresOf(of('dies'));
  assert.match(cut ?? '', /the process ended, last heard of in "c"/);
  assert.match(died ?? '', /ended by SIGKILL/);
  assert.match(failuresOf(of('never'))[0] ?? '', /ended before this file ran/);
});

test('a test that hangs is ended and named', async (t) => {
  const hangs = "test('a', () => new Promise(() => { setInterval(() => {}, 1000); }));";
  const [where, why] = failuresOf((await run(t, { hangs }, 6000)).of('hangs'));
  assert.match(where ?? '', /last heard of in "a"/);
  assert.match(why ?? '', /killed after 6 s/);
});

test('what a test leaves running is ended and named', async (t) => {
  const sleeper = "spawn('sleep', ['37'], { stdio: 'ignore' }).unref()";
  const leaves = `import { spawn } from 'node:child_process';\ntest('a', () => { ${sleeper}; });`;
  const { of } = await run(t, { leaves });
  assert.match(failuresOf(of('leaves'))[0] ?? '', /left processes running: sleep 37/);
});

test('every test file of the project belongs to a group, and every group has tests', () => {
  const { byGroup, faults } = sortTests(files);
  assert.deepEqual(faults, []);
  const sorted = [...byGroup.values()].flat();
  assert.deepEqual(
    sorted.toSorted(),
    files.filter((file) => file.endsWith('.test.ts')),
  );
});

test('a test in no group, one with another ending, and an empty group are faults', () => {
  const lost = ['test/lost.test.ts', 'scripts/a.test.ts', 'client/src/a.spec.ts', 'cli/a.test.js'];
  const { faults } = sortTests([...files, ...lost]);
  assert.equal(faults.length, lost.length);
  const none = sortTests(files.filter((file) => !file.startsWith('test/e2e/'))).faults;
  assert.match(none.join(), /e2e: no test/);
});

test('a run without words leaves out what is run on request, and nothing else', () => {
  const all = sortTests(files);
  const left = [...all.byGroup.keys()].filter((group) => !withoutRequest(all).has(group));
  assert.deepEqual(
    left.map(({ name }) => name),
    ['acceptance'],
  );
  assert.ok(selectTests(all, ['acceptance']).get(left[0] as Group)?.length);
});

test('a command line names groups, files and folders, and nothing else', () => {
  const all = sortTests(['client/a.test.ts', 'client/b/c.test.ts', 'test/tidy/d.test.ts']);
  const selected = (...words: string[]) => [...selectTests(all, words).values()].flat();
  assert.deepEqual(selected('unit'), ['client/a.test.ts', 'client/b/c.test.ts']);
  assert.deepEqual(selected('client/b/', './test/tidy/d.test.ts').length, 2);
  assert.deepEqual(selected('client', 'client/a.test.ts').length, 2);
  for (const word of ['e2e', 'client/a', 'nothing']) {
    assert.throws(() => selected(word), new RegExp(`"${word}".*${groups[0]?.name}`));
  }
});

function summarize(ci: boolean, ...results: Partial<FileResult>[]) {
  const lines: string[] = [];
  const summary = new Summary({ ci, print: (line) => lines.push(line) });
  const whole = { file: 'a', passed: 0, ms: 0, skipped: [], failures: [] };
  for (const result of results) summary.addJob({ files: [{ ...whole, ...result }], output: '' });
  return { summary, end: () => [summary.end(), lines.join('\n').split('\n').at(-1)] };
}

test('the last line has the totals, and the exit code agrees', () => {
  const failures = [{ what: 'x', why: 'y' }];
  assert.deepEqual(summarize(true, { passed: 2 }, { passed: 3 }).end(), [0, '5 passed, 0 failed']);
  assert.deepEqual(summarize(true, { passed: 2, failures }).end(), [1, '2 passed, 1 failed']);
  const { summary, end } = summarize(true, { passed: 2 });
  summary.addFault('npm run lint', 'not so');
  assert.deepEqual(end(), [1, '2 passed, 1 failed']);
});

test('no test at all is a failure, and in CI so is a skipped one', () => {
  const skipped = ['needs etcd (not installed)'];
  assert.deepEqual(summarize(false).end(), [1, '0 passed, 1 failed']);
  assert.deepEqual(summarize(false, { passed: 1, skipped }).end(), [0, '1 passed, 0 failed']);
  assert.deepEqual(summarize(true, { passed: 1, skipped }).end(), [1, '1 passed, 1 failed']);
});

test('a script that fails says what it wrote', async () => {
  assert.match((await runScript(root, 'no-such-script')) ?? '', /no-such-script/);
});

test('a pool runs everything, in order, and never more than its width', async () => {
  const began: number[] = [];
  let open = 0;
  let widest = 0;
  const tasks = [0, 1, 2, 3, 4].map((name) => async () => {
    began.push(name);
    widest = Math.max(widest, ++open);
    await new Promise(setImmediate);
    open--;
  });
  await inPool(2, tasks);
  assert.deepEqual([began, widest], [[0, 1, 2, 3, 4], 2]);
});
