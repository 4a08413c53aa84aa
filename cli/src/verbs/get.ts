import { UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { json, lines, pair, refuseTable } from '../output.ts';
import { type SelectionOptions, selection, wholeNumber } from '../selection.ts';
import { withClient } from '../session.ts';

export interface GetOptions extends SelectionOptions {
  readonly keysOnly?: boolean;
  readonly printValueOnly?: boolean;
  readonly countOnly?: boolean;
  readonly limit?: string;
  readonly rev?: string;
  readonly consistency?: string;
}

/** `get KEY [RANGE_END]`: each pair on two lines; nothing at all when there is none. */
export async function get(
  context: Context,
  key: string,
  rangeEnd: string | undefined,
  options: GetOptions,
): Promise<number> {
  refuseTable(context, 'get');
  const { keysOnly = false, printValueOnly = false, countOnly = false } = options;
  if (keysOnly && printValueOnly) {
    throw new UsageError('--keys-only and --print-value-only exclude each other');
  }
  const selector = selection(key, rangeEnd, options);
  const limit = wholeNumber(options.limit, '--limit');
  const revision = wholeNumber(options.rev, '--rev');
  const serializable = options.consistency === 's';
  return withClient(context, async (client) => {
    const range = { limit, revision, serializable, keysOnly, countOnly };
    const reply = await client.range(selector, range);
    if (context.output === 'json') await print(context.io, json(reply));
    else if (countOnly) await print(context.io, `${reply.count}\n`);
    else {
      for (const kv of reply.kvs) {
        if (keysOnly) await print(context.io, lines([kv.keyBytes]));
        else if (printValueOnly) await print(context.io, lines([kv.valueBytes]));
        else await print(context.io, pair(kv));
      }
    }
    return 0;
  });
}
