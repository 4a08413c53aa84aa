import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Command } from 'commander';
import { exitCodes } from '../../cli/src/failure.ts';
import { pathOf } from '../../cli/src/grammar/grammar.ts';
import { processIo } from '../../cli/src/io.ts';
import { buildProgram } from '../../cli/src/program.ts';
import { lockstep } from '../harness/command.ts';

const readme = readFileSync(new URL('../../cli/README.md', import.meta.url), 'utf8');

async function help(...words: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await lockstep(['help', ...words]);
  assert.deepEqual([stderr, exitCode], ['', 0]);
  return stdout.toString();
}

test('help exit-codes and the README list the exit codes that there are', async () => {
  const codes = Object.values(exitCodes).map(String);
  const listed = [...(await help('exit-codes')).matchAll(/^ {2}(\d+) {2}\S/gm)];
  assert.deepEqual(
    listed.map(([, code]) => code),
    codes,
  );
  const rows = [...readme.matchAll(/^\| (\d+) +\|/gm)];
  assert.deepEqual(
    rows.map(([, code]) => code),
    codes,
  );
});

test('help of a verb is what its --help prints, for verbs of verbs as well', async () => {
  for (const words of [['put'], ['lease'], ['lease', 'grant'], ['endpoint', 'health'], []]) {
    const { stdout } = await lockstep([...words, '--help']);
    assert.equal(await help(...words), stdout.toString());
  }
});

test('the program tells its verbs by task, and each verb its examples and the shared options', async () => {
  const whole = await help();
  for (const part of [
    /^Read, write and watch keys:\n {2}put <key> \[value\] +write a key$/m,
    /^Look after the cluster:\n {2}endpoint /m,
    /^Examples:\n {2}# a member; .*\n {2}lockstep serve\n {2}lockstep put hello etcd$/m,
    /LOCKSTEP_ENDPOINTS names the members/,
    /"lockstep help exit-codes"/,
  ]) {
    assert.match(whole, part);
  }
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  for (const command of all(buildProgram(processIo).command).slice(1)) {
    const text = await help(...pathOf(command));
    assert.match(text, /^ {2}--timeout <duration> .* \(default 5s\)$/m, command.name());
    assert.ok(Math.max(...text.split('\n').map((line) => line.length)) <= 100, command.name());
  }
});

test('the environment is told in help', async () => {
  const text = await help('environment');
  for (const name of ['LOCKSTEP_ENDPOINTS', 'LOCKSTEP_CONFIG', 'LOCKSTEP_DATA_DIR', 'NO_COLOR']) {
    assert.ok(text.includes(name), name);
  }
});

test('every verb is in the table of the README', () => {
  const verbs = (command: Command): string[] =>
    command.commands.length === 0
      ? [pathOf(command).join(' ')]
      : command.commands.flatMap((one) => verbs(one));
  for (const verb of verbs(buildProgram(processIo).command)) {
    const row = new RegExp(`^\\| .*\`${verb}( [^\`]*)?\``, 'm');
    assert.match(readme, row, verb);
  }
});
