import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type Harm, harms, planOf, type SimPlan } from './plan.ts';

/** What is built on the store, by the names of `worlds.ts`. */
export const worldNames = ['locks', 'elections', 'fleet'] as const;

export type WorldName = (typeof worldNames)[number];

/** What `npm run sim` was asked to do. */
export type SimCommand =
  | { readonly type: 'replay'; readonly plan: SimPlan; readonly timeline: string | undefined }
  | {
      readonly type: 'swarm';
      readonly first: number;
      readonly seeds: number;
      readonly minutes: number;
      readonly changes: Partial<SimPlan>;
      readonly workers: number;
    }
  | {
      readonly type: 'world';
      readonly world: WorldName;
      readonly first: number;
      readonly seeds: number;
      readonly minutes: number;
    }
  | { readonly type: 'planted'; readonly names: readonly string[]; readonly workers: number };

/** A command line that says nothing that can be done; the message says what would be right. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

export const usage = `npm run sim -- --seed N [--timeline FILE.html]      replays one seed, with its trace
npm run sim -- --seeds COUNT | --minutes M [--from N]   runs many, on all cores
npm run sim -- --world ${worldNames.join('|')} --seeds COUNT | --minutes M [--from N]   the same for what is built on the store
npm run sim -- --planted [NAME...]                      breaks the production code, and demands that it is noticed
with --seed, --seeds and --minutes also:
  --without ${harms.map(wordOf).join(',')}
  --torment MS      how long harm is done, in simulated time
  --clients N       how many clients there are
with --seeds, --minutes and --planted also:
  --workers N       processes at a time`;

const seedsWithoutWords = 100;
const workersMax = 64;
const clientsMax = 100;
/** Longer runs have more events than a run may have. */
const tormentMsMax = 600_000;
const unbounded = 1_000_000_000;

const options = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  minutes: { type: 'string' },
  from: { type: 'string' },
  without: { type: 'string' },
  torment: { type: 'string' },
  clients: { type: 'string' },
  timeline: { type: 'string' },
  planted: { type: 'boolean' },
  world: { type: 'string' },
  workers: { type: 'string' },
} as const;

type Name = keyof typeof options;

const allowedWith: Readonly<Record<SimCommand['type'], readonly Name[]>> = {
  replay: ['seed', 'without', 'torment', 'clients', 'timeline'],
  swarm: ['seeds', 'minutes', 'from', 'without', 'torment', 'clients', 'workers'],
  world: ['world', 'seeds', 'minutes', 'from'],
  planted: ['planted', 'workers'],
};

/**
 * Reads the words after `npm run sim --`.
 *
 * @throws {OptionError} for an unknown option, a value out of range, options that do not go together.
 */
export function parseSimOptions(words: readonly string[]): SimCommand {
  const { values, positionals } = parsed(words);
  const type = typeOf(values);
  for (const name of Object.keys(values) as Name[]) {
    if (!allowedWith[type].includes(name)) throw new OptionError(misplaced(name, type));
  }
  const [stray] = positionals;
  if (type !== 'planted' && stray !== undefined) {
    throw new OptionError(`"${stray}" belongs to no option; options begin with --`);
  }
  const number = (name: Name, least: number, most: number, otherwise: number): number => {
    const text = values[name];
    return typeof text === 'string' ? wholeNumber(name, text, { least, most }) : otherwise;
  };
  const workers = number('workers', 1, workersMax, availableParallelism());
  if (type === 'planted') return { type, names: positionals, workers };
  const changes: Partial<SimPlan> = {
    ...(values.without === undefined ? {} : { without: harmsOf(values.without) }),
    ...(values.torment === undefined ? {} : { tormentMs: number('torment', 1, tormentMsMax, 0) }),
    ...(values.clients === undefined ? {} : { clients: number('clients', 1, clientsMax, 0) }),
  };
  if (type === 'replay') {
    const seed = number('seed', 0, Number.MAX_SAFE_INTEGER, 0);
    return { type, plan: planOf(seed, changes), timeline: htmlFile(values.timeline) };
  }
  const byTime = values.minutes !== undefined && values.seeds === undefined;
  const many = {
    first: number('from', 0, Number.MAX_SAFE_INTEGER - unbounded, 1),
    seeds: number('seeds', 1, unbounded, byTime ? unbounded : seedsWithoutWords),
    minutes: number('minutes', 1, 100_000, 100_000),
  };
  if (type === 'world') return { type, world: worldOf(values.world ?? ''), ...many };
  return { type, ...many, changes, workers };
}

function typeOf(values: Readonly<Partial<Record<Name, string | boolean>>>): SimCommand['type'] {
  if (values.planted === true) return 'planted';
  if (values.world !== undefined) return 'world';
  return values.seed === undefined ? 'swarm' : 'replay';
}

function worldOf(name: string): WorldName {
  const world = worldNames.find((one) => one === name);
  if (world !== undefined) return world;
  throw new OptionError(`--world takes one of ${worldNames.join(', ')}, not "${name}"`);
}

/** The one line that replays a plan; what is as always is not said. */
export function commandOf(plan: SimPlan): string {
  const usual = planOf(plan.seed);
  const words = [`--seed ${plan.seed}`];
  if (plan.without.length > 0) words.push(`--without ${plan.without.map(wordOf).join(',')}`);
  if (plan.tormentMs !== usual.tormentMs) words.push(`--torment ${plan.tormentMs}`);
  if (plan.clients !== usual.clients) words.push(`--clients ${plan.clients}`);
  return `npm run sim -- ${words.join(' ')}`;
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true });
  } catch (error) {
    throw new OptionError((error as Error).message);
  }
}

/** What tells that this is asked for. */
const signs: Readonly<Record<SimCommand['type'], string>> = {
  replay: '--seed',
  swarm: '--seeds or --minutes',
  world: '--world',
  planted: '--planted',
};

function misplaced(name: Name, type: SimCommand['type']): string {
  const right = (Object.keys(allowedWith) as SimCommand['type'][])
    .filter((one) => allowedWith[one].includes(name))
    .map((one) => signs[one]);
  return `--${name} goes with ${right.join(' or ')}, not with ${signs[type]}`;
}

function wholeNumber(name: string, text: string, range: { least: number; most: number }): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.least && value <= range.most) return value;
  throw new OptionError(
    `--${name} takes a whole number from ${range.least} to ${range.most}, not "${text}"`,
  );
}

/** Names of harm have spaces; on a command line they are written with dashes. */
function wordOf(harm: Harm): string {
  return harm.replaceAll(' ', '-');
}

function harmsOf(text: string): Harm[] {
  const chosen = text.split(',').map((word) => {
    const harm = harms.find((one) => wordOf(one) === word.trim().replaceAll(' ', '-'));
    if (harm !== undefined) return harm;
    throw new OptionError(
      `--without takes kinds of harm with commas between, not "${word}": ${harms.map(wordOf).join(', ')}`,
    );
  });
  return harms.filter((harm) => chosen.includes(harm));
}

function htmlFile(path: string | undefined): string | undefined {
  if (path === undefined || /\.html?$/.test(path)) return path;
  throw new OptionError(`--timeline takes the name of a file that ends in .html, not "${path}"`);
}
