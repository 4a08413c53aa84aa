/**
 * Real processes under real harm, and everything that clients saw of it given to the checkers:
 *
 *   npm run chaos -- --minutes 10 [--seed N] [--members 3]
 *   npm run chaos -- --check FILE
 */
import { parseArgs } from 'node:util';
import { chaos } from './chaos.ts';
import { readRecording, writeRecording } from './history-file.ts';
import { endWithParent, type Inside, runInside } from './namespaces.ts';
import { faults, missing } from './nemesis.ts';
import { slowness, table } from './report.ts';
import { findTools, type Tools } from './tools.ts';
import { judge } from './verdict.ts';

const usage = `npm run chaos -- [--minutes M | --seconds S | --once] [--seed N] [--members 3] [--rate 300] [--history FILE] [--planted]
npm run chaos -- --check FILE`;

const options = {
  minutes: { type: 'string' },
  seconds: { type: 'string' },
  /** Each kind of harm once, each for a short time. */
  once: { type: 'boolean', default: false },
  seed: { type: 'string' },
  members: { type: 'string', default: '3' },
  /** Calls in a second, of all clients together. */
  rate: { type: 'string', default: '300' },
  /** Write the history there, whatever it shows. */
  history: { type: 'string' },
  /** Check what such a file holds, and run nothing. */
  check: { type: 'string' },
  /** Do at the end what the checkers must find. */
  planted: { type: 'boolean', default: false },
  /** Set by this program for itself. */
  inside: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Values = ReturnType<typeof parse>;

/** What `--once` may take at most. */
const onceSecondsMax = 180;

class UsageError extends Error {}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text !== '' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
}

async function main(args: readonly string[]): Promise<number> {
  const values = parse(args);
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (values.check !== undefined) return check(values.check);
  const plan = planOf(values);
  if (values.inside === undefined) {
    // The seed is chosen once, so that both have the same.
    return runInside(values.seed === undefined ? [...args, '--seed', String(plan.seed)] : args);
  }
  endWithParent();
  const inside: Inside = values.inside === 'namespaces' ? 'namespaces' : 'group';
  return run(plan, findTools(inside === 'namespaces'));
}

function planOf(values: Values) {
  const { minutes, seconds, once } = values;
  if ([minutes !== undefined, seconds !== undefined, once].filter(Boolean).length > 1) {
    throw new UsageError('give one of --minutes, --seconds and --once');
  }
  if (!/^[35]$/.test(values.members)) {
    throw new UsageError(`--members takes 3 or 5, not "${values.members}": fewer bear no harm`);
  }
  return {
    isOnce: once,
    seconds: once
      ? onceSecondsMax
      : seconds === undefined
        ? 60 * wholeNumber('minutes', minutes ?? '10', 1, 24 * 60)
        : wholeNumber('seconds', seconds, 0, 86_400),
    seed:
      values.seed === undefined
        ? Date.now() % 1_000_000
        : wholeNumber('seed', values.seed, 0, 2 ** 32 - 1),
    members: Number(values.members),
    rate: wholeNumber('rate', values.rate, 1, 5_000),
    file: values.history,
    isPlanted: values.planted,
  };
}

async function run(plan: ReturnType<typeof planOf>, tools: Tools): Promise<number> {
  const began = performance.now();
  const print = (line: string): void => {
    const at = ((performance.now() - began) / 1_000).toFixed(1);
    console.log(`${at.padStart(6)} s  ${line}`);
  };
  const long = plan.isOnce ? 'of each kind once' : `for ${plan.seconds} s`;
  print(`seed ${plan.seed}: harm ${long} on ${plan.members} members`);
  const result = await chaos({ ...plan, tools, print });
  const verdict = judge(result);
  const takenSeconds = (performance.now() - began) / 1_000;
  console.log(`\n${table(result, tools, verdict, takenSeconds)}\n`);
  // One outage says nothing about the median, and all of a short run may fall into a busy moment of the machine.
  const slow = plan.isOnce ? [] : slowness(result);
  const wrong = [...result.failures, ...verdict.violations, ...slow, ...lacks(tools)];
  const file = plan.file ?? (wrong.length > 0 ? `chaos-history-${plan.seed}.jsonl` : undefined);
  if (file !== undefined) writeRecording(file, result);
  for (const what of wrong) console.log(`wrong: ${what}`);
  if (wrong.length > 0) {
    console.log(
      `seed ${plan.seed} failed; its harm is drawn from the seed, but real processes do not run twice alike`,
    );
  }
  if (file !== undefined) console.log(`check it again with: npm run chaos -- --check ${file}`);
  return wrong.length > 0 ? 1 : 0;
}

/** Where everything must be tried, a tool that is missing is an error, if it could be there. */
function lacks(tools: Tools): string[] {
  if (!/^(?!false$)./.test(process.env.CI ?? '')) return [];
  return faults.flatMap((fault) => {
    const why = missing(fault, tools);
    return why?.canBeInstalled === true ? [`${fault.name}: ${why.missing}`] : [];
  });
}

async function check(file: string): Promise<number> {
  const recording = await readRecording(file).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot read a history: ${why}`);
  });
  const verdict = judge(recording);
  for (const what of verdict.violations) console.log(`wrong: ${what}`);
  console.log(
    `seed ${recording.seed}: ${verdict.checked} operations and ${verdict.watchEvents} watch events checked, ` +
      `${verdict.lost} of ${verdict.acknowledged} acknowledged writes lost, ${verdict.violations.length} violations`,
  );
  return verdict.violations.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n${usage}`);
  process.exitCode = 2;
}
if (process.connected) process.disconnect();
