import { assert } from '../base/assert.ts';
import {
  allMembers,
  changeMembership,
  encodeChange,
  isJoint,
  isMember,
  isVoter,
  leaveJoint,
  type MembershipChange,
} from './membership.ts';
import type {
  AppendReply,
  DropReason,
  ForwardedProposal,
  HeartbeatReply,
  Message,
} from './message.ts';
import { Progress } from './progress.ts';
import { committedIndex, voteResult } from './quorum.ts';
import { ReadIndexRounds } from './read-index.ts';
import type { RaftState, Role, Transitions } from './state.ts';
import {
  type Entry,
  type EntryKind,
  entryBytes,
  entryOverheadBytes,
  type MemberId,
  nobody,
} from './types.ts';

/** How many forwarded batches are remembered, to know one that a network delivers twice. */
const forwardedBatchesMax = 4_096;

/** Appends, replicates, commits, confirms reads (paper 5.3, 5.4; thesis 3.10, 6.2, 6.4). */
export class Leader implements Role {
  readonly name = 'leader';
  readonly #state: RaftState;
  readonly #transitions: Transitions;
  readonly #progress = new Map<MemberId, Progress>();
  readonly #reads = new ReadIndexRounds();
  #heartbeatElapsed = 0;
  #quorumElapsed = 0;
  #transferTo: MemberId = nobody;
  #transferElapsed = 0;
  /** The entry this leader began its term with; older terms commit only together with it (paper 5.4.2). */
  readonly #termStart: number;
  /** The last membership entry in the log; the next must wait until it is in force. */
  #membershipIndex: number;
  #uncommittedBytes = 0;
  /** Sender and number of the last batches that were forwarded in this term. */
  readonly #forwardedBatches = new Set<string>();

  constructor(state: RaftState, transitions: Transitions) {
    this.#state = state;
    this.#transitions = transitions;
    // An inherited entry may be a membership change, so none is accepted until all are in force.
    this.#membershipIndex = state.log.lastIndex;
    this.#trackMembers();
    this.#termStart = state.log.lastIndex + 1;
    this.#append([new Uint8Array(0)], 'command');
  }

  /** What is known of each follower, for status and tests. */
  get progress(): ReadonlyMap<MemberId, Progress> {
    return this.#progress;
  }

  get transferring(): boolean {
    return this.#transferTo !== nobody;
  }

