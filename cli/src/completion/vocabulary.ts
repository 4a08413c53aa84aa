import type { Argument, Command, Option } from 'commander';
import { pathOf } from '../grammar/grammar.ts';

/** What may stand where a value is asked for. */
export type Values =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  | { readonly kind: 'files' | 'directories' | 'any' };

export interface KnownOption {
  /** `-w`, `--output`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for an option that takes none. */
  readonly values: Values | undefined;
}

export interface Word {
  readonly name: string;
  readonly description: string;
}

/** A place in a command line: behind `lockstep`, `lockstep lease`, `lockstep lease grant` ... */
export interface Place {
  readonly path: readonly string[];
  /** The verbs that may follow. */
  readonly verbs: readonly Word[];
  /** Its own options. */
  readonly options: readonly KnownOption[];
  /** What its first operand may be. */
  readonly operand: Values;
  /** A command may follow after "--". */
  readonly runsCommand: boolean;
}

export interface Vocabulary {
  /** The first one is the program itself, whose options stand everywhere. */
  readonly places: readonly Place[];
}

/** Everything that a program takes. */
export function vocabulary(program: Command): Vocabulary {
  return { places: placesOf(program) };
}

function placesOf(command: Command): Place[] {
  const verbs = command.commands.flatMap((one) =>
    [one.name(), ...one.aliases()].map((name) => ({ name, description: one.summary() })),
  );
  const place: Place = {
    path: pathOf(command),
    verbs,
    options: [...command.options, ...helpOf(command)].map(known),
    operand: command.name() === 'help' ? choices(topicsOf(command)) : operandOf(command),
    runsCommand: command.registeredArguments.some((argument) => argument.name() === 'command'),
  };
  return [place, ...command.commands.flatMap(placesOf)];
}

/** Commander does not count its own option among the others. */
function helpOf(command: Command): Option[] {
  const help = command.createOption('-h, --help', 'print this help');
  return command.options.some((option) => option.long === '--help') ? [] : [help];
}

function topicsOf(help: Command): string[] {
  const verbs = help.parent?.commands.map((one) => one.name()) ?? [];
  return [...verbs, 'exit-codes', 'environment'];
}

function operandOf(command: Command): Values {
  const [first] = command.registeredArguments;
  return first?.argChoices === undefined ? { kind: 'any' } : choices(first.argChoices);
}

function known(option: Option): KnownOption {
  const flags = [option.short, option.long].filter((flag) => flag !== undefined);
  const takesValue = option.required || option.optional;
  return {
    flags,
    description: option.description,
    values: takesValue ? valuesOf(option) : undefined,
  };
}

function valuesOf({ argChoices, flags }: Option): Values {
  if (argChoices !== undefined) return choices(argChoices);
  if (flags.endsWith('<file>')) return { kind: 'files' };
  if (flags.endsWith('<directory>')) return { kind: 'directories' };
  return { kind: 'any' };
}

function choices(of: NonNullable<Argument['argChoices']>): Values {
  return { kind: 'choices', choices: of };
}
