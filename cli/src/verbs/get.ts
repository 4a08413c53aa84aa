import { type Client, LockstepError, type WatchSelector } from '@lockstep/client';
import { exitCodes, UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { type GetOptions, rangeOptions } from '../key-verbs.ts';
import { found, json, refuseTable } from '../output.ts';
import { selection } from '../selection.ts';
import { withClient } from '../session.ts';

export interface GetVerbOptions extends GetOptions {
  readonly watch?: boolean;
}

/** `get KEY [RANGE_END]`: each pair on two lines; nothing at all when there is none. */
export async function get(
  context: Context,
  key: string,
  rangeEnd: string | undefined,
  options: GetVerbOptions,
): Promise<number> {
  // What is wrong with the options is said before anything is done.
  rangeOptions(options);
  const selector = selection(key, rangeEnd, options);
  if (options.watch === true) return getAndWatch(context, selector, options);
  return withClient(context, async (client) => {
    await printRange(context, client, selector, options);
    return exitCodes.ok;
  });
}

/** Prints what is there at one revision, and then what happens from the next one on. */
async function getAndWatch(
  context: Context,
  selector: WatchSelector,
  options: GetVerbOptions,
): Promise<number> {
  refuseTable(context, 'get --watch');
  for (const [flag, given] of [
    ['--limit', options.limit],
    ['--count-only', options.countOnly],
    ['--print-value-only', options.printValueOnly],
  ] as const) {
    if (given === undefined) continue;
    throw new UsageError(`--watch and ${flag} exclude each other: an event may not fit ${flag}`);
  }
  const { printEvents, untilStopped } = await import('./watch.ts');
  return untilStopped(context, async (client, signal) => {
    const revision = await printRange(context, client, selector, options, signal);
    const { keysOnly = false } = options;
    // Progress keeps compaction from overtaking a watch to which nothing happens.
    const how = { startRevision: revision + 1, keysOnly, progressNotify: true, signal };
    await printEvents(context, client, { ...selector, ...how });
    return exitCodes.ok;
  });
}

/** @returns the revision of what was printed. */
async function printRange(
  context: Context,
  client: Client,
  selector: WatchSelector,
  options: GetOptions,
  signal?: AbortSignal,
): Promise<number> {
  const { io, output } = context;
  const range = rangeOptions(options);
  const until = signal === undefined ? {} : { signal };
  try {
    const reply = await client.range(selector, { ...range, ...until });
    if (output === 'json') await print(io, json(reply));
    else if (output === 'table') {
      const { foundTable } = await import('../found-table.ts');
      await print(io, await foundTable(io, reply, options));
    } else await print(io, found(reply, options));
    return range.revision > 0 ? range.revision : reply.header.revision;
  } catch (error) {
    const large = error instanceof LockstepError && error.code === 'answer_too_large';
    if (!large || !canScan(context, range)) throw error;
    return scan(context, client, selector, options, until);
  }
}

/** A scan comes in the order of keys, and nothing of it is known before the last chunk. */
function canScan({ output }: Context, range: ReturnType<typeof rangeOptions>): boolean {
  const { sortOrder, sortTarget } = range;
  return output === 'simple' && sortTarget === 'key' && sortOrder !== 'descend';
}

async function scan(
  { io }: Context,
  client: Client,
  selector: WatchSelector,
  options: GetOptions,
  until: { readonly signal?: AbortSignal },
): Promise<number> {
  const { limit, revision, serializable, keysOnly } = rangeOptions(options);
  const range = { limit, revision, serializable, keysOnly, ...until };
  const reading = client.scan(selector, range);
  for await (const kvs of reading.chunks()) {
    await print(io, found({ kvs, count: kvs.length }, options));
  }
  // Known since the first chunk, of which there is at least one.
  return reading.revision ?? revision;
}
