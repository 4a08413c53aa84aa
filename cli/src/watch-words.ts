import { UsageError } from './failure.ts';

/** What the words of `watch KEY [RANGE_END] [-- CMD...]` name. */
export interface WatchWords {
  readonly key: string;
  readonly rangeEnd: string | undefined;
  /** What to run for each event, if anything; never empty. */
  readonly command: readonly string[] | undefined;
}

/**
 * Parts the operands of `watch`, in which the first "--" is missing, by the whole command line. Without
 * a key before it, "--" says that the key begins with "-", and a command follows a second one.
 * @throws UsageError
 */
export function parted(operands: readonly string[], line: readonly string[]): WatchWords {
  const dashes = line.indexOf('--');
  if (dashes < 0) return checked(operands, undefined);
  const after = line.slice(dashes + 1);
  const before = operands.slice(0, operands.length - after.length);
  if (before.length > 0) return checked(before, after);
  const second = after.indexOf('--');
  return second < 0
    ? checked(after, undefined)
    : checked(after.slice(0, second), after.slice(second + 1));
}

function checked(keys: readonly string[], command: readonly string[] | undefined): WatchWords {
  const [key, rangeEnd, extra] = keys;
  if (key === undefined) throw new UsageError("watch needs a key; of all keys: '' --prefix");
  if (extra !== undefined) {
    throw new UsageError(
      `"${extra}" is too much: watch takes a key and a range end; further keys go after --also, a command after "--"`,
    );
  }
  if (command?.length === 0) throw new UsageError('there is no command after "--"');
  return { key, rangeEnd, command };
}