  tick(): void {
    this.#quorumElapsed++;
    if (this.#quorumElapsed >= this.#state.options.electionTicks) {
      this.#quorumElapsed = 0;
      if (this.#state.options.checkQuorum && !this.#quorumActive()) {
        return this.#transitions.becomeFollower(this.#state.term, nobody);
      }
    }
    if (this.transferring && ++this.#transferElapsed >= this.#state.options.electionTicks) {
      this.#transferTo = nobody; // It did not work within an election timeout: lead on (thesis 3.10).
    }
    if (++this.#heartbeatElapsed >= this.#state.options.heartbeatTicks) this.#heartbeat();
  }

  #quorumActive(): boolean {
    const result = voteResult(
      this.#state.membership,
      (member) => member === this.#state.id || this.#progress.get(member)?.recentlyActive === true,
    );
    for (const progress of this.#progress.values()) progress.recentlyActive = false;
    return result === 'won';
  }

  #heartbeat(): void {
    this.#heartbeatElapsed = 0;
    for (const progress of this.#others()) {
      this.#state.send(progress.member, {
        type: 'heartbeat',
        // Never beyond what the follower is known to hold: the rest of its log may conflict.
        commit: Math.min(progress.match, this.#state.log.committed),
        round: this.#reads.round,
      });
    }
  }

  step(message: Message): void {
    switch (message.type) {
      case 'forwardedProposal':
        return this.#forwarded(message);
      case 'readIndexRequest':
        return this.#reads.add({ context: message.context, from: message.from });
      case 'transferRequest':
        this.transfer(message.target);
        return;
      case 'appendRequest':
      case 'heartbeat':
      case 'commitNotice':
      case 'installSnapshot':
        // Election safety (paper 5.2): there is at most one leader in a term.
        assert(false, `two leaders in term ${message.term}: ${this.#state.id} and ${message.from}`);
        return;
      case 'appendReply':
      case 'heartbeatReply': {
        const progress = this.#progress.get(message.from);
        if (progress === undefined) return;
        progress.recentlyActive = true;
        if (message.type === 'appendReply') this.#appendReply(progress, message);
        else this.#heartbeatReply(progress, message);
        return;
      }
      default:
        return; // Votes and answers meant for earlier roles.
    }
  }

  #appendReply(progress: Progress, reply: AppendReply): void {
    if (!reply.success) {
      // Skip all of the follower's entries that this log cannot agree with, a term per round trip.
      const hint = this.#state.log.lastIndexAtMost(reply.hintIndex, reply.hintTerm);
      if (progress.refuse(reply.index, hint)) this.#sendAppend(progress, false);
      return;
    }
    const news = progress.confirm(reply.index);
    if (progress.state === 'probe' && reply.index >= progress.match) progress.becomeReplicate();
    else if (progress.state === 'snapshot' && progress.match >= progress.snapshotIndex) {
      progress.becomeProbe();
      progress.becomeReplicate();
    }
    if (news) {
      this.#maybeCommit();
      this.#maybeTimeoutNow(progress);
    }
  }

  #heartbeatReply(progress: Progress, reply: HeartbeatReply): void {
    progress.heardHeartbeat();
    if (progress.match < this.#state.log.lastIndex && progress.state !== 'snapshot') {
      // Something is unconfirmed: an append or its answer may be lost. Entries or not, ask.
      this.#sendAppend(progress, true);
    }
    if (reply.round > progress.ackedRound) {
      progress.ackedRound = reply.round;
      this.#confirmReads();
    }
  }

  #maybeCommit(): void {
    const { log, membership, id } = this.#state;
    const index = committedIndex(membership, (member) => this.#progress.get(member)?.match ?? 0);
    // Only entries of the own term commit by counting (paper 5.4.2, figure 8).
    if (index <= log.committed || log.termAt(index) !== this.#state.term) return;
    this.#uncommittedBytes -= log.bytesBetween(Math.max(log.committed + 1, this.#termStart), index);
    log.commitTo(index);
    const self = this.#progress.get(id);
    if (self !== undefined) self.toldCommit = index;
  }

  propose(payloads: readonly Uint8Array[]): DropReason | undefined {
    if (this.transferring) return 'transferring';
    if (!isMember(this.#state.membership, this.#state.id)) return 'no_leader';
    const bytes = payloads.reduce((sum, { length }) => sum + length + entryOverheadBytes, 0);
    if (this.#uncommittedBytes > 0 && this.#uncommittedBytes + bytes > this.#uncommittedLimit) {
      return 'too_many_requests';
    }
    this.#append(payloads, 'command');
    return undefined;
  }

  get #uncommittedLimit(): number {
    return this.#state.options.uncommittedBytesMax;
  }

  /** A batch that arrives a second time was appended or dropped the first time, and stays so. */
  #forwarded(message: ForwardedProposal): void {
    const { from, batch, payloads } = message;
    const known = this.#forwardedBatches;
    const name = `${from} ${batch}`;
    if (known.has(name)) return;
    known.add(name);
    if (known.size > forwardedBatchesMax) known.delete(known.values().next().value ?? '');
    const reason = this.propose(payloads);
    if (reason !== undefined) this.#state.dropForwarded(message, reason);
  }

  /** Whether a change of membership may be proposed: those before it, inherited ones too, are in force. */
  get membershipSettled(): boolean {
    const { log, membership } = this.#state;
    return !this.transferring && this.#membershipIndex <= log.handed && !isJoint(membership);
  }

  /** Appends a membership change, or says in a sentence why it is refused. */
  proposeMembership(change: MembershipChange): string | undefined {
    const { log, membership } = this.#state;
    if (this.transferring) return 'leadership is being transferred';
    if (this.#membershipIndex > log.handed) return 'the last membership change is not in force yet';
    const next = changeMembership(membership, change);
    if ('refused' in next) return next.refused;
    this.#membershipIndex = log.lastIndex + 1;
    this.#append([encodeChange(change)], 'membership');
    return undefined;
  }

  #append(payloads: readonly Uint8Array[], kind: EntryKind): void {
    const { log, term } = this.#state;
    let index = log.lastIndex;
    const entries: Entry[] = [];
    for (const payload of payloads) {
      const entry = { index: ++index, term, kind, payload };
      this.#uncommittedBytes += entryBytes(entry);
      entries.push(entry);
    }
    this.#state.append(entries);
    // Counts for the quorum when the own disk has it, which need not be before the followers' disks (thesis 10.2.1).
    this.#state.sendAfterWrite(this.#state.id, {
      type: 'appendReply',
      success: true,
      index,
      hintIndex: 0,
      hintTerm: 0,
    });
  }

  readIndex(context: number): boolean {
    this.#reads.add({ context, from: nobody });
    return true;
  }

  /** Until the first entry of the term is committed, the commit index may lag behind what was acknowledged (paper section 8). */
  get #mayRead(): boolean {
    return this.#state.log.committed >= this.#termStart;
  }

  #confirmReads(): void {
    const { membership, id } = this.#state;
    const confirmed = committedIndex(membership, (member) =>
      member === id ? this.#reads.round : (this.#progress.get(member)?.ackedRound ?? 0),
    );
    for (const read of this.#reads.confirm(confirmed)) {
      const { context, index } = read;
      if (read.from === nobody) this.#state.reads.push({ context, index });
      else this.#state.send(read.from, { type: 'readIndexReply', context, index });
    }
  }

  transfer(target: MemberId): boolean {
    const progress = this.#progress.get(target);
    if (progress === undefined || !isVoter(this.#state.membership, target)) return false;
    // Asking again must not prolong the time in which proposals are refused.
    if (target === this.#state.id || target === this.#transferTo) return true;
    this.#transferTo = target;
    this.#transferElapsed = 0;
    this.#maybeTimeoutNow(progress);
    return true;
  }

  #maybeTimeoutNow(progress: Progress): void {
    if (progress.member !== this.#transferTo) return;
    if (progress.match === this.#state.log.lastIndex) {
      this.#state.send(progress.member, { type: 'timeoutNow' });
    }
  }

  /** The state that is on its way stands at `index`: from there the log goes on. */
  snapshotSent(member: MemberId, index: number): void {
    const progress = this.#progress.get(member);
    if (progress?.state === 'snapshot') progress.snapshotIndex = index;
  }

  /** The host reports how streaming the state to `member` went. */
  snapshotFinished(member: MemberId, ok: boolean): void {
    const progress = this.#progress.get(member);
    if (progress?.state !== 'snapshot') return;
    if (!ok) progress.snapshotIndex = 0;
    progress.becomeProbe();
    // Wait for a sign of life before the next try.
    progress.probing = true;
  }

  /** The host knows that the connection broke: what was in flight may be lost. */
  unreachable(member: MemberId): void {
    const progress = this.#progress.get(member);
    if (progress?.state === 'replicate') progress.becomeProbe();
  }

  flush(): void {
    if (this.#mayRead && this.#reads.begin(this.#state.log.committed)) {
      this.#heartbeat();
      this.#confirmReads();
    }
    for (const progress of this.#others()) {
      while (this.#sendAppend(progress, false)) {
        // Until the window is full or nothing is left to send.
      }
    }
  }

  /** Sends the next entries, if any and if the flow control lets it. True when more could follow. */
  #sendAppend(progress: Progress, evenIfEmpty: boolean): boolean {
    const { log, options } = this.#state;
    const windowClosed = progress.paused;
    if (windowClosed && !(evenIfEmpty && progress.state === 'replicate')) return false;
    const prevIndex = progress.next - 1;
    const prevTerm = log.termAt(prevIndex);
    if (prevTerm === undefined) return this.#sendSnapshot(progress);
    const entries =
      windowClosed || progress.next > log.lastIndex
        ? []
        : log.slice(progress.next, options.messageBytesMax);
    const needsProbe = progress.state === 'probe' && progress.match < log.lastIndex;
    if (entries.length === 0 && !evenIfEmpty && !needsProbe) return this.#tellCommit(progress);
    this.#state.send(progress.member, {
      type: 'appendRequest',
      prevIndex,
      prevTerm,
      entries,
      commit: log.committed,
    });
    progress.toldCommit = Math.min(log.committed, prevIndex + entries.length);
    if (progress.state === 'probe' || entries.length > 0) {
      const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
      progress.sent(prevIndex + entries.length, bytes);
    }
    return entries.length > 0 && progress.state === 'replicate';
  }

  /** What the follower holds and does not know to be committed. A notice that is lost is made up for by the next heartbeat. */
  #tellCommit(progress: Progress): false {
    const commit = Math.min(this.#state.log.committed, progress.match);
    if (commit > progress.toldCommit) {
      progress.toldCommit = commit;
      this.#state.send(progress.member, { type: 'commitNotice', commit });
    }
    return false;
  }

  #sendSnapshot(progress: Progress): false {
    // A follower that is not there cannot take a snapshot; wait until it answers.
    if (!progress.recentlyActive) return false;
    progress.becomeSnapshot(this.#state.snapshot.index);
    this.#state.snapshotsTo.push(progress.member);
    return false;
  }

  membershipChanged(): void {
    const { membership, id } = this.#state;
    this.#trackMembers();
    if (!isVoter(membership, id)) {
      // Removed, or now a learner: lead no longer (paper section 6, last part).
      return this.#transitions.becomeFollower(this.#state.term, nobody);
    }
    if (this.#transferTo !== nobody && !isVoter(membership, this.#transferTo)) {
      this.#transferTo = nobody;
    }
    // A smaller quorum may have committed what a larger one had not.
    this.#maybeCommit();
    this.#confirmReads();
  }

  /** Proposes the second half of a joint change as soon as the first is in force; also one that an earlier leader began. */
  leaveJointIfDue(): void {
    const { membership, log } = this.#state;
    if (!isJoint(membership) || !membership.autoLeave || this.#membershipIndex > log.handed) return;
    this.#membershipIndex = log.lastIndex + 1;
    this.#append([encodeChange(leaveJoint)], 'membership');
  }

  #trackMembers(): void {
    const known = new Map(this.#progress);
    this.#progress.clear();
    for (const member of allMembers(this.#state.membership)) {
      let progress = known.get(member);
      if (progress === undefined) {
        progress = new Progress(member, this.#state.log.lastIndex + 1, this.#state.options);
        // A newcomer counts as active for its first election timeout, or check-quorum would fall over it.
        progress.recentlyActive = true;
      }
      this.#progress.set(member, progress);
    }
  }

  *#others(): Iterable<Progress> {
    for (const progress of this.#progress.values()) {
      if (progress.member !== this.#state.id) yield progress;
    }
  }
}
