import { withCommand } from './command-words.ts';
import { UsageError } from './failure.ts';

/** What the words of `watch KEY [RANGE_END] [-- CMD...]` name. */
export interface WatchWords {
  readonly key: string;
  readonly rangeEnd: string | undefined;
  /** What to run for each event, if anything; never empty. */
  readonly command: readonly string[] | undefined;
}

/** Parts the operands of `watch` by the whole command line; see {@link withCommand}. @throws UsageError */
export function parted(operands: readonly string[], line: readonly string[]): WatchWords {
  const { operands: keys, command } = withCommand(operands, line);
  return checked(keys, command);
}

function checked(keys: readonly string[], command: readonly string[] | undefined): WatchWords {
  const [key, rangeEnd, extra] = keys;
  if (key === undefined) throw new UsageError("watch needs a key; of all keys: '' --prefix");
  if (extra !== undefined) {
    throw new UsageError(
      `"${extra}" is too much: watch takes a key and a range end; further keys go after --also, a command after "--"`,
    );
  }
  return { key, rangeEnd, command };
}
