import { allMembers } from './membership.ts';
import type { Body, DropReason, Message, VoteReply } from './message.ts';
import { voteResult } from './quorum.ts';
import type { RaftState, Role, Transitions } from './state.ts';
import type { MemberId } from './types.ts';

/**
 * Collects votes. As `preCandidate` it asks whether it would get them, without raising its term
 * (thesis 9.6); as `candidate` it has raised the term and voted for itself (paper 5.2).
 */
export class Candidate implements Role {
  readonly name: 'preCandidate' | 'candidate';
  readonly #state: RaftState;
  readonly #transitions: Transitions;
  readonly #votes = new Map<MemberId, boolean>();
  #elapsed = 0;
  readonly #timeout: number;

  constructor(
    state: RaftState,
    transitions: Transitions,
    kind: { name: 'preCandidate' | 'candidate'; transfer: boolean },
  ) {
    this.name = kind.name;
    this.#state = state;
    this.#transitions = transitions;
    this.#timeout = state.drawElectionTimeout();
    this.#ask(kind.transfer);
  }

  #ask(transfer: boolean): void {
    const state = this.#state;
    const preVote = this.name === 'preCandidate';
    const term = preVote ? state.term + 1 : state.term;
    const { lastIndex, lastTerm } = state.log;
    for (const member of allMembers(state.membership)) {
      if (member === state.id) continue;
      const request: Body = { type: 'voteRequest', preVote, transfer, lastIndex, lastTerm };
      // A real request waits until the term, the own vote and the log it speaks for are durable:
      // a candidate that forgot them in a crash could run in the same term again with a shorter
      // log, and votes for the first attempt would count for the second.
      if (preVote) state.send(member, request, term);
      else state.sendAfterWrite(member, request, term);
    }
    // The own vote counts when it is durable, like anybody else's.
    state.sendAfterWrite(state.id, { type: 'voteReply', preVote, granted: true }, term);
  }

  tick(): void {
    this.#elapsed++;
    if (this.#elapsed < this.#timeout) return;
    if (!this.#state.promotable) {
      return this.#transitions.becomeFollower(this.#state.term, '');
    }
    this.#transitions.campaign(this.#state.options.preVote ? 'preVote' : 'election', false);
  }

  step(message: Message): void {
    switch (message.type) {
      case 'voteReply':
        this.#learnCommit(message);
        if (message.preVote !== (this.name === 'preCandidate')) return;
        // A pre-vote that was granted for an earlier term says nothing about this one.
        if (message.preVote && message.granted && message.term <= this.#state.term) return;
        return this.#count(message.from, message.granted);
      case 'appendRequest':
      case 'heartbeat':
      case 'commitNotice':
      case 'installSnapshot':
        // Somebody leads this term (paper 5.2): follow, and answer as a follower.
        this.#transitions.becomeFollower(message.term, message.from);
        return;
      case 'forwardedProposal':
        return this.#state.dropForwarded(message, 'no_leader');
      case 'proposalDropped':
        this.#state.droppedProposals.push({ batch: message.batch, reason: message.reason });
        return;
      default:
        return; // Nothing else concerns a member without a leader.
    }
  }

  /** By log matching, an entry of the same index and term has the same entries before it (paper 5.3). */
  #learnCommit({ committed }: VoteReply): void {
    const { log } = this.#state;
    if (committed === undefined || committed.index <= log.committed) return;
    if (log.matches(committed.index, committed.term)) log.commitTo(committed.index);
  }

  #count(member: MemberId, granted: boolean): void {
    if (!this.#votes.has(member)) this.#votes.set(member, granted);
    switch (voteResult(this.#state.membership, (voter) => this.#votes.get(voter))) {
      case 'won':
        if (this.name === 'preCandidate') this.#transitions.campaign('election', false);
        else this.#transitions.becomeLeader();
        return;
      case 'lost':
        return this.#transitions.becomeFollower(this.#state.term, '');
      case 'pending':
        return;
    }
  }

  propose(): DropReason | undefined {
    return 'no_leader';
  }

  readIndex(): boolean {
    return false;
  }

  transfer(): boolean {
    return false;
  }

  flush(): void {}

  membershipChanged(): void {}
}
