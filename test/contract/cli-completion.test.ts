import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { Command } from 'commander';
import { pathOf } from '../../cli/src/grammar/grammar.ts';
import { processIo } from '../../cli/src/io.ts';
import { buildProgram } from '../../cli/src/program.ts';
import { lockstep } from '../harness/command.ts';

async function script(shell: string): Promise<string> {
  const { stdout, exitCode } = await lockstep(['completion', shell]);
  assert.equal(exitCode, 0);
  return stdout.toString();
}

function isThere(shell: string): boolean {
  return spawnSync(shell, ['--version']).error === undefined;
}

/** What bash completes the last word of each line to, asked in one real bash. */
async function completed(lines: readonly (readonly string[])[]): Promise<string[][]> {
  const ask = lines.map((words) => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); "$complete"; echo "\${COMPREPLY[*]}"`;
  });
  const whole = `${await script('bash')}
complete=$(complete -p lockstep | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
${ask.join('\n')}`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc'], {
    input: whole,
    encoding: 'utf8',
  });
  assert.deepEqual([stderr, status], ['', 0]);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').filter((word) => word !== ''));
}

test('a real bash completes verbs, their verbs, options, choices, files and commands', async () => {
  const rows: readonly (readonly [line: readonly string[], words: readonly string[]])[] = [
    [['lockstep', 'mo'], ['move-leader']],
    [
      ['lockstep', 'lease', ''],
      ['grant', 'keep-alive', 'timetolive', 'list', 'revoke'],
    ],
    [['lockstep', 'lease', 'gr'], ['grant']],
    [['lockstep', 'lease', 'grant', '10', '--i'], ['--id']],
    [['lockstep', 'get', 'a', '--pre'], ['--prefix']],
    [['lockstep', 'put', 'a', '--pre'], ['--prev-kv']],
    [['lockstep', 'get', '--time'], ['--timeout']],
    // A value is no verb, wherever it stands.
    [['lockstep', '--endpoints', 'lease', 'pu'], ['put']],
    [['lockstep', 'lease', 'grant', '--id', 'x', '--endpoints', 'y', '--i'], ['--id']],
    [['lockstep', '--endpoints', '=', 'lease', 'pu'], ['put']],
    // And what follows an option without a value is one.
    [['lockstep', '--help', 'lease', 'gr'], ['grant']],
    [
      ['lockstep', '-w', ''],
      ['simple', 'json', 'table'],
    ],
    [['lockstep', 'status', '--output', '=', 'j'], ['json']],
    [
      ['lockstep', 'status', '--output', '='],
      ['simple', 'json', 'table'],
    ],
    [['lockstep', '--output', '=', 'json', 'stat'], ['status']],
    [['lockstep', 'watch', 'a', '--filter', 'nod'], ['nodelete']],
    [
      ['lockstep', 'get', 'a', '--consistency', ''],
      ['l', 's'],
    ],
    [['lockstep', 'get', 'a', '--limit', ''], []],
    [
      ['lockstep', 'completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['lockstep', 'help', 'exit'], ['exit-codes']],
    [['lockstep', 'serve', '--config', '/etc/passw'], ['/etc/passwd']],
    [['lockstep', 'put', '--', '--'], []],
  ];
  const found = await completed(rows.map(([line]) => line));
  for (const [at, [line, words]] of rows.entries()) {
    const unique = [...new Set(found[at] ?? [])].filter((word) => !/passwd[^ ]/.test(word));
    assert.deepEqual(unique, words, line.join(' '));
  }
  const [commands = []] = await completed([['lockstep', 'watch', 'a', '--', 'ech']]);
  assert.ok(commands.includes('echo'));
});

test('every verb and every option is in the script of each shell', async () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  const commands = all(buildProgram(processIo).command);
  assert.ok(commands.length > 20);
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await script(shell);
    for (const command of commands) {
      assert.ok(text.includes(pathOf(command).join(' ')), `${shell}: ${command.name()}`);
      for (const { long } of command.options) {
        const flag = shell === 'fish' ? `-l ${long?.slice(2)} ` : long;
        assert.ok(text.includes(flag ?? ''), `${shell}: ${command.name()} ${long}`);
      }
    }
  }
});

test('each shell that is there finds its script well formed', async () => {
  const there = ['bash', 'zsh', 'fish'].filter(isThere);
  assert.ok(there.includes('bash'));
  for (const shell of there) {
    const { stderr, status } = spawnSync(shell, ['-n'], {
      input: await script(shell),
      encoding: 'utf8',
    });
    assert.deepEqual([stderr, status], ['', 0], shell);
  }
});
