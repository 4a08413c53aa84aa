import { UsageError } from './failure.ts';

export interface WordsAndCommand {
  readonly operands: readonly string[];
  /** What to run, if anything; never empty. */
  readonly command: readonly string[] | undefined;
}

/**
 * Parts the operands of a verb that may run a command, in which the first "--" is missing, by the whole
 * command line. Without an operand before it, "--" says that the operand begins with "-", and a command
 * follows a second one.
 * @throws UsageError when nothing follows the "--" of a command.
 */
export function withCommand(operands: readonly string[], line: readonly string[]): WordsAndCommand {
  const dashes = line.indexOf('--');
  if (dashes < 0) return { operands, command: undefined };
  const after = line.slice(dashes + 1);
  const before = operands.slice(0, operands.length - after.length);
  if (before.length > 0) return { operands: before, command: checked(after) };
  const second = after.indexOf('--');
  if (second < 0) return { operands: after, command: undefined };
  return { operands: after.slice(0, second), command: checked(after.slice(second + 1)) };
}

function checked(command: readonly string[]): readonly string[] {
  const [file = ''] = command;
  if (file === '') throw new UsageError('there is no command after "--"');
  return command;
}
