import type { ErrorCode, MemberId } from '@lockstep/client/protocol';
import type { MemberRecord } from '../core/member-table.ts';
import type { MemberChange } from '../core/raft/membership.ts';
import { nobody } from '../core/raft/types.ts';
import { type ChangeOutcome, type ChangeRequest, requestText } from './change-request.ts';
import { type Addition, type ClusterView, decide } from './change-rules.ts';
import { addedMemberIdOf } from './cluster-identity.ts';
import { memberInfos } from './member-info.ts';
import type { ChangesHost } from './membership-host.ts';

/** Nobody changes members so often that more would be waiting in good faith. */
const waitingMax = 64;
/** The builds that know the frames between members that carry such requests. */
const forwardableSince = 2;

interface Waiting {
  readonly number: number;
  readonly request: ChangeRequest;
  readonly deadlineTick: number;
  readonly done: (outcome: ChangeOutcome) => void;
  /** Another member forwarded it, and would forward it again if this one does not lead. */
  readonly isForwarded: boolean;
  /** The leader it was sent to; '' while it waits here. */
  sentTo: MemberId;
  /** The leader tried to hand over first, because it is about itself. */
  stoodAside: boolean;
}

/** What was proposed and is not applied yet: one at a time. */
interface UnderWay {
  readonly waiting: Waiting;
  readonly memberId: MemberId;
  /** The entry; undefined for a command, which answers by itself. */
  readonly entry: { readonly index: number; readonly term: number } | undefined;
}

/**
 * Changes of membership that were asked for. Whoever is asked sends the request to the leader; the
 * leader judges one after the other by the rules, as of the last change in force, and proposes it.
 */
export class MembershipChanges {
  readonly #host: ChangesHost;
  readonly #view: () => ClusterView;
  #waiting: Waiting[] = [];
  #underWay: UnderWay | undefined;
  #tick = 0;
  #lastNumber = 0;

  constructor(host: ChangesHost, view: () => ClusterView) {
    this.#host = host;
    this.#view = view;
  }

  /** True while a change is under way or waits. */
  get isBusy(): boolean {
    return this.#underWay !== undefined || this.#waiting.length > 0;
  }

