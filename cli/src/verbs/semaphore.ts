import {
  checkedName,
  inspectSemaphore,
  resizeSemaphore,
  Semaphore,
  type SemaphoreState,
} from '@lockstep/locks';
import type { WordsAndCommand } from '../command-words.ts';
import { exitCodes } from '../failure.ts';
import { holderName } from '../holder-name.ts';
import { type Context, print } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { printable } from '../printable.ts';
import { wholeNumber } from '../selection.ts';
import { withClient } from '../session.ts';
import { takeTurn } from '../turn.ts';
import { type TurnOptions, wishOf } from '../turn-options.ts';

export interface PermitOptions extends TurnOptions {
  readonly limit?: string;
  readonly weight?: string;
}

/** `semaphore acquire NAME [-- CMD]`: waits for a permit, and runs a command with it or holds it until Ctrl-C. */
export async function semaphoreAcquire(
  context: Context,
  words: WordsAndCommand,
  options: PermitOptions,
): Promise<number> {
  const weight = wholeNumber(options.weight ?? '1', '--weight', 1);
  const declared =
    options.limit === undefined ? {} : { limit: wholeNumber(options.limit, '--limit') };
  const wish = wishOf(context, 'semaphore acquire', words, options);
  const { name, identity } = wish;
  return takeTurn(context, wish, {
    kind: 'SEMAPHORE',
    title: `a permit of ${weight === 1 ? '' : `weight ${weight} of `}"${name}"`,
    nested: 'would hold one while it waits for another: take both at once, with --weight',
    in: (session) => new Semaphore(session, name, { ...declared, weight, identity }),
    async look(client) {
      const state = await inspectSemaphore(client, name);
      const keys = [...state.holders, ...state.waiting].map(({ key }) => key);
      // Whoever has just waited may still be counted among those who do.
      const others = wish.tries ? state.waiting.length : 0;
      return { who: whoHas(state, others), keys };
    },
    standing: (position) => `place ${position} in line`,
  });
}

const namedMax = 3;

function whoHas({ limit, inUse, holders }: SemaphoreState, waiting: number): string {
  const names = holders.slice(0, namedMax).map(holderName);
  if (holders.length > namedMax) names.push(`${holders.length - namedMax} more`);
  return [
    limit === 0 ? 'the limit is 0, a pause' : `${inUse} of ${limit} in use`,
    ...(names.length === 0 ? [] : [`held by ${names.join(', ')}`]),
    ...(waiting === 0 ? [] : [`${waiting} waiting`]),
  ].join('; ');
}

/** `semaphore resize NAME LIMIT`: changes the limit in force, whoever holds permits meanwhile. */
export async function semaphoreResize(
  context: Context,
  name: string,
  given: string,
): Promise<number> {
  refuseTable(context, 'semaphore resize');
  checkedName(name);
  const limit = wholeNumber(given, 'the limit');
  const { io, output } = context;
  await withClient(context, (client) => resizeSemaphore(client, name, limit));
  const line = `${printable(Buffer.from(name))}: limit ${limit}\n`;
  await print(io, output === 'json' ? json({ name, limit }) : line);
  return exitCodes.ok;
}
