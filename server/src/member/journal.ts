import type { Alarm } from '@lockstep/client/protocol';
import type { MemberTable } from '../core/member-table.ts';
import type { Membership } from '../core/raft/types.ts';
import type { MemberEvent, MemberEventName } from './events.ts';

/** A disk that takes longer for one write holds up elections and every caller. */
export const slowWriteMs = 500;
/** Of a disk that stays slow one line in so many ticks is enough. */
const slowAgainTicks = 100;
/** Others whose refusal is remembered, so that it is told once and not at every attempt. */
const refusalsMax = 256;

/** Puts what happens to a member into words: one event for each important thing, none for a request. */
export class Journal {
  readonly #tell: (event: MemberEvent) => void;
  readonly #members: () => MemberTable;
  readonly #refusals = new Map<string, string>();
  #quietTicks = 0;
  #closed = false;

  constructor(tell: (event: MemberEvent) => void, members: () => MemberTable) {
    this.#tell = tell;
    this.#members = members;
  }

  #say(name: MemberEventName, sentence: string, fields: MemberEvent['fields'] = {}): void {
    if (!this.#closed) this.#tell({ name, sentence, fields });
  }

  #nameOf(memberId: string): string {
    return this.#members().get(memberId)?.name || memberId;
  }

  /** What follows is the end of the member itself, and no news about others. */
  close(): void {
    this.#closed = true;
  }

  joined(term: number): void {
    this.#say('joined', 'joined the cluster', { term });
  }

  leaderElected(leaderId: string, term: number): void {
    const leader = this.#nameOf(leaderId);
    const fields = { leader, leaderId, term };
    this.#say('leader_elected', `${leader} leads term ${term}`, fields);
  }

  leaderLost(leaderId: string, term: number): void {
    const leader = this.#nameOf(leaderId);
    const fields = { leader, leaderId, term };
    this.#say('leader_lost', `lost the leader ${leader}; nobody is known to lead`, fields);
  }

  becameLeader(term: number): void {
    this.#say('became_leader', `became the leader of term ${term}`, { term });
  }

  steppedDown(term: number): void {
    this.#say('stepped_down', `does not lead any more, in term ${term}`, { term });
  }

  proposedAgain(count: number): void {
    this.#say('proposed_again', `proposing again ${count} that a leader lost`, { count });
  }

  snapshotSaved(saved: { index: number; term: number; bytes: number; ms: number }): void {
    const ms = Math.round(saved.ms);
    this.#say('snapshot_saved', `saved a snapshot at index ${saved.index}`, { ...saved, ms });
  }

  snapshotSent(toId: string, index: number): void {
    const to = this.#nameOf(toId);
    this.#say('snapshot_sent', `sent a snapshot at index ${index} to ${to}`, { to, toId, index });
  }

  snapshotInstalled(installed: { index: number; term: number; revision: number }): void {
    const { index } = installed;
    this.#say('snapshot_installed', `installed a snapshot at index ${index}`, installed);
  }

  compacted(revision: number): void {
    this.#say('compacted', `gave back the history below revision ${revision}`, { revision });
  }

  alarmRaised({ memberId, alarm }: Alarm): void {
    const of = this.#nameOf(memberId);
    const fields = { alarm, of, ofId: memberId };
    if (alarm === 'corrupt') {
      this.#say('hash_mismatch', `the state of ${of} differs from the others'`, fields);
    } else this.#say('alarm_raised', `alarm ${alarm} of ${of}`, fields);
  }

  alarmCleared({ memberId, alarm }: Alarm): void {
    const of = this.#nameOf(memberId);
    this.#say('alarm_cleared', `alarm ${alarm} of ${of} is over`, { alarm, of, ofId: memberId });
  }

  /** From here on members may propose what the version brought; told also when a snapshot brings it. */
  clusterVersionRaised(version: number, before: number): void {
    const sentence = `the cluster is at version ${version} from now on, ${before} before`;
    this.#say('cluster_version_raised', sentence, { version, before });
  }

  /** Who the members are from now on. */
  membersChanged({ voters, learners }: Membership): void {
    const [voting, learning] = [voters, learners].map((ids) =>
      ids.map((id) => this.#nameOf(id)).join(', '),
    );
    const rest = learning === '' ? '' : `, and the learners ${learning}`;
    const fields = { voters: voting ?? '', learners: learning ?? '' };
    this.#say('members_changed', `the voters are ${voting}${rest}`, fields);
  }

  peerUp(peerId: string, address: string): void {
    const peer = this.#nameOf(peerId);
    this.#refusals.delete(address);
    this.#say('peer_up', `linked to ${peer} at ${address}`, { peer, peerId, address });
  }

  peerDown(peerId: string, address: string, reason: string): void {
    const peer = this.#nameOf(peerId);
    const fields = { peer, peerId, address, reason };
    this.#say('peer_down', `lost the link to ${peer} at ${address}: ${reason}`, fields);
  }

  /** This member does not talk to one that called it. Told once for each reason. */
  memberRefused(other: { name: string; memberId: string; address: string }, reason: string): void {
    if (!this.#isNews(other.memberId, reason)) return;
    const { name: peer, memberId: peerId, address } = other;
    const sentence = `refuses ${peer} at ${address}: ${reason}`;
    this.#say('member_refused', sentence, { peer, peerId, address, reason });
  }

  /** Another member does not talk to this one. */
  refused(address: string, reason: string): void {
    if (!this.#isNews(address, reason)) return;
    this.#say('refused', `${address} refuses this member: ${reason}`, { address, reason });
  }

  #isNews(who: string, reason: string): boolean {
    if (this.#refusals.get(who) === reason) return false;
    if (this.#refusals.size >= refusalsMax) this.#refusals.clear();
    this.#refusals.set(who, reason);
    return true;
  }

  /** Called once a tick, with the longest write of the log since the last. */
  diskTook(writeMs: number): void {
    if (this.#quietTicks > 0) this.#quietTicks--;
    if (writeMs < slowWriteMs || this.#quietTicks > 0) return;
    this.#quietTicks = slowAgainTicks;
    const ms = Math.round(writeMs);
    this.#say('slow_disk', `the disk takes ${ms} ms for a write of the log`, { ms });
  }
}
