import { Random } from '../base/random.ts';
import { RaftLog } from './log.ts';
import { isVoter } from './membership.ts';
import type { Body, DropReason, ForwardedProposal, Message } from './message.ts';
import type { FlowLimits } from './progress.ts';
import type { ReadState } from './ready.ts';
import {
  type Entry,
  type HardState,
  type MemberId,
  type Membership,
  nobody,
  type SnapshotMeta,
} from './types.ts';

export interface RaftOptions extends FlowLimits {
  readonly id: MemberId;
  /** Seeds the randomized election timeouts; the same seed replays the same run. */
  readonly seed: number;
  /** Ticks without a leader before an election; the real timeout is drawn from [n, 2n) (paper 5.2). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Ask before raising the term, so that a member that comes back does not depose a leader (thesis 9.6). */
  readonly preVote: boolean;
  /** A leader that hears from no quorum for an election timeout steps down; followers of a live leader refuse votes (thesis 6.2). */
  readonly checkQuorum: boolean;
  /** Entries in one append message, in bytes. */
  readonly messageBytesMax: number;
  /** Committed entries in one take, in bytes: what is applied in one go. */
  readonly commitBytesMax: number;
  /** Proposals that are not committed yet, in bytes; beyond it they are dropped with `too_many_requests`. */
  readonly uncommittedBytesMax: number;
}

/** What a restart knows: the newest snapshot, and the log and hard state after it. */
export interface RaftRecovery {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  readonly entries: readonly Entry[];
}

/** The part a member plays in its term (paper, figure 4). */
export interface Role {
  readonly name: 'follower' | 'preCandidate' | 'candidate' | 'leader';
  tick(): void;
  /** A message of the current term, or a granted pre-vote for the next. */
  step(message: Message): void;
  /** Appends or forwards; or says why not. */
  propose(payloads: readonly Uint8Array[], batch: number): DropReason | undefined;
  readIndex(context: number): boolean;
  transfer(target: MemberId): boolean;
  /** Last chance to send in this take. */
  flush(): void;
  /** The membership in force changed. */
  membershipChanged(): void;
}

/** The changes of role, implemented by the door so that the roles need not know each other. */
export interface Transitions {
  becomeFollower(term: number, leader: MemberId): void;
  /** Starts an election; `transfer` when the old leader asked for it. */
  campaign(kind: 'preVote' | 'election', transfer: boolean): void;
  becomeLeader(): void;
}

/** The state all roles share, and their way to send. */
export class RaftState {
  readonly id: MemberId;
  readonly options: RaftOptions;
  readonly random: Random;
  readonly log: RaftLog;
  term: number;
  vote: MemberId;
  leader: MemberId = nobody;
  membership: Membership;
  /** The newest snapshot on disk here. A follower too far behind is sent the live state, which is newer. */
  snapshot: SnapshotMeta;
  /** Entries from here on were not given to the disk yet. */
  writeFrom: number;
  /** A snapshot from the leader that must be installed and made durable. */
  installing: SnapshotMeta | undefined;

  /** Messages that may leave at once. */
  now: Message[] = [];
  /** Messages that must not leave before everything written so far is durable. */
  afterWrite: Message[] = [];
  reads: ReadState[] = [];
  droppedProposals: { batch: number; reason: DropReason }[] = [];
  snapshotsTo: MemberId[] = [];

  constructor(options: RaftOptions, recovery: RaftRecovery) {
    this.options = options;
    this.id = options.id;
    this.random = new Random(options.seed);
    this.log = new RaftLog(recovery.snapshot);
    this.log.append(recovery.entries);
    const commit = Math.max(recovery.hardState.commit, provenCommit(recovery.entries));
    this.log.commitTo(Math.min(commit, this.log.lastIndex));
    // A torn write may have kept entries of a term whose hard state it lost.
    this.term = Math.max(recovery.hardState.term, this.log.lastTerm);
    this.vote = this.term === recovery.hardState.term ? recovery.hardState.vote : nobody;
    this.membership = recovery.snapshot.membership;
    this.snapshot = recovery.snapshot;
    this.writeFrom = this.log.lastIndex + 1;
  }

  /**
   * A member that is a learner, or that was removed, does not campaign. Nor does one that knows of
   * a committed change of membership which is not in force here yet: it would count a majority of
   * the members of the past.
   */
  get promotable(): boolean {
    if (!isVoter(this.membership, this.id) || this.installing !== undefined) return false;
    return !this.log.hasMembershipToHandOut;
  }

  drawElectionTimeout(): number {
    return this.options.electionTicks + this.random.below(this.options.electionTicks);
  }

  send(to: MemberId, body: Body, term = this.term): void {
    this.now.push(this.#envelope(to, body, term));
  }

  /** For what the sender vouches for with its disk: votes and acknowledged entries. May be addressed to itself. */
  sendAfterWrite(to: MemberId, body: Body, term = this.term): void {
    this.afterWrite.push(this.#envelope(to, body, term));
  }

  /** Addresses a body that its caller has just made, in place: this is done for every message. */
  #envelope(to: MemberId, body: Body, term: number): Message {
    const message = body as { from?: MemberId; to?: MemberId; term?: number };
    message.from = this.id;
    message.to = to;
    message.term = term;
    return body as Message;
  }

  /** Tells a follower that its batch was not appended here and never will be. */
  dropForwarded({ from, batch }: ForwardedProposal, reason: DropReason): void {
    this.send(from, { type: 'proposalDropped', batch, reason });
  }

  append(entries: readonly Entry[]): void {
    this.log.append(entries);
  }

  /** Replaces the log from `index` on (paper 5.3: conflicting entries are removed). */
  truncate(index: number): void {
    this.log.truncate(index);
    this.writeFrom = Math.min(this.writeFrom, index);
  }
}

/**
 * What the log alone proves to be committed. A leader appends a membership change only when the one
 * before is in force, so of two in one log the first is committed. A member must act on that: with
 * a membership two changes old it could win an election that overlaps no quorum of the newest.
 */
function provenCommit(entries: readonly Entry[]): number {
  const changes = entries.filter((entry) => entry.kind === 'membership');
  return changes[changes.length - 2]?.index ?? 0;
}
