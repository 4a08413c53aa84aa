import { InvariantError } from '../base/assert.ts';
import { Candidate } from './candidate.ts';
import { Follower } from './follower.ts';
import { Leader } from './leader.ts';
import { changeMembership, decodeChange, type MembershipChange } from './membership.ts';
import type { DropReason, Message, VoteRequest } from './message.ts';
import type { Ready, WriteBatch } from './ready.ts';
import { type RaftOptions, type RaftRecovery, RaftState, type Transitions } from './state.ts';
import {
  type Entry,
  type HardState,
  type MemberId,
  type Membership,
  nobody,
  type SnapshotMeta,
} from './types.ts';

interface PendingWrite {
  readonly batch: number;
  /** Leave when the batch is durable. */
  readonly messages: Message[];
}

/**
 * The Raft core: messages and ticks in, a {@link Ready} out. It does no I/O, reads no clock and
 * draws chance only from its seed, so the same inputs always give the same outputs.
 *
 * The host's loop: give inputs (tick, step, propose, ..., persisted), then take() until it answers
 * undefined, carrying out each Ready by its rules. References: "paper" is Ongaro and Ousterhout,
 * In Search of an Understandable Consensus Algorithm (extended version); "thesis" is Ongaro's.
 */
export class Raft {
  readonly #state: RaftState;
  readonly #transitions: Transitions;
  #role: Follower | Candidate | Leader;
  readonly #pending: PendingWrite[] = [];
  #lastBatch = 0;
  #written: HardState;

