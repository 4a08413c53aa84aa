import { checkedName, inspectRwLock as queueOf, type RwLockHolder } from '@lockstep/locks';
import { exitCodes } from '../failure.ts';
import { type Fact, holderLines, holderTable } from '../holder-list.ts';
import { type Context, print } from '../io.ts';
import { json } from '../output.ts';
import { printable } from '../printable.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

/** `inspect rwlock NAME`: who reads or writes and who waits. */
export async function inspectRwLock(context: Context, name: string): Promise<number> {
  checkedName(name);
  const { io, output } = context;
  const queue = await withClient(context, (client) => queueOf(client, name));
  const { holders } = queue;
  if (output === 'json') {
    await print(io, json({ name, ...queue }));
  } else if (output === 'table') {
    const isFree = holders.length === 0;
    const free = (): Promise<string> => table(io, ['place'], [['free']]);
    await print(io, isFree ? await free() : await holderTable(io, queue, mode));
  } else {
    const shown = `the lock "${printable(Buffer.from(name))}"`;
    const how = holders[0]?.mode === 'write' ? 'held for writing:' : 'held for reading:';
    const first = `${shown} is ${holders.length === 0 ? 'free' : how}`;
    await print(io, `${[first, ...holderLines(queue, mode)].join('\n')}\n`);
  }
  return exitCodes.ok;
}

const mode: Fact<RwLockHolder> = { name: 'mode', of: (one) => one.mode };
