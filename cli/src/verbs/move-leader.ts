import { UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { withClient } from '../session.ts';

/** `move-leader MEMBER`: hands leadership to the member with this name or id. */
export async function moveLeader(context: Context, target: string): Promise<number> {
  refuseTable(context, 'move-leader');
  return withClient(context, async (client) => {
    const members = await client.members();
    const member = members.find(({ name, memberId }) => name === target || memberId === target);
    if (member === undefined) {
      const known = members.map(({ name, memberId }) => `${name} (${memberId})`).join(', ');
      throw new UsageError(`there is no member "${target}"; the members are ${known}`);
    }
    await client.moveLeader(member.memberId);
    const { io, output } = context;
    const line = `leadership moved to ${member.name} (${member.memberId})\n`;
    await print(io, output === 'json' ? json({ leaderId: member.memberId }) : line);
    return 0;
  });
}
