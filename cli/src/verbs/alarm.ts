import type { AlarmsReply, Client } from '@lockstep/client';
import { type Context, print } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { withClient } from '../session.ts';

/** `alarm list`: the alarms that are on. */
export async function alarmList(context: Context): Promise<number> {
  return tell(context, 'alarm list', (client) => client.alarms());
}

/** `alarm disarm`: clears all alarms and prints those that were on. */
export async function alarmDisarm(context: Context): Promise<number> {
  return tell(context, 'alarm disarm', (client) => client.disarm());
}

async function tell(
  context: Context,
  verb: string,
  ask: (client: Client) => Promise<AlarmsReply>,
): Promise<number> {
  refuseTable(context, verb);
  return withClient(context, async (client) => {
    const reply = await ask(client);
    const rows = reply.alarms.map(
      ({ memberId, alarm }) => `memberID:${memberId} alarm:${alarm.toUpperCase()}\n`,
    );
    await print(context.io, context.output === 'json' ? json(reply) : rows.join(''));
    return 0;
  });
}
