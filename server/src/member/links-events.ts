import { ClusterVersionError } from '../core/cluster-version.ts';
import type { Machine } from '../core/machine.ts';
import { isMember } from '../core/raft/membership.ts';
import type { Message } from '../core/raft/message.ts';
import type { Raft } from '../core/raft/raft.ts';
import type { Joining } from './joining.ts';
import type { Journal } from './journal.ts';
import { type LinksEvents, removedSentence, wipedSentence } from './links.ts';
import type { MembershipKeeper } from './membership-keeper.ts';
import type { MemberOptions } from './options.ts';
import type { Introduction } from './peer-frame.ts';
import type { Reads } from './reads.ts';
import type { Registration } from './registration.ts';
import type { Snapshots } from './snapshots.ts';

/** What a member shows to all. */
interface Host {
  readonly options: MemberOptions;
  readonly raft: Raft;
  readonly machine: Machine;
  readonly snapshots: Snapshots;
  readonly joined: boolean;
  readonly membership: MembershipKeeper;
  readIndex(done: Parameters<Reads['add']>[1]): void;
  fail(error: Error): void;
  wakeUp(): void;
}

/** What it shows only here. */
interface Parts {
  readonly journal: Journal;
  monotonicMs(): number;
  introduce(): Introduction;
  received(messages: readonly Message[]): void;
  joining(): Joining;
  registration(): Registration;
}

/** What a member does when something happens on the links to the others. */
export function linksEvents(member: Host, parts: Parts): LinksEvents {
  const { journal } = parts;
  return {
    monotonicMs: () => parts.monotonicMs(),
    introduce: () => parts.introduce(),
    members: () => member.machine.members,
    takesPart: (memberId) => isMember(member.raft.membership, memberId),
    standing: () => ({ term: member.raft.term, leads: member.raft.role === 'leader' }),
    messages: (messages) => parts.received(messages),
    request: (caller, frame) => {
      if (!member.joined && frame.type === 'inquiry') return;
      if (!member.joined) return caller.answer({ type: 'snapshotReply', ok: false });
      if (frame.type === 'changeRequest') return member.membership.asked(caller, frame);
      if (frame.type !== 'inquiry') return member.snapshots.receive(caller, frame);
      member.readIndex((error) => {
        if (error !== undefined) return;
        const { memberId } = caller;
        const record = member.machine.members.get(memberId);
        const registeredDirectory = record?.directoryId ?? '';
        const takesPart = record !== undefined || isMember(member.raft.membership, memberId);
        caller.answer({ type: 'inquiryReply', registeredDirectory, isMember: takesPart });
      });
    },
    lookedUp: (caller) => {
      // Who is new here itself knows no more than its caller.
      if (!member.joined) return caller.close();
      member.readIndex((error) => {
        if (error !== undefined) return caller.close();
        const { clusterId } = member.options;
        const members = member.machine.members
          .list()
          .map(({ directoryId, promotion, ...record }) => ({
            ...record,
            isBound: directoryId !== '',
            replaces: promotion?.replaces ?? '',
          }));
        caller.answer({ type: 'lookupReply', clusterId, members });
      });
    },
    answer: (peer, frame) => {
      if (frame.type === 'snapshotReply') member.snapshots.replied(peer, frame.ok);
      else if (frame.type === 'inquiryReply') {
        const joining = parts.joining();
        const { name } = member.options;
        // Of who only called here it is not believed that this member has to go.
        if (!frame.isMember && member.machine.members.get(peer.id) === undefined) return;
        joining.answered(frame.registeredDirectory, frame.isMember);
        if (joining.refused) member.fail(new Error(wipedSentence(name)));
        else if (joining.removed) member.fail(new Error(removedSentence(name)));
        else if (joining.joined && !frame.isMember) member.membership.dismissed();
      } else if (frame.type === 'changeReply') member.membership.replied(peer, frame);
    },
    up: (peer, other) => {
      journal.peerUp(peer.id, peer.address);
      if (member.raft.role === 'leader') parts.registration().bind(other);
      member.wakeUp();
    },
    down: (peer) => {
      journal.peerDown(peer.id, peer.address, peer.problem);
      member.raft.unreachable(peer.id);
      member.snapshots.down(peer);
      member.membership.linkLost(peer.id);
    },
    callerLeft: (caller) => member.snapshots.callerLeft(caller),
    turnedAway: ({ name, memberId, peerAddress: address }, { sentence }) =>
      journal.memberRefused({ name, memberId, address }, sentence),
    outdated: (sentence) => member.fail(new ClusterVersionError(sentence)),
    refused: (peer, refusal) => {
      journal.refused(peer.address, refusal.sentence);
      // One that only called here, and is dialed for its answers, has no say in whether this member goes on.
      if (member.machine.members.get(peer.id) === undefined) return;
      // Of two new members with different lists either may be wrong: both say so and wait.
      const misfit = refusal.kind === 'cluster' && parts.introduce().fresh && !refusal.fresh;
      if (refusal.kind === 'wiped' || misfit) member.fail(new Error(refusal.sentence));
    },
    drained: (peer) => member.snapshots.drained(peer),
  };
}
