import type { Entry } from '../core/raft/types.ts';

/** What an operator is told of a member, and how loudly. */
export const memberEventLevels = {
  joined: 'info',
  leader_elected: 'info',
  leader_lost: 'warn',
  became_leader: 'info',
  stepped_down: 'info',
  proposed_again: 'debug',
  snapshot_saved: 'info',
  snapshot_sent: 'info',
  snapshot_installed: 'info',
  compacted: 'info',
  alarm_raised: 'warn',
  alarm_cleared: 'info',
  hash_mismatch: 'error',
  peer_up: 'info',
  peer_down: 'warn',
  member_refused: 'warn',
  refused: 'warn',
  slow_disk: 'warn',
  cluster_version_raised: 'info',
  members_changed: 'info',
} as const satisfies Record<string, 'debug' | 'info' | 'warn' | 'error'>;

export type MemberEventName = keyof typeof memberEventLevels;

/** Something important that happened: a name to search for, a sentence to read, fields to filter by. */
export interface MemberEvent {
  readonly name: MemberEventName;
  readonly sentence: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface MemberEvents {
  happened(event: MemberEvent): void;
  /** The member stopped by itself; called once, after it closed. */
  failed(error: Error): void;
  /** For checkers: an entry was applied. */
  applied?(entry: Entry): void;
}
