import {
  checkedName,
  type PermitHolder,
  type SemaphoreState,
  inspectSemaphore as stateOf,
} from '@lockstep/locks';
import { exitCodes } from '../failure.ts';
import { type Fact, holderLines, holderTable } from '../holder-list.ts';
import { type Context, type Io, print } from '../io.ts';
import { json } from '../output.ts';
import { printable } from '../printable.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

/** `inspect semaphore NAME`: its limit, who has permits and who waits. */
export async function inspectSemaphore(context: Context, name: string): Promise<number> {
  checkedName(name);
  const { io, output } = context;
  const state = await withClient(context, (client) => stateOf(client, name));
  if (output === 'json') await print(io, json({ name, ...state }));
  else if (output === 'table') await print(io, await tables(io, state));
  else await print(io, sentences(name, state));
  return exitCodes.ok;
}

const weight: Fact<PermitHolder> = { name: 'weight', of: (one) => String(one.weight) };

/** The limit, and below it everybody who has a permit or waits for one, if there is anybody. */
async function tables(io: Io, state: SemaphoreState): Promise<string> {
  const { limit, declared, inUse, holders, waiting } = state;
  const head = ['limit', 'declared', 'in use', 'holders', 'waiting'];
  const counts = [limit, declared, inUse, holders.length, waiting.length].map(String);
  const limits = await table(io, head, [counts]);
  const nobody = holders.length === 0 && waiting.length === 0;
  return nobody ? limits : limits + (await holderTable(io, state, weight));
}

function sentences(name: string, state: SemaphoreState): string {
  const { limit, declared, inUse, holders } = state;
  const rows = [`the semaphore "${printable(Buffer.from(name))}": ${inUse} of ${limit} in use`];
  if (limit === 0) rows.push('  a pause: nobody is let in until the limit is raised');
  if (declared !== limit) rows.push(`  programs declare ${declared}; it was resized since`);
  if (holders.length > 0) rows.push(`${holders.length} holding:`);
  return `${[...rows, ...holderLines(state, weight)].join('\n')}\n`;
}
