import { unreachable } from '../base/assert.ts';
import type { AppendRequest, DropReason, Heartbeat, InstallSnapshot, Message } from './message.ts';
import type { RaftState, Role, Transitions } from './state.ts';
import { type MemberId, nobody } from './types.ts';

/** Answers the leader, and campaigns when it has not heard from one for a while (paper 5.2). */
export class Follower implements Role {
  readonly name = 'follower';
  readonly #state: RaftState;
  readonly #transitions: Transitions;
  #elapsed = 0;
  readonly #timeout: number;

  constructor(state: RaftState, transitions: Transitions) {
    this.#state = state;
    this.#transitions = transitions;
    this.#timeout = state.drawElectionTimeout();
  }

  /** True while a live leader has a claim on this member's loyalty (thesis 6.2, 4.2.3). */
  get inLease(): boolean {
    const { leader, options } = this.#state;
    return leader !== nobody && this.#elapsed < options.electionTicks;
  }

  /** A vote was granted: give the candidate time (paper 5.2). */
  granted(): void {
    this.#elapsed = 0;
  }

  tick(): void {
    this.#elapsed++;
    if (this.#elapsed < this.#timeout) return;
    if (!this.#state.promotable) {
      // It may not lead, but it must not believe for ever in a leader it does not hear.
      this.#state.leader = nobody;
      return;
    }
    this.#elapsed = 0;
    this.#transitions.campaign(this.#state.options.preVote ? 'preVote' : 'election', false);
  }

  step(message: Message): void {
    switch (message.type) {
      case 'appendRequest':
        this.#heard(message.from);
        return this.#append(message);
      case 'heartbeat':
        this.#heard(message.from);
        return this.#heartbeat(message);
      case 'commitNotice':
        this.#heard(message.from);
        this.#learnCommit(message.commit);
        return;
      case 'installSnapshot':
        this.#heard(message.from);
        return this.#install(message);
      case 'readIndexReply':
        this.#state.reads.push({ context: message.context, index: message.index });
        return;
      case 'timeoutNow':
        // The old leader vouches that this log is complete, so no pre-vote (thesis 3.10).
        if (this.#state.promotable) this.#transitions.campaign('election', true);
        return;
      case 'forwardedProposal':
        return this.#state.dropForwarded(message, 'no_leader');
      case 'proposalDropped':
        this.#state.droppedProposals.push({ batch: message.batch, reason: message.reason });
        return;
      case 'transferRequest':
      case 'readIndexRequest':
        // Sent to a leader of the past; the sender's read or transfer is asked again.
        return;
      case 'appendReply':
      case 'heartbeatReply':
      case 'voteReply':
        return; // Answers to a role this member no longer has.
      case 'voteRequest':
        return; // Handled at the door for every role alike.
      default:
        unreachable(message);
    }
  }

  #heard(leader: MemberId): void {
    this.#state.leader = leader;
    this.#elapsed = 0;
  }

  #append(request: AppendRequest): void {
    const { log } = this.#state;
    if (request.prevIndex < log.committed) {
      // Everything committed here is the leader's as well (leader completeness, paper 5.4.3).
      return this.#confirm(request.from, log.committed);
    }
    if (!log.matches(request.prevIndex, request.prevTerm)) {
      const hintIndex = log.lastIndexAtMost(
        Math.min(request.prevIndex, log.lastIndex),
        request.prevTerm,
      );
      return this.#state.sendAfterWrite(request.from, {
        type: 'appendReply',
        success: false,
        index: request.prevIndex,
        hintIndex,
        hintTerm: log.termAt(hintIndex) ?? 0,
      });
    }
    this.#take(request);
    const last = request.prevIndex + request.entries.length;
    log.commitTo(Math.min(request.commit, last));
    this.#confirm(request.from, last);
  }

  /** Adds what is new; removes what conflicts and all that follows it (paper 5.3). */
  #take(request: AppendRequest): void {
    const { log } = this.#state;
    const at = request.entries.findIndex((entry) => !log.matches(entry.index, entry.term));
    const first = request.entries[at];
    if (first === undefined) return;
    if (first.index <= log.lastIndex) this.#state.truncate(first.index);
    this.#state.append(request.entries.slice(at));
  }

  #confirm(leader: MemberId, index: number): void {
    this.#state.sendAfterWrite(leader, {
      type: 'appendReply',
      success: true,
      index,
      hintIndex: 0,
      hintTerm: 0,
    });
  }

  #heartbeat(message: Heartbeat): void {
    this.#learnCommit(message.commit);
    this.#state.send(message.from, { type: 'heartbeatReply', round: message.round });
  }

  /** The leader tells at most what it knows this member holds. */
  #learnCommit(commit: number): void {
    const { log } = this.#state;
    log.commitTo(Math.min(commit, log.lastIndex));
  }

  #install(message: InstallSnapshot): void {
    const state = this.#state;
    const { index, term } = message.snapshot;
    if (index <= state.log.committed) return this.#confirm(message.from, state.log.committed);
    if (state.log.matches(index, term)) {
      // The log already holds what the snapshot covers: that much is committed, nothing is replaced.
      state.log.commitTo(index);
      return this.#confirm(message.from, index);
    }
    state.log.restore(message.snapshot);
    state.writeFrom = index + 1;
    state.membership = message.snapshot.membership;
    state.snapshot = message.snapshot;
    state.installing = message.snapshot;
    this.#confirm(message.from, index);
  }

  propose(payloads: readonly Uint8Array[], batch: number): DropReason | undefined {
    const { leader } = this.#state;
    if (leader === nobody) return 'no_leader';
    // It carries this term, so that only this term's leader takes it: the host can then tell, from
    // an applied entry of a later term, that the proposal will never be in the log.
    this.#state.send(leader, { type: 'forwardedProposal', batch, payloads });
    return undefined;
  }

  readIndex(context: number): boolean {
    const { leader } = this.#state;
    if (leader === nobody) return false;
    this.#state.send(leader, { type: 'readIndexRequest', context });
    return true;
  }

  transfer(target: MemberId): boolean {
    const { leader } = this.#state;
    if (leader === nobody) return false;
    this.#state.send(leader, { type: 'transferRequest', target });
    return true;
  }

  flush(): void {}

  membershipChanged(): void {}
}
