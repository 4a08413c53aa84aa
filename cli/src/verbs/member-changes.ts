import type { Client } from '@lockstep/client';
import type { MemberInfo } from '@lockstep/client/protocol';
import { UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { withClient } from '../session.ts';

export interface MemberAddOptions {
  readonly peerAddress: string;
  readonly learner?: boolean;
}

export interface MemberReplaceOptions {
  readonly peerAddress?: string;
  readonly name?: string;
}

/** `member add NAME`: adds a member and prints how to start it. */
export async function memberAdd(
  context: Context,
  name: string,
  { peerAddress, learner = false }: MemberAddOptions,
): Promise<number> {
  refuseTable(context, 'member add');
  checkName(name);
  return withClient(context, async ({ cluster }) => {
    const rival = (await cluster.members()).find((member) => member.name === name);
    if (rival !== undefined) {
      throw new UsageError(
        `there is a member ${name} already (${rival.memberId}): choose another name, or put a new ` +
          `one in its place with "lockstep member replace ${name}"`,
      );
    }
    const result = await cluster.add({ peerAddress, learner });
    const { memberId } = result.member;
    const fate = learner
      ? `it stays a learner until "lockstep member promote ${name}"`
      : 'it begins as a learner, and votes when it has caught up';
    const said = `member ${name} (${memberId}) is added: ${fate}`;
    return tell(context, result, `${said}\n${howToStart(name, result.member, result.members)}`);
  });
}

/** `member replace MEMBER`: adds a member that takes the place of another. */
export async function memberReplace(
  context: Context,
  target: string,
  options: MemberReplaceOptions,
): Promise<number> {
  refuseTable(context, 'member replace');
  return withClient(context, async ({ cluster }) => {
    const old = await find(cluster, target);
    const { peerAddress = old.peerAddress, name = old.name } = options;
    checkName(name);
    const result = await cluster.replace(old.memberId, peerAddress);
    const others = result.members.filter(({ memberId }) => memberId !== old.memberId);
    const said =
      `member ${name} (${result.member.memberId}) is added: it takes the place of ` +
      `${old.name} (${old.memberId}) when it has caught up`;
    return tell(context, result, `${said}\n${howToStart(name, result.member, others)}`);
  });
}

/** `member remove MEMBER`. */
export async function memberRemove(context: Context, target: string): Promise<number> {
  refuseTable(context, 'member remove');
  return withClient(context, async ({ cluster }) => {
    const { memberId } = await find(cluster, target);
    return tell(
      context,
      await cluster.remove(memberId),
      `member ${target} (${memberId}) is removed\n`,
    );
  });
}

/** `member update MEMBER`: where it is reached. */
export async function memberUpdate(
  context: Context,
  target: string,
  { peerAddress }: { readonly peerAddress: string },
): Promise<number> {
  refuseTable(context, 'member update');
  return withClient(context, async ({ cluster }) => {
    const { memberId } = await find(cluster, target);
    const result = await cluster.update(memberId, peerAddress);
    return tell(
      context,
      result,
      `member ${target} (${memberId}) is at ${peerAddress} from now on\n`,
    );
  });
}

/** `member promote MEMBER`: makes a voter of a learner. */
export async function memberPromote(context: Context, target: string): Promise<number> {
  refuseTable(context, 'member promote');
  return withClient(context, async ({ cluster }) => {
    const { memberId } = await find(cluster, target);
    return tell(
      context,
      await cluster.promote(memberId),
      `member ${target} (${memberId}) votes now\n`,
    );
  });
}

async function tell({ io, output }: Context, result: object, text: string): Promise<number> {
  await print(io, output === 'json' ? json(result) : text);
  return 0;
}

/** The member of that name, id or peer address; one that was never started has no name. */
async function find(cluster: Client['cluster'], target: string): Promise<MemberInfo> {
  const members = await cluster.members();
  const found = members.filter(({ name, memberId, peerAddress }) =>
    [name, memberId, peerAddress].includes(target),
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const known = (found.length === 0 ? members : found)
    .map(({ name, memberId, peerAddress }) => `${name || peerAddress} (${memberId})`)
    .join(', ');
  throw new UsageError(
    found.length === 0
      ? `there is no member "${target}"; the members are ${known}`
      : `"${target}" is more than one member: ${known}; name it by its id`,
  );
}

/** The name is only printed here; the member itself would refuse a bad one, on another machine. */
function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new UsageError(
    `the name is "${name}"; it must be letters, digits, ".", "_" and "-", at most 64, beginning with a ` +
      'letter or digit',
  );
}

/** The settings of the new member, as a shell or an environment file reads them. */
function howToStart(name: string, added: MemberInfo, members: readonly MemberInfo[]): string {
  const others = members
    .filter((member) => member.memberId !== added.memberId && member.name !== '')
    .map((member) => `${member.name}=${member.peerAddress}`);
  const list = [...others, `${name}=${added.peerAddress}`].join(',');
  return `
Start it on its machine with an empty data directory, and these settings of "lockstep serve":

LOCKSTEP_NAME="${name}"
LOCKSTEP_PEER_LISTEN="${added.peerAddress}"
LOCKSTEP_INITIAL_CLUSTER="${list}"
LOCKSTEP_INITIAL_CLUSTER_STATE="existing"
`;
}
