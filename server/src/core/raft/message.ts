import type { Entry, MemberId, SnapshotMeta } from './types.ts';

interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  /** The sender's term; in a pre-vote the term it would campaign for. */
  readonly term: number;
}

/** Candidate to voters: "may I lead?". `preVote` asks without raising anybody's term (thesis 9.6). */
export interface VoteRequest extends Envelope {
  readonly type: 'voteRequest';
  readonly preVote: boolean;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Set during a leadership transfer: voters do not hold the old leader's lease against it. */
  readonly transfer: boolean;
}

/** Voter to candidate. A granted pre-vote carries the term that was asked for, a refusal the voter's own. */
export interface VoteReply extends Envelope {
  readonly type: 'voteReply';
  readonly preVote: boolean;
  readonly granted: boolean;
  /**
   * What the voter knows to be committed, with the term there; absent for nothing. A candidate that
   * holds the entry learns it: else one that must leave, and knows more, could keep the rest from
   * ever hearing that it has left.
   */
  readonly committed?: { readonly index: number; readonly term: number };
}

/** Leader to a follower: entries after `prevIndex` (paper 5.3). */
export interface AppendRequest extends Envelope {
  readonly type: 'appendRequest';
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
}

/** Follower to leader, sent only when what it confirms is durable. */
export interface AppendReply extends Envelope {
  readonly type: 'appendReply';
  readonly success: boolean;
  /** On success: the last index known to match. On refusal: the `prevIndex` that did not fit. */
  readonly index: number;
  /** On refusal: the follower's best guess where the logs agree, with its term there (paper 5.3, end). */
  readonly hintIndex: number;
  readonly hintTerm: number;
}

/**
 * Leader to a follower that holds everything and has only a newer commit index to learn: unlike an
 * empty append it asks for no answer, which halves the messages of a cluster under steady load.
 */
export interface CommitNotice extends Envelope {
  readonly type: 'commitNotice';
  readonly commit: number;
}

/** Leader to everybody, each heartbeat interval; `round` numbers the newest ReadIndex round (thesis 6.4). */
export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat';
  readonly commit: number;
  readonly round: number;
}

export interface HeartbeatReply extends Envelope {
  readonly type: 'heartbeatReply';
  readonly round: number;
}

/**
 * Leader to a follower whose next entry is gone from the log. The core's message holds only the
 * meta; the host streams the state beside it and delivers the message when all of it arrived.
 */
export interface InstallSnapshot extends Envelope {
  readonly type: 'installSnapshot';
  readonly snapshot: SnapshotMeta;
}

/** Follower to leader: please append these for me. */
export interface ForwardedProposal extends Envelope {
  readonly type: 'forwardedProposal';
  /** The follower's number for the batch: no other batch of any of its lives has it. */
  readonly batch: number;
  readonly payloads: readonly Uint8Array[];
}

/** Leader (or who is not one) to follower: the batch was not appended and never will be. */
export interface ProposalDropped extends Envelope {
  readonly type: 'proposalDropped';
  readonly batch: number;
  readonly reason: DropReason;
}

/** Why a proposal was not appended. */
export type DropReason = 'no_leader' | 'too_many_requests' | 'transferring';

/** Follower to leader: what index must I have applied to answer a linearizable read? */
export interface ReadIndexRequest extends Envelope {
  readonly type: 'readIndexRequest';
  readonly context: number;
}

export interface ReadIndexReply extends Envelope {
  readonly type: 'readIndexReply';
  readonly context: number;
  readonly index: number;
}

/** Follower to leader: hand leadership to `target` (thesis 3.10). */
export interface TransferRequest extends Envelope {
  readonly type: 'transferRequest';
  readonly target: MemberId;
}

/** Leader to the transfer's target: start an election at once. */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeoutNow';
}

export type Message =
  | VoteRequest
  | VoteReply
  | AppendRequest
  | AppendReply
  | CommitNotice
  | Heartbeat
  | HeartbeatReply
  | InstallSnapshot
  | ForwardedProposal
  | ProposalDropped
  | ReadIndexRequest
  | ReadIndexReply
  | TransferRequest
  | TimeoutNow;

/** A message without its envelope, as the roles write it; the core fills in the rest. */
export type Body<M extends Message = Message> = M extends Message
  ? Omit<M, 'from' | 'to' | 'term'>
  : never;