  request(
    request: ChangeRequest,
    done: (outcome: ChangeOutcome) => void,
    isForwarded = false,
  ): void {
    if (this.#waiting.length >= waitingMax) return done(failed('too_many_requests'));
    this.#waiting.push({
      number: ++this.#lastNumber,
      request,
      deadlineTick: this.#tick + this.#host.options.callTicks,
      done,
      isForwarded,
      sentTo: nobody,
      stoodAside: false,
    });
    this.#host.wakeUp();
  }

  tick(): void {
    this.#tick++;
    const { raft } = this.#host;
    for (const waiting of [...this.#waiting]) {
      if (waiting.deadlineTick > this.#tick) continue;
      const isLost = waiting.sentTo === nobody && raft.leader === nobody;
      this.#settle(waiting, failed(isLost ? 'no_leader' : 'timeout'));
    }
    const late = this.#underWay;
    if (late !== undefined && late.waiting.deadlineTick <= this.#tick) this.#end(failed('timeout'));
    this.#forward();
  }

  /** Part of each turn of the loop, after what is committed was applied. */
  step(): void {
    this.#lookAtEntry();
    const { raft } = this.#host;
    while (raft.membershipSettled && this.#underWay === undefined) {
      const next = this.#waiting.find(({ sentTo }) => sentTo === nobody);
      if (next === undefined || !this.#begin(next)) return;
    }
  }

  #lookAtEntry(): void {
    const { entry, memberId = nobody } = this.#underWay ?? {};
    if (entry === undefined || this.#host.appliedIndex < entry.index) return;
    // Another leader may have put another entry in its place.
    const isOurs = this.#host.raft.termAt(entry.index) === entry.term;
    this.#end(isOurs ? this.#success(memberId) : failed('leader_changed'));
  }

  /** Proposes or refuses it. False when it has to wait. */
  #begin(waiting: Waiting): boolean {
    const { request } = waiting;
    const decision = decide(this.#view(), request);
    if ('refused' in decision) this.#settle(waiting, failed(decision.refused));
    else if ('move' in decision) this.#move(waiting, decision.move);
    else if ('add' in decision) this.#add(waiting, decision.add);
    else if (this.#standsAside(waiting, decision.change)) return false;
    else {
      const memberId = 'memberId' in request ? request.memberId : nobody;
      this.#propose(waiting, decision.change, { memberId, context: '' });
    }
    return true;
  }

  #move(waiting: Waiting, { promotion: _, ...record }: MemberRecord): void {
    this.#take(waiting, { memberId: record.memberId, entry: undefined });
    this.#host.propose({ type: 'register', ...record }, (outcome) => {
      if (this.#underWay?.waiting !== waiting) return;
      if (!outcome.ok) return this.#end(failed(outcome.code));
      const isRefused = outcome.reply.type !== 'register' || outcome.reply.refused !== undefined;
      this.#end(isRefused ? failed('member_not_found') : this.#success(record.memberId));
    });
  }

  #add(waiting: Waiting, { peerAddress, promotion, instead }: Addition): void {
    const { raft, options, machine } = this.#host;
    const memberId = addedMemberIdOf(options.clusterId, raft.lastIndex + 1);
    if (machine.members.get(memberId) !== undefined) {
      return this.#settle(waiting, failed('member_exists'));
    }
    const added = { memberId, name: '', peerAddress, clientAddress: '', directoryId: '' };
    const record: MemberRecord = promotion === undefined ? added : { ...added, promotion };
    const changes: MemberChange[] = [{ action: 'addLearner', member: memberId }];
    if (instead !== undefined) changes.push({ action: 'remove', member: instead });
    this.#propose(waiting, changes, { memberId, context: JSON.stringify(record) });
  }

  /** Whoever leads hands leadership over before it goes, if it can: that costs the least time without a leader. */
  #standsAside(waiting: Waiting, changes: readonly MemberChange[]): boolean {
    const { self } = this.#view();
    const goes = changes.some(({ action, member }) => action === 'remove' && member === self);
    if (!goes || waiting.stoodAside) return false;
    waiting.stoodAside = true;
    return standAside(this.#host, this.#view());
  }

  #propose(
    waiting: Waiting,
    changes: readonly MemberChange[],
    { memberId, context }: { readonly memberId: MemberId; readonly context: string },
  ): void {
    const { raft } = this.#host;
    const entry = { index: raft.lastIndex + 1, term: raft.term };
    const refused = raft.proposeMembership({ changes, transition: 'auto', context });
    if (refused !== undefined) return this.#settle(waiting, failed('unhealthy_cluster'));
    this.#take(waiting, { memberId, entry });
    this.#host.wakeUp();
  }

  #take(waiting: Waiting, what: Omit<UnderWay, 'waiting'>): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#underWay = { waiting, ...what };
  }

  #end(outcome: ChangeOutcome): void {
    const ended = this.#underWay;
    this.#underWay = undefined;
    ended?.waiting.done(outcome);
    this.#host.wakeUp();
  }

  #settle(waiting: Waiting, outcome: ChangeOutcome): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    waiting.done(outcome);
  }

  #success(memberId: MemberId): ChangeOutcome {
    const { machine, raft } = this.#host;
    return { ok: true, memberId, members: memberInfos(machine.members, raft) };
  }

  /** Sends what was asked here to whoever leads. */
  #forward(): void {
    const { raft, links } = this.#host;
    if (raft.role === 'leader') return;
    for (const waiting of [...this.#waiting]) {
      if (waiting.isForwarded) this.#settle(waiting, failed('not_leader'));
      else if (waiting.sentTo === nobody && raft.leader !== nobody) {
        const versions = links.introduction(raft.leader)?.versions;
        if (versions === undefined) continue;
        if (versions.highest < forwardableSince) {
          this.#settle(waiting, failed('cluster_too_old'));
          continue;
        }
        const { number, request } = waiting;
        const text = requestText(request);
        const isSent = links.peer(raft.leader)?.send({ type: 'changeRequest', number, text });
        if (isSent === true) waiting.sentTo = raft.leader;
      }
    }
  }

  /** The leader's answer to what was sent. */
  replied(from: MemberId, number: number, outcome: ChangeOutcome): void {
    const waiting = this.#waiting.find((one) => one.number === number && one.sentTo === from);
    if (waiting === undefined) return;
    // It leads no more, and did nothing: the next tick sends it to whoever does.
    if (!outcome.ok && outcome.code === 'not_leader') waiting.sentTo = nobody;
    else this.#settle(waiting, outcome);
  }

  /** What was sent over the link may have been done. */
  linkLost(peer: MemberId): void {
    for (const waiting of [...this.#waiting]) {
      if (waiting.sentTo === peer) this.#settle(waiting, failed('leader_changed'));
    }
  }

  close(): void {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    underWay?.waiting.done(failed('server_stopped'));
    for (const waiting of [...this.#waiting]) this.#settle(waiting, failed('server_stopped'));
  }
}

/** Hands leadership to the voter that holds most of the log. False when there is nobody to take it. */
export function standAside({ raft }: Pick<ChangesHost, 'raft'>, view: ClusterView): boolean {
  const [best] = view.membership.voters
    .filter((id) => id !== view.self && view.isUp(id))
    .sort((left, right) => view.match(right) - view.match(left));
  return best !== undefined && raft.transfer(best);
}

function failed(code: ErrorCode): ChangeOutcome {
  return { ok: false, code };
}
