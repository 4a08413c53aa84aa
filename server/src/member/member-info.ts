import type { MemberInfo } from '@lockstep/client/protocol';
import type { MemberTable } from '../core/member-table.ts';
import { isVoter } from '../core/raft/membership.ts';
import type { Membership } from '../core/raft/types.ts';

/** The members as clients are told of them, sorted by id. */
export function memberInfos(
  members: MemberTable,
  { membership }: { readonly membership: Membership },
): MemberInfo[] {
  return members.list().map(({ memberId, name, clientAddress, peerAddress, promotion }) => ({
    memberId,
    name,
    clientAddress,
    peerAddress,
    isLearner: !isVoter(membership, memberId),
    ...(promotion === undefined ? {} : { promotes: true }),
    ...(promotion === undefined || promotion.replaces === ''
      ? {}
      : { replaces: promotion.replaces }),
  }));
}
