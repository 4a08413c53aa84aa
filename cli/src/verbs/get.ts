import { type Client, LockstepError, type WatchSelector } from '@lockstep/client';
import { type Context, print } from '../io.ts';
import { type GetOptions, rangeOptions } from '../key-verbs.ts';
import { found, json, refuseTable } from '../output.ts';
import { selection } from '../selection.ts';
import { withClient } from '../session.ts';

/** `get KEY [RANGE_END]`: each pair on two lines; nothing at all when there is none. */
export async function get(
  context: Context,
  key: string,
  rangeEnd: string | undefined,
  options: GetOptions,
): Promise<number> {
  refuseTable(context, 'get');
  const range = rangeOptions(options);
  const selector = selection(key, rangeEnd, options);
  return withClient(context, async (client) => {
    try {
      const reply = await client.range(selector, range);
      const text = context.output === 'json' ? json(reply) : found(reply, options);
      await print(context.io, text);
    } catch (error) {
      const large = error instanceof LockstepError && error.code === 'answer_too_large';
      if (!large || !canScan(context, range)) throw error;
      await scan(context, client, selector, options);
    }
    return 0;
  });
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
): Promise<void> {
  const { limit, revision, serializable, keysOnly } = rangeOptions(options);
  const range = { limit, revision, serializable, keysOnly };
  for await (const kvs of client.scan(selector, range).chunks()) {
    await print(io, found({ kvs, count: kvs.length }, options));
  }
}
