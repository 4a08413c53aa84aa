/** A member's id: a 64-bit number as a decimal string. '' stands for nobody. */
export type MemberId = string;
export const nobody: MemberId = '';

/** What an entry's payload is: a command of the state machine (empty for a new leader's first entry), or a membership change. */
export type EntryKind = 'command' | 'membership';

/** One slot of the replicated log. Immutable. */
export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  readonly payload: Uint8Array;
}

/** What must be durable before a member answers for it (paper, figure 2: persistent state). */
export interface HardState {
  readonly term: number;
  /** Who got this member's vote in `term`; '' for nobody. */
  readonly vote: MemberId;
  /** A lower bound of what is committed: the memberships up to here are in force after a restart. */
  readonly commit: number;
}

/**
 * Who takes part. Outside a joint change `outgoing` is empty. While it is not, every decision needs
 * a majority of `voters` *and* of `outgoing` (paper section 6). Lists are sorted.
 */
export interface Membership {
  readonly voters: readonly MemberId[];
  readonly outgoing: readonly MemberId[];
  readonly learners: readonly MemberId[];
  /** Voters of `outgoing` that become learners when the joint change is left. */
  readonly learnersNext: readonly MemberId[];
  /** Leave the joint configuration as soon as it is committed. */
  readonly autoLeave: boolean;
}

/** Where a snapshot of the state stands in the log. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  /** The membership in force at `index`. */
  readonly membership: Membership;
}

/** What an entry costs besides its payload, roughly, in memory and in messages. */
export const entryOverheadBytes = 32;

export function entryBytes(entry: Entry): number {
  return entry.payload.length + entryOverheadBytes;
}
