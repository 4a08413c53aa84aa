import { decodeChange, isJoint } from '../core/raft/membership.ts';
import type { Caller } from './callers.ts';
import {
  type ChangeOutcome,
  type ChangeRequest,
  outcomeFrom,
  outcomeText,
  requestFrom,
} from './change-request.ts';
import type { ClusterView } from './change-rules.ts';
import type { Journal } from './journal.ts';
import { LearnerPromotion } from './learner-promotion.ts';
import { MembershipChanges } from './membership-changes.ts';
import type { ChangesHost } from './membership-host.ts';
import { OwnRemoval } from './own-removal.ts';
import type { Peer } from './peer.ts';
import type { PeerFrame } from './peer-frame.ts';

/** All that a member does about who the members are. */
export class MembershipKeeper {
  readonly #host: ChangesHost;
  readonly #journal: Journal;
  readonly #changes: MembershipChanges;
  readonly #promotion: LearnerPromotion;
  readonly #removal: OwnRemoval;

  constructor(host: ChangesHost, journal: Journal) {
    this.#host = host;
    this.#journal = journal;
    const view = (): ClusterView => viewOf(host);
    this.#changes = new MembershipChanges(host, view);
    this.#promotion = new LearnerPromotion(host, view);
    this.#removal = new OwnRemoval(host);
  }

  /** Makes a change, wherever the leader is. The outcome comes within the time of a call. */
  request(request: ChangeRequest, done: (outcome: ChangeOutcome) => void): void {
    if (!this.#host.running) return done({ ok: false, code: 'server_stopped' });
    this.#changes.request(request, done);
  }

  tick(): void {
    this.#changes.tick();
    if (!this.#changes.isBusy) this.#promotion.tick();
    this.#removal.tick();
  }

  /** Applies a `membership` entry, which is in force in Raft already, to all that follows it here. */
  apply(payload: Uint8Array): void {
    const { machine, links, raft } = this.#host;
    machine.applyMembership(decodeChange(payload));
    links.sync();
    // Of a change in two steps the second one counts.
    if (!isJoint(raft.membership)) this.#journal.membersChanged(raft.membership);
  }

  step(): void {
    this.#changes.step();
  }

  /** Another member forwards what it was asked. @throws DecodeError */
  asked(caller: Caller, { number, text }: PeerFrame & { type: 'changeRequest' }): void {
    if (this.#host.machine.members.get(caller.memberId) === undefined) return caller.close();
    const done = (outcome: ChangeOutcome): void =>
      caller.answer({ type: 'changeReply', number, text: outcomeText(outcome) });
    this.#changes.request(requestFrom(text), done, true);
  }

  /** The leader's answer. @throws DecodeError */
  replied(peer: Peer, { number, text }: PeerFrame & { type: 'changeReply' }): void {
    this.#changes.replied(peer.id, number, outcomeFrom(text));
  }

  linkLost(peerId: string): void {
    this.#changes.linkLost(peerId);
  }

  /** Another member knows that this one was removed. */
  dismissed(): void {
    this.#removal.dismissed();
  }

  close(): void {
    this.#changes.close();
  }
}

function viewOf({ raft, machine, links, options }: ChangesHost): ClusterView {
  const { memberId: self } = options;
  return {
    self,
    membership: raft.membership,
    members: machine.members.list(),
    clusterVersion: machine.clusterVersion,
    lastIndex: raft.lastIndex,
    isUp: (id) => id === self || links.peer(id)?.isUp === true,
    match: (id) => raft.progress?.get(id)?.match ?? 0,
  };
}
