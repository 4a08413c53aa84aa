import { inspectMutex, Mutex } from '@lockstep/locks';
import type { WordsAndCommand } from '../command-words.ts';
import { holderName } from '../holder-name.ts';
import type { Context } from '../io.ts';
import { takeTurn } from '../turn.ts';
import { type TurnOptions, wishOf } from '../turn-options.ts';

/** `lock NAME [-- CMD]`: waits for a lock, and runs a command under it or holds it until Ctrl-C. */
export async function lock(
  context: Context,
  words: WordsAndCommand,
  options: TurnOptions,
): Promise<number> {
  const wish = wishOf(context, 'lock', words, options);
  const { name, identity } = wish;
  return takeTurn(context, wish, {
    kind: 'LOCK',
    title: `the lock "${name}"`,
    nested: 'would wait for itself',
    in: (session) => new Mutex(session, name, { identity }),
    async look(client) {
      const { holder, waiting } = await inspectMutex(client, name);
      if (holder === undefined) return { who: 'somebody has just had it', keys: [] };
      const keys = [holder, ...waiting].map(({ key }) => key);
      return { who: `${holderName(holder)} has it`, keys };
    },
    standing: (position) => `${position} before`,
  });
}
