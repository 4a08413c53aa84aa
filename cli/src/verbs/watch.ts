import type { Client } from '@lockstep/client';
import { type Context, print } from '../io.ts';
import { json, refuseTable, watchLines } from '../output.ts';
import { type SelectionOptions, selection, wholeNumber } from '../selection.ts';
import { withClient } from '../session.ts';

export interface WatchOptions extends SelectionOptions {
  readonly rev?: string;
  readonly prevKv?: boolean;
  readonly keysOnly?: boolean;
  readonly progressNotify?: boolean;
  readonly filter?: 'noput' | 'nodelete';
  /** Further keys. */
  readonly also?: readonly string[];
}

/** `watch KEY [RANGE_END]`: prints events until Ctrl-C, through lost connections. */
export async function watch(
  context: Context,
  key: string,
  rangeEnd: string | undefined,
  options: WatchOptions,
): Promise<number> {
  refuseTable(context, 'watch');
  const { io, output } = context;
  const { prevKv = false, keysOnly = false, progressNotify = false } = options;
  const { filter, also = [] } = options;
  const [noPut, noDelete] = [filter === 'noput', filter === 'nodelete'];
  const ranges = [
    selection(key, rangeEnd, options),
    ...also.map((further) => selection(further, undefined, options)),
  ];
  const startRevision = wholeNumber(options.rev, '--rev');
  const stop = new AbortController();
  const release = io.onStop(() => stop.abort());
  const use = async (client: Client): Promise<number> => {
    // A watch waits for a member for ever; the first one should be there, or be missed aloud.
    await client.status(undefined, { signal: stop.signal });
    const { signal } = stop;
    const how = { startRevision, prevKv, keysOnly, noPut, noDelete, progressNotify };
    for await (const item of client.watch({ ranges, ...how, signal }).items()) {
      const { type, revision } = item;
      if (type === 'events') {
        const { events } = item;
        const batch = output === 'json' ? json({ revision, events }) : watchLines(item, keysOnly);
        await print(io, batch);
      } else if (type === 'progress') {
        const text = `progress notify: ${revision}\n`;
        await print(io, output === 'json' ? json({ progress: revision }) : text);
      }
    }
    return 0;
  };
  try {
    return await withClient(context, use, { learnEndpoints: true });
  } catch (error) {
    if (stop.signal.aborted) return 0;
    throw error;
  } finally {
    release();
  }
}
