import type { AlarmsReply, Client } from '@lockstep/client';
import { type Context, print } from '../io.ts';
import { json } from '../output.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

/** `alarm list`: the alarms that are on. */
export async function alarmList(context: Context): Promise<number> {
  return tell(context, (client) => client.alarms());
}

/** `alarm disarm`: clears all alarms and prints those that were on. */
export async function alarmDisarm(context: Context): Promise<number> {
  return tell(context, (client) => client.disarm());
}

async function tell(
  context: Context,
  ask: (client: Client) => Promise<AlarmsReply>,
): Promise<number> {
  const { io, output } = context;
  return withClient(context, async (client) => {
    const reply = await ask(client);
    const rows = reply.alarms.map(({ memberId, alarm }) => [memberId, alarm.toUpperCase()]);
    if (output === 'json') await print(io, json(reply));
    else if (output === 'table') await print(io, await table(io, ['member', 'alarm'], rows));
    else for (const [id, alarm] of rows) await print(io, `memberID:${id} alarm:${alarm}\n`);
    return 0;
  });
}
