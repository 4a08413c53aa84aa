import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { Operation, SystemName } from './model.ts';

export const usage = `npm run bench -- [options]

  --members 1|3          only this cluster size (default: both)
  --only put|get|watch|locks
                         only this part (default: all)
  --clients N            only this number of clients (default: 1, 100 and 500); of workers, where
                         locks are taken (default: 1 and 50)
  --system lockstep|etcd|redis
                         only this system (default: all, interleaved; Redis takes locks only)
  --keys N               walk round N keys instead of one; h2load, which repeats one request, is
                         then left out (default: 1)
  --http                 also Lockstep's HTTP door, driven by h2load
  --puts-under-way N     watch: puts sent and not yet delivered to all (default: 1, then 10)
  --seconds S            measured time of each run (default: 5)
  --warm-up S            time before it, under the same load (default: 2)
  --runs N               runs of each row; the table has the median (default: 3)
  --quick                the same as --runs 1 --seconds 2 --warm-up 1
  --profile              CPU-profile the Lockstep members, and the driver that takes locks (figures are
                         then not comparable)
  --data-root DIR        where the data directories go (default: the system's temporary directory)
  --json FILE            write everything that was measured there
`;

/** What the command line asks for, checked. */
export interface Options {
  readonly members: readonly number[];
  readonly operations: readonly Operation[];
  readonly quick: boolean;
  readonly clients: number | undefined;
  readonly systems: readonly SystemName[];
  readonly keys: number;
  readonly http: boolean;
  readonly putsUnderWay: readonly number[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly runs: number;
  readonly profile: boolean;
  readonly dataRoot: string;
  readonly json: string | undefined;
  readonly help: boolean;
}

/** @throws Error that says which option is wrong and what it takes. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      members: { type: 'string' },
      only: { type: 'string' },
      clients: { type: 'string' },
      system: { type: 'string' },
      keys: { type: 'string', default: '1' },
      http: { type: 'boolean', default: false },
      'puts-under-way': { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      'data-root': { type: 'string', default: tmpdir() },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const parts = oneOf('--only', values.only, ['put', 'get', 'watch', 'locks'] as const);
  const quick = values.quick;
  const clients = values.clients;
  const underWay = values['puts-under-way'];
  return {
    members: oneOf('--members', values.members, ['1', '3']).map(Number),
    operations: parts.map((part) => (part === 'locks' ? 'lock' : part)),
    clients: clients === undefined ? undefined : whole('--clients', clients, 1, 10_000),
    systems: oneOf('--system', values.system, ['etcd', 'lockstep', 'redis'] as const),
    quick,
    keys: whole('--keys', values.keys, 1, 100_000),
    http: values.http,
    putsUnderWay: underWay === undefined ? [1, 10] : [whole('--puts-under-way', underWay, 1, 10)],
    seconds: whole('--seconds', values.seconds ?? (quick ? '2' : '5'), 1, 600),
    warmUpSeconds: whole('--warm-up', values['warm-up'] ?? (quick ? '1' : '2'), 0, 60),
    runs: whole('--runs', values.runs ?? (quick ? '1' : '3'), 1, 100),
    profile: values.profile,
    dataRoot: values['data-root'],
    json: values.json,
    help: values.help,
  };
}

function oneOf<Choice extends string>(
  name: string,
  value: string | undefined,
  choices: readonly Choice[],
): readonly Choice[] {
  if (value === undefined) return choices;
  const found = choices.filter((choice) => choice === value);
  if (found.length === 0) throw new Error(`${name} takes ${choices.join(' or ')}, not "${value}"`);
  return found;
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`${name} takes a whole number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}
