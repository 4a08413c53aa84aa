import { type Context, print } from '../io.ts';
import { json, refuseTable, watchLines } from '../output.ts';
import { type SelectionOptions, selection, wholeNumber } from '../selection.ts';
import { withClient } from '../session.ts';

export interface WatchOptions extends SelectionOptions {
  readonly rev?: string;
  readonly prevKv?: boolean;
}

/** `watch KEY [RANGE_END]`: prints events until Ctrl-C, through lost connections. */
export async function watch(
  context: Context,
  key: string,
  rangeEnd: string | undefined,
  options: WatchOptions,
): Promise<number> {
  refuseTable(context, 'watch');
  const { io } = context;
  const selector = selection(key, rangeEnd, options);
  const startRevision = wholeNumber(options.rev, '--rev');
  const stop = new AbortController();
  const release = io.onStop(() => stop.abort());
  const use = async (client: import('@lockstep/client').Client): Promise<number> => {
    // A watch waits for a member for ever; the first one should be there, or be missed aloud.
    await client.status(undefined, { signal: stop.signal });
    const { signal } = stop;
    const request = { ...selector, startRevision, prevKv: options.prevKv ?? false, signal };
    for await (const batch of client.watch(request).batches()) {
      await print(io, context.output === 'json' ? json(batch) : watchLines(batch));
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
