import type { Member } from './member/member.ts';

/** Hands leadership to the voter that is furthest, if this member leads and there is one. */
export function handOver(member: Member): Promise<void> {
  const { raft } = member;
  const followers = [...(raft.progress?.values() ?? [])]
    .filter(({ member: id }) => id !== raft.id && raft.membership.voters.includes(id))
    .filter(({ member: id }) => member.links.peer(id)?.isUp === true)
    .sort((left, right) => right.match - left.match);
  const target = followers[0];
  if (raft.role !== 'leader' || target === undefined) return Promise.resolve();
  return new Promise((resolve) => member.moveLeader(target.member, () => resolve()));
}
