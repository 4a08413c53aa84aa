import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files, read } from './sources.ts';
import { impureWords, neighbours, switchedTests, timers } from './words.ts';

const core = files.filter(
  (file) => file.startsWith('server/src/core/') && /(?<!\.test)\.ts$/.test(file),
);

/** Real clusters and measurements run against the real clock; the runner gives up on what hangs. */
const byTheClock = /^test\/(e2e|acceptance|bench|chaos|runner)\//;

/** What waits for real processes; only what runs by the clock may use it. */
const forRealProcesses = ['test/harness/processes.ts'];

const testSide = files.filter((file) => /^test\/.*\.ts$|\.test\.ts$/.test(file));
const tests = testSide.filter((file) => file.endsWith('.test.ts'));

test('nothing in the core waits, draws chance, reads a clock, logs or asks for a locale', () => {
  assert.ok(core.length >= 25, `${core.length} files`);
  assert.deepEqual(
    core.flatMap((file) => impureWords(file, read(file))),
    [],
  );
});

test('the search for impure words can fail', () => {
  const planted = [
    'const now = Date.now();',
    'let at: Date;',
    'const x = Math.random();',
    'async () => {};',
    'await x;',
    'new Promise(() => {});',
    'setTimeout(f, 1);',
    "console.log('x');",
    'process.exit(1);',
    'a.sort((x, y) => x.localeCompare(y));',
    'new Intl.Collator();',
    "import { readFileSync } from 'node:fs';",
    "import type { Socket } from 'node:net';",
  ];
  for (const source of planted) assert.equal(impureWords('x.ts', source).length, 1, source);
  const fine = [
    '// Date.now() and await are words here.',
    "const text = 'async Promise';",
    'class A { process(x: number) { return this.process(x); } }',
    'const x = Math.max(1, 2);',
  ];
  for (const source of fine) assert.deepEqual(impureWords('x.ts', source), [], source);
});

test('no test waits for the clock, except against real processes', () => {
  const walled = testSide.filter(
    (file) => !byTheClock.test(file) && !forRealProcesses.includes(file),
  );
  assert.ok(walled.length >= 60, `${walled.length} files`);
  assert.deepEqual(
    walled.flatMap((file) => timers(file, read(file))),
    [],
  );
});

test('what waits for real processes is reached from there only', () => {
  const imports = new Map(testSide.map((file) => [file, neighbours(file, read(file))]));
  const reached = (file: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const next of imports.get(file) ?? []) reached(next, seen);
    return seen;
  };
  const idle = forRealProcesses.filter((file) => timers(file, read(file)).length === 0);
  assert.deepEqual(idle, [], 'no timer in there');
  for (const file of tests.filter((path) => !byTheClock.test(path))) {
    const slow = forRealProcesses.filter((path) => reached(file).has(path));
    assert.deepEqual(slow, [], `${file} reaches it`);
  }
});

test('the search for timers can fail', () => {
  const planted = [
    'await new Promise((done) => setTimeout(done, 10));',
    'setInterval(look, 5);',
    "import { setTimeout as sleep } from 'node:timers/promises';",
    "const { scheduler } = await import('timers/promises');",
    'const signal = AbortSignal.timeout(100);',
    'Atomics.wait(cell, 0, 0, 50);',
  ];
  for (const source of planted) assert.notDeepEqual(timers('x.ts', source), [], source);
  const fine = ['setImmediate(f);', "test('x', { timeout: 5 }, f);", "run('setTimeout(f, 1)');"];
  for (const source of fine) assert.deepEqual(timers('x.ts', source), [], source);
});

test('no test is switched off, and none switches the others off', () => {
  assert.ok(tests.length >= 40, `${tests.length} tests`);
  assert.deepEqual(
    tests.flatMap((file) => switchedTests(file, read(file))),
    [],
  );
});

test('the search for switched tests can fail', () => {
  const planted = [
    "test.only('x', f);",
    "describe.skip('x', f);",
    "it.todo('x');",
    "test('x', { only: true }, f);",
    "test('x', { skip: true }, f);",
    "test('x', { todo: 'later' }, f);",
  ];
  for (const source of planted) assert.equal(switchedTests('x.ts', source).length, 1, source);
  const fine = ["test('x', { skip: noEtcd }, f);", "t.skip('no etcd here');", 'bytes.skip(4);'];
  for (const source of fine) assert.deepEqual(switchedTests('x.ts', source), [], source);
});
