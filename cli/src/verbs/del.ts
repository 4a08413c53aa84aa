import { type Context, print } from '../io.ts';
import { json, pair, refuseTable } from '../output.ts';
import { type SelectionOptions, selection } from '../selection.ts';
import { withClient } from '../session.ts';

export interface DelOptions extends SelectionOptions {
  readonly prevKv?: boolean;
}

/** `del KEY [RANGE_END]`: prints how many keys were deleted. */
export async function del(
  context: Context,
  key: string,
  rangeEnd: string | undefined,
  options: DelOptions,
): Promise<number> {
  refuseTable(context, 'del');
  const selector = selection(key, rangeEnd, options);
  return withClient(context, async (client) => {
    const reply = await client.delete(selector, { prevKv: options.prevKv ?? false });
    if (context.output === 'json') await print(context.io, json(reply));
    else {
      await print(context.io, `${reply.deleted}\n`);
      for (const kv of reply.prevKvs) await print(context.io, pair(kv));
    }
    return 0;
  });
}
