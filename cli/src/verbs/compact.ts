import { type Context, print } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { wholeNumber } from '../selection.ts';
import { withClient } from '../session.ts';

export interface CompactOptions {
  readonly physical?: boolean;
}

/** `compact REVISION`: drops the history below it. */
export async function compact(
  context: Context,
  given: string,
  { physical = false }: CompactOptions,
): Promise<number> {
  refuseTable(context, 'compact');
  const revision = wholeNumber(given, 'the revision', 1);
  return withClient(context, async (client) => {
    const reply = await client.compact(revision, { physical });
    const { io, output } = context;
    await print(io, output === 'json' ? json(reply) : `compacted revision ${revision}\n`);
    return 0;
  });
}
