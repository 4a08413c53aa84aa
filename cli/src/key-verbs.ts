/** The options of put, get and del: the same on the command line and in the lines of a transaction. */
import type {
  PutOptions as ClientPut,
  RangeOptions,
  SortOrder,
  SortTarget,
} from '@lockstep/client';
import { type Command, Option } from 'commander';
import { UsageError } from './failure.ts';
import { leaseId } from './lease-id.ts';
import { type SelectionOptions, wholeNumber } from './selection.ts';

export interface PutOptions {
  readonly prevKv?: boolean;
  readonly lease?: string;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

export interface GetOptions extends SelectionOptions {
  readonly keysOnly?: boolean;
  readonly printValueOnly?: boolean;
  readonly countOnly?: boolean;
  readonly limit?: string;
  readonly rev?: string;
  readonly order?: string;
  readonly sortBy?: string;
  readonly consistency?: string;
}

export interface DelOptions extends SelectionOptions {
  readonly prevKv?: boolean;
}

const orders: Readonly<Record<string, SortOrder>> = { ASCEND: 'ascend', DESCEND: 'descend' };
const targets: Readonly<Record<string, SortTarget>> = {
  CREATE: 'create',
  KEY: 'key',
  MODIFY: 'mod',
  VALUE: 'value',
  VERSION: 'version',
};

export function withPutOptions(command: Command): Command {
  return command
    .option('--prev-kv', 'print the pair as it was before')
    .option('--lease <id>', 'attach the key to this lease')
    .option('--ignore-value', 'keep the value that the key has')
    .option('--ignore-lease', 'keep the lease that the key has');
}

export function withGetOptions(command: Command): Command {
  return withSelection(command)
    .option('--keys-only', 'print keys only, one per line')
    .option('--print-value-only', 'print values only')
    .option('--count-only', 'print the number of keys')
    .option('--limit <count>', 'at most so many keys')
    .option('--order <order>', 'ASCEND or DESCEND')
    .option('--sort-by <target>', 'CREATE, KEY, MODIFY, VALUE or VERSION')
    .option('--rev <revision>', 'as it was at this revision')
    .addOption(
      new Option('--consistency <level>', 'l: linearizable; s: from the member at hand, at once')
        .choices(['l', 's'])
        .default('l'),
    );
}

export function withDelOptions(command: Command): Command {
  return withSelection(command).option('--prev-kv', 'print the deleted pairs');
}

export function withSelection(command: Command): Command {
  return command
    .option('--prefix', 'all keys that start with the key')
    .option('--from-key', 'all keys from the key on');
}

/** @throws UsageError */
export function putOptions(
  options: PutOptions,
  hasValue: boolean,
): ClientPut & { ignoreValue: boolean } {
  const { lease, ignoreValue = false, ignoreLease = false, prevKv = false } = options;
  if (ignoreValue && hasValue) {
    throw new UsageError('a value and --ignore-value exclude each other: give one of them');
  }
  if (ignoreLease && lease !== undefined) {
    throw new UsageError('--lease and --ignore-lease exclude each other: give one of them');
  }
  return {
    prevKv,
    ignoreValue,
    ignoreLease,
    ...(lease === undefined ? {} : { lease: leaseId(lease, '--lease') }),
  };
}

type ReadRange = Required<
  Pick<
    RangeOptions,
    'limit' | 'revision' | 'serializable' | 'keysOnly' | 'countOnly' | 'sortOrder' | 'sortTarget'
  >
>;

/** @throws UsageError */
export function rangeOptions(options: GetOptions): ReadRange {
  const { keysOnly = false, printValueOnly = false, countOnly = false } = options;
  const shapes = [
    ...(keysOnly ? ['--keys-only'] : []),
    ...(printValueOnly ? ['--print-value-only'] : []),
    ...(countOnly ? ['--count-only'] : []),
  ];
  if (shapes.length > 1) {
    throw new UsageError(`${shapes.join(' and ')} exclude each other: give one of them`);
  }
  return {
    limit: wholeNumber(options.limit, '--limit'),
    revision: wholeNumber(options.rev, '--rev'),
    serializable: options.consistency === 's',
    keysOnly,
    countOnly,
    sortOrder: named(orders, options.order, '--order') ?? 'none',
    sortTarget: named(targets, options.sortBy, '--sort-by') ?? 'key',
  };
}

function named<Value>(
  values: Readonly<Record<string, Value>>,
  given: string | undefined,
  flag: string,
): Value | undefined {
  if (given === undefined) return undefined;
  const name = given.toUpperCase();
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value !== undefined) return value;
  throw new UsageError(
    `${flag} is "${given}"; it must be ${Object.keys(values)
      .join(', ')
      .replace(/, (?=\w+$)/, ' or ')}`,
  );
}
