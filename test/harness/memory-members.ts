import { type MemberId, type MemberInfo, TableError } from '@lockstep/client/protocol';
import type { MemberAdded, MemberAddRequest, MemberChanged } from '../../server/src/store.ts';

const only: MemberInfo = {
  memberId: '7',
  name: 'a',
  clientAddress: '',
  peerAddress: '',
  isLearner: false,
};

/** A cluster of one member, which takes every change for done and shows it in its answer only. */
export const memoryMembers = {
  list: (): readonly MemberInfo[] => [only],

  add({ peerAddress, learner }: MemberAddRequest): MemberAdded {
    const member = { memberId: '8', name: '', clientAddress: '', peerAddress, isLearner: true };
    const added = learner ? member : { ...member, promotes: true };
    return { member: added, members: [only, added] };
  },

  remove(id: MemberId): MemberChanged {
    checkId(id);
    throw new TableError('not_enough_started_members');
  },

  update(id: MemberId, peerAddress: string): MemberChanged {
    checkId(id);
    return { members: [{ ...only, peerAddress }] };
  },

  promote(id: MemberId): MemberChanged {
    checkId(id);
    throw new TableError('not_a_learner');
  },

  replace(id: MemberId, peerAddress: string): MemberAdded {
    const { member, members } = memoryMembers.add({ peerAddress, learner: false });
    return { member: { ...member, replaces: id }, members };
  },
};

/** @throws TableError `member_not_found`. */
function checkId(id: MemberId): void {
  if (id !== only.memberId) throw new TableError('member_not_found');
}
