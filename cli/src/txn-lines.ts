import {
  type Compare,
  type CompareOperator,
  compare,
  type DeleteOutcome,
  type Operation,
  op,
  type PutOutcome,
  type RangeOutcome,
} from '@lockstep/client';
import { arrayFromBytes, type ByteString } from '@lockstep/client/protocol';
import { Command, CommanderError } from 'commander';
import { UsageError } from './failure.ts';
import {
  type DelOptions,
  type GetOptions,
  type PutOptions,
  putOptions,
  rangeOptions,
  withDelOptions,
  withGetOptions,
  withPutOptions,
} from './key-verbs.ts';
import { leaseId } from './lease-id.ts';
import { selection } from './selection.ts';
import { goString, shown, skipBlanks, words } from './txn-words.ts';

/** One line of a transaction that does something, and what is needed to print its answer. */
export type Step =
  | { readonly name: 'put'; readonly operation: Operation<PutOutcome> }
  | { readonly name: 'deleteRange'; readonly operation: Operation<DeleteOutcome> }
  | {
      readonly name: 'range';
      readonly operation: Operation<RangeOutcome>;
      readonly options: GetOptions;
    };

const targetNames = [
  ['version', 'ver'],
  ['create', 'c'],
  ['mod', 'm'],
  ['value', 'val'],
  ['lease', 'lease'],
] as const;
const condition = /^(\w+)\s*\(\s*(?=")/;
const operators: readonly string[] = ['=', '!=', '<', '>'] satisfies CompareOperator[];
const example = 'write for example mod("key1") > "0"';

/**
 * A condition as etcdctl has it: `mod("key1") > "0"`, with version, create, mod, value or lease.
 * @throws UsageError
 */
export function parseCompare(line: string): Compare {
  const head = condition.exec(line);
  if (head === null) throw new UsageError(`${line} is no comparison: ${example}`);
  const name = head[1] ?? '';
  const target = targetNames.find((names) => names.some((known) => known === name))?.[0];
  if (target === undefined) {
    throw new UsageError(`"${name}" is none of version, create, mod, value and lease: ${example}`);
  }
  const key = goString(line, head[0].length);
  let at = skipBlanks(line, key.end);
  if (line[at] !== ')') throw new UsageError(`after the key there must be ")": ${example}`);
  at = skipBlanks(line, at + 1);
  const operator = /^[^\s"\w]*/.exec(line.slice(at))?.[0] ?? '';
  if (!isOperator(operator)) {
    throw new UsageError(`"${operator}" is none of = != < and >: ${example}`);
  }
  at = skipBlanks(line, at + operator.length);
  if (line[at] !== '"') throw new UsageError(`what to compare with must be in quotes: ${example}`);
  const operand = goString(line, at);
  if (skipBlanks(line, operand.end) < line.length) {
    throw new UsageError(`"${line.slice(operand.end).trim()}" is too much: ${example}`);
  }
  return made(target, arrayFromBytes(key.bytes), operator, operand.bytes);
}

function isOperator(text: string): text is CompareOperator {
  return operators.includes(text);
}

function made(
  target: (typeof targetNames)[number][0],
  key: Uint8Array,
  operator: CompareOperator,
  operand: ByteString,
): Compare {
  switch (target) {
    case 'version':
      return compare.version(key, operator, number(operand, target));
    case 'create':
      return compare.createRevision(key, operator, number(operand, target));
    case 'mod':
      return compare.modRevision(key, operator, number(operand, target));
    case 'value':
      return compare.value(key, operator, arrayFromBytes(operand));
    case 'lease':
      return compare.lease(key, operator, leaseId(shown(operand), 'the lease'));
  }
}

function number(operand: ByteString, target: string): number {
  if (/^\d+$/.test(operand)) return Math.min(Number(operand), Number.MAX_SAFE_INTEGER);
  throw new UsageError(
    `"${shown(operand)}" is no ${target}: it must be a whole number, 0 or more, in quotes`,
  );
}

/** `put`, `get` or `del` with the options that the verb has. @throws UsageError */
export function parseStep(line: string): Step {
  const [verb = '', ...args] = words(line);
  let step: Step | undefined;
  const command = new Command('').exitOverride().configureOutput({ outputError: () => {} });
  command.helpOption(false).helpCommand(false);
  withPutOptions(command.command('put <key> [value]')).action(
    (key: ByteString, value: ByteString | undefined, options: PutOptions) => {
      step = { name: 'put', operation: put(key, value, options) };
    },
  );
  withGetOptions(command.command('get <key> [range_end]')).action(
    (key: ByteString, end: ByteString | undefined, options: GetOptions) => {
      const operation = op.range(selectionOf(key, end, options), rangeOptions(options));
      step = { name: 'range', operation, options };
    },
  );
  withDelOptions(command.command('del <key> [range_end]')).action(
    (key: ByteString, end: ByteString | undefined, options: DelOptions) => {
      const { prevKv = false } = options;
      const operation = op.delete(selectionOf(key, end, options), { prevKv });
      step = { name: 'deleteRange', operation };
    },
  );
  for (const one of command.commands) one.helpOption(false).exitOverride();
  if (!command.commands.some((one) => one.name() === verb)) {
    throw new UsageError(`"${shown(verb as ByteString)}" is none of put, get and del`);
  }
  try {
    command.parse([verb, ...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(error.message.replace(/^error: /, ''));
  }
  if (step === undefined) throw new UsageError(`${line} cannot be read`);
  return step;
}

function put(
  key: ByteString,
  value: ByteString | undefined,
  given: PutOptions,
): Operation<PutOutcome> {
  const options = putOptions(given, value !== undefined);
  const { ignoreValue, ...rest } = options;
  if (ignoreValue) return op.put(arrayFromBytes(key), undefined, { ...rest, ignoreValue });
  if (value === undefined) {
    throw new UsageError('put needs a key and a value, or --ignore-value');
  }
  return op.put(arrayFromBytes(key), arrayFromBytes(value), rest);
}

function selectionOf(
  key: ByteString,
  end: ByteString | undefined,
  options: GetOptions,
): ReturnType<typeof selection> {
  const rangeEnd = end === undefined ? undefined : arrayFromBytes(end);
  return selection(arrayFromBytes(key), rangeEnd, options);
}
