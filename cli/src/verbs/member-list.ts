import { type Context, print } from '../io.ts';
import { json } from '../output.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

export interface MemberListOptions {
  readonly consistency: string;
}

/** `member list`: who belongs to the cluster. */
export async function memberList(
  context: Context,
  { consistency }: MemberListOptions,
): Promise<number> {
  const members = await withClient(context, (client) =>
    consistency === 's' ? client.members() : client.cluster.members(),
  );
  const rows = members.map((member) => [
    member.memberId,
    member.name === '' || member.clientAddress === '' ? 'not started' : 'started',
    member.name,
    member.peerAddress,
    member.clientAddress,
    member.isLearner ? 'learner' : 'voter',
  ]);
  const { io, output } = context;
  if (output === 'json') await print(io, json(members));
  else if (output === 'table') {
    await print(
      io,
      await table(io, ['id', 'state', 'name', 'peer address', 'client address', 'kind'], rows),
    );
  } else for (const row of rows) await print(io, `${row.join(', ')}\n`);
  return 0;
}