  constructor(options: RaftOptions, recovery: RaftRecovery) {
    this.#state = new RaftState(options, recovery);
    this.#written = recovery.hardState;
    this.#transitions = {
      becomeFollower: (term, leader) => this.#becomeFollower(term, leader),
      campaign: (kind, transfer) => this.#campaign(kind, transfer),
      becomeLeader: () => this.#becomeLeader(),
    };
    this.#role = new Follower(this.#state, this.#transitions);
  }

  get id(): MemberId {
    return this.#state.id;
  }
  get term(): number {
    return this.#state.term;
  }
  /** Who this member believes leads its term; '' when it knows of nobody. */
  get leader(): MemberId {
    return this.#state.leader;
  }
  get role(): 'follower' | 'preCandidate' | 'candidate' | 'leader' {
    return this.#role.name;
  }
  get membership(): Membership {
    return this.#state.membership;
  }
  get firstIndex(): number {
    return this.#state.log.firstIndex;
  }
  get lastIndex(): number {
    return this.#state.log.lastIndex;
  }
  get committed(): number {
    return this.#state.log.committed;
  }
  /** Bytes of the entries in memory. */
  get logBytes(): number {
    return this.#state.log.bytes;
  }
  /** The first index such that what follows it fits in `bytesMax`. */
  firstIndexWithin(bytesMax: number): number {
    return this.#state.log.firstIndexWithin(bytesMax);
  }
  get vote(): MemberId {
    return this.#state.vote;
  }
  termAt(index: number): number | undefined {
    return this.#state.log.termAt(index);
  }
  entries(from: number, bytesMax: number): Entry[] {
    return this.#state.log.slice(from, bytesMax);
  }
  /** The leader's view of its followers; undefined on others. */
  get progress(): Leader['progress'] | undefined {
    return this.#role.name === 'leader' ? this.#role.progress : undefined;
  }

  /** One tick of time passed. */
  tick(): void {
    this.#role.tick();
  }

  /** Starts an election now, as if the election timeout had passed. */
  campaign(): void {
    if (this.#role.name === 'leader' || !this.#state.promotable) return;
    this.#campaign(this.#state.options.preVote ? 'preVote' : 'election', false);
  }

  /** Appends, or forwards to the leader. `batch` names the proposals if they are dropped later. */
  propose(payloads: readonly Uint8Array[], batch: number): DropReason | undefined {
    return this.#role.propose(payloads, batch);
  }

  /** True on a leader that may propose a change of membership. */
  get membershipSettled(): boolean {
    return this.#role.name === 'leader' && this.#role.membershipSettled;
  }

  /** Only on the leader. A sentence when it is refused. */
  proposeMembership(change: MembershipChange): string | undefined {
    if (this.#role.name !== 'leader') return 'only the leader can change the membership';
    return this.#role.proposeMembership(change);
  }

  /** False when nobody is there to ask. The answer comes with a Ready, or never: the host asks again, with a fresh context, when the leader changed or nothing came. */
  readIndex(context: number): boolean {
    return this.#role.readIndex(context);
  }

  /** Hands leadership to `target` if it is a voter (thesis 3.10). False when that is not possible from here. */
  transfer(target: MemberId): boolean {
    return this.#role.transfer(target);
  }

  /** A message arrived from another member. */
  step(message: Message): void {
    if (message.type === 'voteRequest') return this.#voteRequest(message);
    if (message.term > this.#state.term) this.#higherTerm(message);
    if (message.term < this.#state.term) return this.#lowerTerm(message);
    const role = this.#role;
    role.step(message);
    // A candidate that found its term's leader has become a follower, who answers.
    if (this.#role !== role && this.#role.name === 'follower' && isFromLeader(message)) {
      this.#role.step(message);
    }
  }

  /** Follows into the newer term; but a granted pre-vote speaks of a term that nobody has entered yet. */
  #higherTerm(message: Message): void {
    if (message.type === 'voteReply' && message.preVote && message.granted) return;
    this.#becomeFollower(message.term, isFromLeader(message) ? message.from : nobody);
  }

  #lowerTerm(message: Message): void {
    if (message.type === 'forwardedProposal') {
      this.#state.dropForwarded(message, 'no_leader');
    }
    if (isFromLeader(message)) {
      // A leader of the past, or one that this member cannot follow because its own term ran ahead:
      // the answer's term makes it step down, and the cluster moves on (thesis 9.6).
      this.#state.send(message.from, {
        type: 'appendReply',
        success: true,
        index: 0,
        hintIndex: 0,
        hintTerm: 0,
      });
    }
  }

  /** Grants by the rules of paper 5.2 and 5.4.1, unless a leader is alive (thesis 4.2.3). Any member votes, whatever its own membership says: the candidate's may be newer. */
  #voteRequest(request: VoteRequest): void {
    const state = this.#state;
    if (this.#loyal && !request.transfer && request.term > state.term) return;
    if (request.term < state.term) return this.#reply(request, false, state.term);
    if (request.term > state.term && !request.preVote) this.#becomeFollower(request.term, nobody);
    const free = request.preVote
      ? request.term > state.term
      : state.vote === request.from || (state.vote === nobody && state.leader === nobody);
    if (!free || !state.log.isUpToDate(request.lastIndex, request.lastTerm)) {
      return this.#reply(request, false, state.term);
    }
    if (!request.preVote) {
      state.vote = request.from;
      if (this.#role.name === 'follower') this.#role.granted();
    }
    this.#reply(request, true, request.term);
  }

  #reply(request: VoteRequest, granted: boolean, term: number): void {
    this.#state.sendAfterWrite(
      request.from,
      { type: 'voteReply', preVote: request.preVote, granted, committed: this.#committedPoint },
      term,
    );
  }

  get #committedPoint(): { index: number; term: number } {
    const { log } = this.#state;
    return { index: log.committed, term: log.termAt(log.committed) ?? 0 };
  }

  get #loyal(): boolean {
    if (!this.#state.options.checkQuorum) return false;
    return this.#role.name === 'leader' || (this.#role.name === 'follower' && this.#role.inLease);
  }

  /** Batch `batch` of the writes, and with it all before, is durable. */
  persisted(batch: number): void {
    while (this.#pending[0] !== undefined && this.#pending[0].batch <= batch) {
      this.#release((this.#pending.shift() as PendingWrite).messages);
    }
  }

  #release(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.to === this.#state.id) this.step(message);
      else this.#state.now.push(message);
    }
  }

  /** A snapshot of the state at `meta` exists here. */
  snapshotTaken(meta: SnapshotMeta): void {
    if (meta.index > this.#state.snapshot.index) this.#state.snapshot = meta;
  }

  /** Forgets log entries up to `index`; a follower that needs them is sent a snapshot. */
  compact(index: number): void {
    this.#state.log.compact(Math.min(index, this.#state.log.handed));
  }

  /** The host began to stream the state at `index` to `member`, as asked by {@link Ready.snapshotsTo}. */
  snapshotSent(member: MemberId, index: number): void {
    if (this.#role.name === 'leader') this.#role.snapshotSent(member, index);
  }

  snapshotFinished(member: MemberId, ok: boolean): void {
    if (this.#role.name === 'leader') this.#role.snapshotFinished(member, ok);
  }

  unreachable(member: MemberId): void {
    if (this.#role.name === 'leader') this.#role.unreachable(member);
  }

  /** What there is to do, or undefined when there is nothing. */
  take(): Ready | undefined {
    const state = this.#state;
    const write = this.#takeWrite();
    const committed = state.log.handOut(state.options.commitBytesMax);
    const ready: Ready = {
      now: state.now,
      write,
      install: state.installing,
      committed,
      reads: state.reads,
      droppedProposals: state.droppedProposals,
      snapshotsTo: state.snapshotsTo,
    };
    state.now = [];
    state.installing = undefined;
    state.reads = [];
    state.droppedProposals = [];
    state.snapshotsTo = [];
    for (const entry of committed) if (entry.kind === 'membership') this.#enterMembership(entry);
    if (this.#role.name === 'leader') this.#role.leaveJointIfDue();
    return isEmpty(ready) ? undefined : ready;
  }

  /** The next write, and the messages that must wait for it; with an idle disk they wait for nothing. */
  #takeWrite(): WriteBatch | undefined {
    const state = this.#state;
    for (;;) {
      this.#role.flush();
      const write = this.#nextWrite();
      const messages = state.afterWrite;
      state.afterWrite = [];
      if (write !== undefined) {
        this.#pending.push({ batch: write.batch, messages });
        return write;
      }
      if (messages.length === 0) return undefined;
      const last = this.#pending[this.#pending.length - 1];
      if (last !== undefined) {
        last.messages.push(...messages);
        return undefined;
      }
      // What a member tells itself now (its own vote, say) may call for the next write.
      this.#release(messages);
    }
  }

  #nextWrite(): WriteBatch | undefined {
    const state = this.#state;
    const entries =
      state.writeFrom <= state.log.lastIndex
        ? state.log.slice(state.writeFrom, Number.POSITIVE_INFINITY)
        : [];
    const { term, vote } = this.#written;
    const changed = term !== state.term || vote !== state.vote;
    if (entries.length === 0 && !changed && state.installing === undefined) return undefined;
    // The commit index rides along and is never worth a write of its own. It covers earlier batches
    // only: a torn write may keep this hard state and lose the entries, and what they would have
    // replaced must not pass for committed.
    const commit = Math.min(state.log.committed, state.writeFrom - 1);
    state.writeFrom = state.log.lastIndex + 1;
    this.#written = { term: state.term, vote: state.vote, commit };
    return {
      batch: ++this.#lastBatch,
      entries,
      hardState: this.#written,
      snapshot: state.installing,
    };
  }

  #enterMembership(entry: Entry): void {
    const next = changeMembership(this.#state.membership, decodeChange(entry.payload));
    if ('refused' in next) {
      throw new InvariantError(`committed membership change ${entry.index}: ${next.refused}`);
    }
    this.#state.membership = next;
    this.#role.membershipChanged();
  }

  #becomeFollower(term: number, leader: MemberId): void {
    if (term > this.#state.term) {
      this.#state.term = term;
      this.#state.vote = nobody;
    }
    this.#state.leader = leader;
    this.#role = new Follower(this.#state, this.#transitions);
  }

  #campaign(kind: 'preVote' | 'election', transfer: boolean): void {
    this.#state.leader = nobody;
    if (kind === 'election') {
      this.#state.term++;
      this.#state.vote = this.#state.id;
    }
    const name = kind === 'preVote' ? 'preCandidate' : 'candidate';
    this.#role = new Candidate(this.#state, this.#transitions, { name, transfer });
  }

  #becomeLeader(): void {
    this.#state.leader = this.#state.id;
    this.#role = new Leader(this.#state, this.#transitions);
  }
}

function isFromLeader(message: Message): boolean {
  return (
    message.type === 'appendRequest' ||
    message.type === 'heartbeat' ||
    message.type === 'commitNotice' ||
    message.type === 'installSnapshot'
  );
}

function isEmpty(ready: Ready): boolean {
  return (
    ready.write === undefined &&
    ready.install === undefined &&
    ready.now.length === 0 &&
    ready.committed.length === 0 &&
    ready.reads.length === 0 &&
    ready.droppedProposals.length === 0 &&
    ready.snapshotsTo.length === 0
  );
}
