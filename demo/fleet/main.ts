// npm run demo:fleet: two updates of a fleet of nine hosts, in real processes on this machine.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LiveView } from './live-view.ts';
import { quickPace, usualPace } from './plan.ts';
import { reportOf, verdictOf } from './report.ts';
import { faultsOf, type Result, resultOf } from './result.ts';
import { Scene } from './scene.ts';
import { type Story, tell } from './story.ts';
import { Terminal } from './terminal.ts';

const usage = `Usage: npm run demo:fleet -- [options]

Three members of the store and nine hosts in three groups, each a process of its own, behind one proxy per group under
steady load. First an update that works, while the store's leader is killed; then one that breaks the app on the
second host that gets it. Exit code 1 when a request failed, or more hosts were down than may be.

  --quick           shorter waits
  --without-limits  let all hosts go down at once, to see that the counts notice (one story, fails)
  --help            this text
`;

interface Options {
  readonly quick: boolean;
  readonly limited: boolean;
}

const good: Story = { version: '2', isBad: false, killsLeader: true };
const bad: Story = { version: '3', isBad: true, killsLeader: false };

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  if (options === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }
  // Nobody reads any more: a pipe or a terminal that was closed.
  process.stdout.on('error', (error) => stop.abort(error));
  process.stderr.on('error', () => {});
  const terminal = new Terminal(process.stdout);
  try {
    const line = await play(options, terminal, stop.signal);
    terminal.say(line.text);
    return line.isKept ? 0 : 1;
  } catch (error) {
    terminal.clear();
    const { aborted: isStopped, reason } = stop.signal;
    process.stderr.write(`demo:fleet FAILED: ${messageOf(isStopped ? reason : error)}\n`);
    return isStopped ? 130 : 1;
  }
}

/** @returns undefined when only the usage is asked for. @throws TypeError when there are others. */
function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      'without-limits': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  return { quick: values.quick === true, limited: values['without-limits'] !== true };
}

/** Whatever happens, no process and no file is left. */
async function play(
  { quick, limited }: Options,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly isKept: boolean }> {
  const began = performance.now();
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-demo-'));
  const pace = quick ? quickPace : usualPace;
  const scene = await Scene.plan({ directory, pace, limited, signal });
  const results: Result[] = [];
  try {
    terminal.say('Three members of the store and nine hosts are started.\n');
    await scene.start();
    for (const story of limited ? [good, bad] : [good]) {
      terminal.say(`${titleOf(story)}\n`);
      const view = new LiveView(terminal, scene);
      const course = await tell(story, scene, view, signal);
      terminal.clear();
      const result = resultOf(story, course, scene);
      results.push(result);
      for (const line of reportOf(result)) terminal.say(line);
    }
  } finally {
    await scene.stop();
    await rm(directory, { recursive: true, force: true });
  }
  const isKept = results.every((result) => faultsOf(result).length === 0);
  return { text: verdictOf(results, performance.now() - began), isKept };
}

function titleOf({ isBad, version }: Story): string {
  return isBad
    ? `Story two: version ${version} breaks the app on the second host that gets it.`
    : `Story one: version ${version} works, and the store's leader is killed on the way.`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
