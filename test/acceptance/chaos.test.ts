import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../harness/processes.ts';

const program = fileURLToPath(new URL('../chaos/run.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the tool as its users do, but in a directory of its own. */
async function chaos(
  t: TestContext,
  directory: string,
  ...args: readonly string[]
): Promise<Ended> {
  const tsx = import.meta.resolve('tsx');
  const node = ['--conditions=source', '--import', tsx, program, ...args];
  const child = spawn(process.execPath, node, { cwd: directory });
  t.after(() => child.kill('SIGTERM'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

/** The rows of one section of the table. */
function rows(output: string, title: string): Map<string, string> {
  const lines = output
    .slice(output.indexOf(`\n${title}`) + 1)
    .split('\n')
    .slice(1);
  const end = lines.findIndex((line) => !line.startsWith('  '));
  return new Map(
    lines.slice(0, end).map((line) => {
      const [what = '', value = ''] = line.trim().split(/ {2,}/);
      return [what, value];
    }),
  );
}

test('real processes bear every kind of harm that this machine allows, and all checkers are content with what clients saw', async (t) => {
  const { code, output } = await chaos(t, temporaryDirectory(), '--once', '--seed', '7');
  for (const line of output.split('\n')) t.diagnostic(line);
  assert.equal(code, 0, output);
  const done = rows(output, 'faults done');
  assert(done.size >= 18, `${done.size} kinds`);
  for (const [fault, count] of done) {
    if (count.startsWith('not here: ')) continue;
    assert(Number(count) >= 1, `${fault}: ${count}`);
  }
  const checks = rows(output, 'checks');
  assert(Number(checks.get('operations checked')) > 500, output);
  assert(Number(checks.get('writes acknowledged')) > 200, output);
  assert(Number.parseInt(checks.get('watch events checked') ?? '', 10) > 1_000, output);
  assert.equal(checks.get('acknowledged writes lost'), '0');
  assert.equal(checks.get('violations'), '0');
  assert(Number(rows(output, 'unavailable after a kill of the leader').get('measured')) >= 1);
});

test('a store that forgets what it acknowledged is found out, and the file of its history shows it again', async (t) => {
  const directory = temporaryDirectory();
  const { code, output } = await chaos(t, directory, '--seconds', '0', '--seed', '8', '--planted');
  assert.equal(code, 1, output);
  const [, line = ''] = output.match(/check it again with: npm run chaos -- --check (\S+)$/m) ?? [];
  assert.match(output, /^wrong: lost: .* acknowledged at revision \d+/m);
  assert.notEqual(rows(output, 'checks').get('acknowledged writes lost'), '0');
  assert.match(output, /^seed 8 failed/m);
  const again = await chaos(t, directory, '--check', join(directory, line));
  assert.equal(again.code, 1, again.output);
  assert.match(again.output, /^wrong: lost: /m);
});

test('bad input is refused with what would be right', async (t) => {
  const bad: readonly (readonly [readonly string[], RegExp])[] = [
    [['--minutes', 'ten'], /--minutes takes a whole number from 1 to \d+, not "ten"/],
    [['--minutes', '1', '--once'], /give one of --minutes, --seconds and --once/],
    [['--members', '1'], /--members takes 3 or 5, not "1"/],
    [['--check', 'nowhere.jsonl'], /cannot read a history: .*nowhere\.jsonl/],
    [['--forever'], /Unknown option '--forever'/],
  ];
  for (const [args, said] of bad) {
    const { code, output } = await chaos(t, temporaryDirectory(), ...args);
    assert.equal(code, 2, output);
    assert.match(output, said);
  }
});
