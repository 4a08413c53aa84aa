import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { FakeRoot } from '../../../../test/harness/fake-root.ts';
import { failureOf, firstLine, runProgram, runShell } from './shell-command.ts';

const patient = { timeoutMs: 60_000 };

/** Processes that run with this word among their arguments; those that are dead have none. */
function runningWith(word: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
    } catch {
      return false; // It ended while we looked.
    }
  });
}

/** A number of seconds to sleep that no other process sleeps. */
let sleepers = 0;
const ownSleep = (): string => `${600 + ++sleepers}.${process.pid}`;

test('a command that exits tells its code and what it wrote', async () => {
  const end = await runShell('echo one; echo two; echo wrong >&2; exit 3', patient);
  assert.equal(end.code, 3);
  assert.equal(end.output, 'one\ntwo\n');
  assert.equal(firstLine(end), 'one');
  assert.equal(failureOf(end), 'exit code 3: wrong');
});

test('without standard error the end of the output is its last word', async () => {
  assert.equal(failureOf(await runShell('echo why; exit 1', patient)), 'exit code 1: why');
  assert.equal(failureOf(await runShell('exit 1', patient)), 'exit code 1');
});

test('a program that is missing, or no program, is a sentence and no exception', async (t) => {
  const root = new FakeRoot(t);
  root.write('plain', 'text');
  const gone = await runProgram(['no-such-program'], patient);
  assert.deepEqual([gone.code, gone.how], [undefined, 'there is no program "no-such-program"']);
  const plain = await runProgram([`${root.path}/plain`], patient);
  assert.equal(plain.how, `"${root.path}/plain" may not be run`);
  const zero = await runProgram(['echo', 'a\0b'], patient);
  assert.equal(zero.code, undefined);
  assert.match(zero.how, /null bytes/);
});

test('one that a signal ended has no exit code', async () => {
  const end = await runShell('kill -KILL $$', patient);
  assert.deepEqual([end.code, end.how], [undefined, 'signal SIGKILL']);
});

test('of a flood of output the beginning and the end are kept, 4 KiB each', async () => {
  const line = 'i=0; while [ $i -lt 40000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1';
  const both = await runShell(`exec 3>&1; { ${line}; } 2>&1`, patient);
  assert.ok(both.output.startsWith('line 0\nline 1\n') && both.output.length === 4096);
  assert.ok(both.lastWords.endsWith('line 39999\n') && both.lastWords.length === 4096);
});

test('control characters of others do not reach a line for people', async () => {
  const end = await runShell("printf 'a\\033[31mred\\tb\\nc' >&2; exit 1", patient);
  assert.equal(failureOf(end), 'exit code 1: a [31mred b c');
});

test('a command that takes too long is ended with all that it started', async () => {
  const seconds = ownSleep();
  const line = `sleep ${seconds} & (sleep ${seconds}) & sleep ${seconds}`;
  const end = await runShell(line, { timeoutMs: 50 });
  assert.deepEqual([end.code, end.how], [undefined, 'no end within 50 ms']);
  assert.deepEqual(runningWith(seconds), []);
});

test('a group that takes no notice of SIGTERM is killed after the grace', async (t) => {
  const pipe = new FakeRoot(t).pipe('ready');
  const seconds = ownSleep();
  const giveUp = new AbortController();
  // Both ignore the signal, since what a shell ignores its children ignore as well. The child speaks of itself, and has the
  // word among its arguments from its start: as a shell, and as what the shell becomes.
  const child = `sh -c 'echo ready > "$1"; exec sleep "$0"' ${seconds} ${pipe}`;
  const line = `trap '' TERM; ${child} & wait; sleep ${seconds}`;
  const ended = runShell(line, { ...patient, graceMs: 50, signal: giveUp.signal });
  await readFile(pipe);
  assert.notDeepEqual(runningWith(seconds), [], 'it runs before');
  giveUp.abort();
  assert.equal((await ended).how, 'given up');
  assert.deepEqual(runningWith(seconds), []);
});

test('a child that outlives its shell at SIGTERM is waited for and killed', async (t) => {
  const pipe = new FakeRoot(t).pipe('ready');
  const seconds = ownSleep();
  const giveUp = new AbortController();
  const line = `(trap '' TERM; echo ready > ${pipe}; sleep ${seconds}; true) & wait`;
  const ended = runShell(line, { ...patient, graceMs: 50, signal: giveUp.signal });
  await readFile(pipe);
  giveUp.abort();
  await ended;
  assert.deepEqual(runningWith(seconds), []);
});

test('one that clears up at SIGTERM has its grace, and counts as stopped whatever its code', async (t) => {
  const root = new FakeRoot(t);
  const pipe = root.pipe('ready');
  const giveUp = new AbortController();
  const line = `trap 'echo cleared > ${root.path}/cleared; exit 0' TERM; echo ready > ${pipe}; while :; do sleep 0.01; done`;
  const ended = runShell(line, { ...patient, signal: giveUp.signal });
  await readFile(pipe);
  giveUp.abort();
  const end = await ended;
  assert.deepEqual([end.code, end.how], [undefined, 'given up']);
  assert.equal(root.read('cleared'), 'cleared\n');
});

test('nothing is run for a signal that has aborted already', async (t) => {
  const root = new FakeRoot(t);
  root.program('touch-it', 'true');
  const end = await runProgram(['touch-it'], {
    ...patient,
    env: root.env,
    signal: AbortSignal.abort(),
  });
  assert.deepEqual([end.code, end.how], [undefined, 'given up']);
  assert.throws(() => root.callsOf('touch-it'), /ENOENT/);
});

test('a command that leaves something in the background has ended when it exits', async (t) => {
  const root = new FakeRoot(t);
  const end = await runShell(`sleep 60 & echo $! > ${root.path}/pid; echo left`, patient);
  process.kill(Number(root.read('pid')), 'SIGKILL');
  assert.deepEqual([end.code, end.output], [0, 'left\n']);
});

test('a run leaves no timer, no listener and no pipe behind', async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const exits = process.listenerCount('exit');
  const ends = await Promise.all([
    runShell('exit 0', patient),
    runShell('sleep 60', { timeoutMs: 10 }),
    runProgram(['no-such-program'], patient),
  ]);
  assert.equal(ends.length, 3);
  const after = process.getActiveResourcesInfo();
  assert.equal(after.filter((name) => name === 'Timeout').length, before);
  assert.equal(process.listenerCount('exit'), exits);
});
