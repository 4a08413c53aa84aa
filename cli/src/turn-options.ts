import { checkedName } from '@lockstep/locks';
import type { WordsAndCommand } from './command-words.ts';
import { UsageError } from './failure.ts';
import type { Context } from './io.ts';
import { type LockTimeOptions, type LockTimes, lockTimes } from './lock-times.ts';
import { ourIdentity } from './our-identity.ts';
import { refuseTable } from './output.ts';
import { durationMs } from './selection.ts';

export interface TurnOptions extends LockTimeOptions {
  readonly wait?: string;
  readonly try?: boolean;
  readonly identity?: string;
}

/** What was asked for, checked. */
export interface Wish {
  readonly name: string;
  readonly command: readonly string[] | undefined;
  readonly times: LockTimes;
  readonly patience: WaitTime;
  readonly tries: boolean;
  readonly identity: string;
}

export interface WaitTime {
  /** Undefined for as long as it takes. */
  readonly waitMs: number | undefined;
  /** As it was given, for messages. */
  readonly wait: string | undefined;
}

/** What a timer of Node can wait: some 24 days. */
const timerMsMax = 2 ** 31 - 1;

/** What `VERB NAME [-- CMD]` asks for. @throws UsageError; InvalidError when the name is none. */
export function wishOf(
  context: Context,
  verb: string,
  { operands, command }: WordsAndCommand,
  options: TurnOptions,
): Wish {
  const [name = '', extra] = operands;
  checkUse(context, verb, { name, extra, command });
  const { wait, try: tries = false, identity = ourIdentity() } = options;
  if (tries && wait !== undefined) {
    throw new UsageError('--wait and --try exclude each other: give one of them');
  }
  const patience = waitTime(wait);
  const times = lockTimes(options, command !== undefined);
  return { name, command, times, patience, tries, identity };
}

/** @throws UsageError when there is a word too many, or no such output; InvalidError when the name is none. */
export function checkUse(
  context: Context,
  verb: string,
  given: {
    readonly name: string;
    readonly extra: string | undefined;
    readonly command: readonly string[] | undefined;
  },
): void {
  const { name, extra, command } = given;
  if (extra !== undefined) {
    throw new UsageError(`"${extra}" is too much: a command goes after "--"`);
  }
  checkedName(name);
  if (command === undefined) refuseTable(context, verb);
  else if (context.output !== 'simple') {
    throw new UsageError(
      `--output ${context.output} and a command exclude each other: a command prints itself`,
    );
  }
}

/** @throws UsageError when it is no duration. */
export function waitTime(wait: string | undefined): WaitTime {
  const waitMs = wait === undefined ? undefined : Math.min(durationMs(wait, '--wait'), timerMsMax);
  return { wait, waitMs };
}
