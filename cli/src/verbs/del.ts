import { type Context, print } from '../io.ts';
import type { DelOptions } from '../key-verbs.ts';
import { deleted, json, refuseTable } from '../output.ts';
import { selection } from '../selection.ts';
import { withClient } from '../session.ts';

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
    await print(context.io, context.output === 'json' ? json(reply) : deleted(reply));
    return 0;
  });
}
