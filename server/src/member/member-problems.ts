import { nobody } from '../core/raft/types.ts';
import type { Member } from './member.ts';

/** In sentences, what is wrong with a member now. */
export function problemsOf({ links, chores, wal, joined, raft }: Member): string[] {
  const problems = [...links.problems(), ...chores.problems()];
  if (wal.warning !== undefined) problems.push(wal.warning);
  if (!joined) problems.push('waiting for the other members before it may vote');
  else if (raft.leader === nobody) problems.push('no leader is known');
  return problems;
}
