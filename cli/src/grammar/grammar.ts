import type { Command } from 'commander';
import type { Context } from '../io.ts';

/** What the parts of the command line need to hang their verbs into it. */
export interface Grammar {
  readonly program: Command;
  /** What all verbs share, as the command line gave it. */
  readonly context: () => Context;
  /** Runs a verb and keeps its exit code. */
  readonly run: (verb: Promise<number>) => Promise<void>;
}

/**
 * Adds lines that can be typed as they are, each with a comment above, to the help of a verb. A test
 * types every one of them.
 */
export function withExamples(command: Command, examples: string): Command {
  const lines = examples.trim().split('\n');
  return command.addHelpText(
    'after',
    `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  );
}

/** The whole command line as it was typed: commander drops the first "--", and only this knows where it was. */
export function typedLine(command: Command): readonly string[] {
  let top = command;
  while (top.parent !== null) top = top.parent;
  return (top as Command & { readonly rawArgs: readonly string[] }).rawArgs;
}

/** `lease grant`, without the name of the program. */
export function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}

/** What a user types to read the help of a command. */
export function helpCommandOf(command: Command): string {
  return ['lockstep', ...pathOf(command), '--help'].join(' ');
}
