import { DecodeError, Reader, Writer } from '../core/base/codec.ts';
import type { VersionRange } from '../core/cluster-version.ts';
import type { Machine } from '../core/machine.ts';
import type { MemberRecord } from '../core/member-table.ts';
import type { Message } from '../core/raft/message.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import { listLength, readMessage, readMeta, writeMessage, writeMeta } from './peer-codec.ts';

/** Raised when members of an older build could not read the frames any more. */
export const peerProtocolVersion = 1;

/** Who speaks, and for which cluster: the first frame in both directions of a link. */
export interface Introduction {
  readonly protocol: number;
  readonly clusterId: string;
  /** For the message when cluster ids differ. */
  readonly initialCluster: string;
  readonly memberId: string;
  readonly directoryId: string;
  readonly name: string;
  readonly peerAddress: string;
  readonly clientAddress: string;
  /** True while the member has neither a vote nor an entry, as on a new disk. */
  readonly fresh: boolean;
  /** The cluster versions that its build can work with. */
  readonly versions: VersionRange;
  /** The cluster version that it knows of; 0 until it has applied an entry of this cluster, or its state. */
  readonly clusterVersion: number;
}

/**
 * Why a link is refused; `wiped` means that the id is bound to another data directory, `protocol`
 * also that a build and a cluster version do not fit.
 */
export type RefusalKind = 'protocol' | 'cluster' | 'member' | 'wiped' | 'name';

/** A member as one that is to join is told of it. */
export interface LookedUpMember extends Omit<MemberRecord, 'promotion' | 'directoryId'> {
  /** It has been started: a directory acts under its id. Which one is nobody's business who asks. */
  readonly isBound: boolean;
  /** Whom it is to take the place of; '' for nobody. */
  readonly replaces: string;
}

export type PeerFrame =
  /** Dialer: who I am and whom I want to talk to. */
  | { readonly type: 'hello'; readonly to: string; readonly self: Introduction }
  /** Accepter: welcome; or a refusal in a sentence, after which it closes. */
  | { readonly type: 'welcome'; readonly self: Introduction }
  | {
      readonly type: 'refusal';
      readonly kind: RefusalKind;
      readonly sentence: string;
      /** Who refuses is itself on an empty disk, and may be the one that is wrong. */
      readonly fresh: boolean;
    }
  /** Dialer, now and then: are you there? A link that is silent for too long is dialed anew. */
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  /** From a member on a new disk: does the cluster know me? Answered after a linearizable read. */
  | { readonly type: 'inquiry' }
  | {
      readonly type: 'inquiryReply';
      readonly registeredDirectory: string;
      /** Whether the asking member is, or still takes part as, one of the cluster. */
      readonly isMember: boolean;
    }
  /** Instead of a hello, from who is to become a member: who is in the cluster? Answered after a linearizable read. */
  | { readonly type: 'lookup' }
  | {
      readonly type: 'lookupReply';
      readonly clusterId: string;
      readonly members: readonly LookedUpMember[];
    }
  /** To the leader: what an operator asks of the membership, and what came of it. */
  | { readonly type: 'changeRequest'; readonly number: number; readonly text: string }
  | { readonly type: 'changeReply'; readonly number: number; readonly text: string }
  /** Raft messages, in the order they were sent. */
  | { readonly type: 'messages'; readonly messages: readonly Message[] }
  /** The leader's state in chunks, numbered from 0; `end` carries the count. */
  | { readonly type: 'snapshotBegin'; readonly term: number; readonly meta: SnapshotMeta }
  /** `index` is that of the begin, so that parts of two snapshots are never put together. */
  | {
      readonly type: 'snapshotChunk';
      readonly index: number;
      readonly number: number;
      readonly chunk: Uint8Array;
    }
  | { readonly type: 'snapshotEnd'; readonly index: number; readonly count: number }
  /** Accepter of a snapshot: it is durable here, or it was refused; the leader goes on either way. */
  | { readonly type: 'snapshotReply'; readonly ok: boolean };

const tags = {
  hello: 1,
  welcome: 2,
  refusal: 3,
  inquiry: 4,
  inquiryReply: 5,
  messages: 6,
  snapshotBegin: 7,
  snapshotChunk: 8,
  snapshotEnd: 9,
  snapshotReply: 10,
  ping: 11,
  pong: 12,
  lookup: 13,
  lookupReply: 14,
  changeRequest: 15,
  changeReply: 16,
} as const satisfies Record<PeerFrame['type'], number>;

const refusalKinds: readonly RefusalKind[] = ['protocol', 'cluster', 'member', 'wiped', 'name'];

/** Frames are encoded one at a time and copied out, so one buffer serves all. */
const writer = new Writer(64 * 1024);

export function encodeFrame(frame: PeerFrame): Uint8Array {
  writer.reset();
  writer.u8(tags[frame.type]);
  switch (frame.type) {
    case 'hello':
      writer.text(frame.to);
      writeIntroduction(writer, frame.self);
      break;
    case 'welcome':
      writeIntroduction(writer, frame.self);
      break;
    case 'refusal':
      writer.u8(refusalKinds.indexOf(frame.kind)).text(frame.sentence).flag(frame.fresh);
      break;
    case 'inquiryReply':
      writer.text(frame.registeredDirectory).flag(frame.isMember);
      break;
    case 'messages':
      writer.number(frame.messages.length);
      for (const message of frame.messages) writeMessage(writer, message);
      break;
    case 'snapshotBegin':
      writer.number(frame.term);
      writeMeta(writer, frame.meta);
      break;
    case 'snapshotChunk':
      writer.number(frame.index).number(frame.number).bytes(frame.chunk);
      break;
    case 'snapshotEnd':
      writer.number(frame.index).number(frame.count);
      break;
    case 'snapshotReply':
      writer.flag(frame.ok);
      break;
    case 'lookupReply':
      writer.text(frame.clusterId).number(frame.members.length);
      for (const member of frame.members) writeMember(writer, member);
      break;
    case 'changeRequest':
    case 'changeReply':
      writer.number(frame.number).text(frame.text);
      break;
    case 'inquiry':
    case 'lookup':
    case 'ping':
    case 'pong':
      break;
  }
  return writer.finish();
}

/** @throws DecodeError on anything this build does not know. */
export function decodeFrame(bytes: Uint8Array): PeerFrame {
  const reader = new Reader(bytes);
  const tag = reader.u8();
  switch (tag) {
    case tags.hello:
      return { type: 'hello', to: reader.text(), self: readIntroduction(reader) };
    case tags.welcome:
      return { type: 'welcome', self: readIntroduction(reader) };
    case tags.refusal: {
      const kind = refusalKinds[reader.u8()];
      if (kind === undefined) throw new DecodeError('a refusal of unknown kind');
      return { type: 'refusal', kind, sentence: reader.text(), fresh: reader.flag() };
    }
    case tags.inquiry:
      return { type: 'inquiry' };
    case tags.ping:
      return { type: 'ping' };
    case tags.pong:
      return { type: 'pong' };
    case tags.inquiryReply:
      return {
        type: 'inquiryReply',
        registeredDirectory: reader.text(),
        // Older builds do not say; who asks them is not told of its removal.
        isMember: reader.atEnd || reader.flag(),
      };
    case tags.lookup:
      return { type: 'lookup' };
    case tags.lookupReply: {
      const clusterId = reader.text();
      const members: LookedUpMember[] = [];
      for (let left = listLength(reader); left > 0; left--) members.push(readMember(reader));
      return { type: 'lookupReply', clusterId, members };
    }
    case tags.changeRequest:
      return { type: 'changeRequest', number: reader.number(), text: reader.text() };
    case tags.changeReply:
      return { type: 'changeReply', number: reader.number(), text: reader.text() };
    case tags.messages: {
      const messages: Message[] = [];
      for (let left = listLength(reader); left > 0; left--) messages.push(readMessage(reader));
      return { type: 'messages', messages };
    }
    case tags.snapshotBegin:
      return { type: 'snapshotBegin', term: reader.number(), meta: readMeta(reader) };
    case tags.snapshotChunk:
      return {
        type: 'snapshotChunk',
        index: reader.number(),
        number: reader.number(),
        chunk: reader.bytes(),
      };
    case tags.snapshotEnd:
      return { type: 'snapshotEnd', index: reader.number(), count: reader.number() };
    case tags.snapshotReply:
      return { type: 'snapshotReply', ok: reader.flag() };
    default:
      throw new DecodeError(`a peer frame of unknown type ${tag}`);
  }
}

function writeMember(writer: Writer, member: LookedUpMember): void {
  writer.text(member.memberId).text(member.name).text(member.peerAddress);
  writer.text(member.clientAddress).flag(member.isBound).text(member.replaces);
}

function readMember(reader: Reader): LookedUpMember {
  return {
    memberId: reader.text(),
    name: reader.text(),
    peerAddress: reader.text(),
    clientAddress: reader.text(),
    isBound: reader.flag(),
    replaces: reader.text(),
  };
}

function writeIntroduction(writer: Writer, self: Introduction): void {
  // The version stands first, so that a later format can still be told apart.
  writer.number(self.protocol);
  writer.text(self.clusterId).text(self.initialCluster).text(self.memberId);
  writer.text(self.directoryId).text(self.name);
  writer.text(self.peerAddress).text(self.clientAddress).flag(self.fresh);
  // Builds that do not know of cluster versions stop reading here.
  writer.number(self.versions.lowest).number(self.versions.highest).number(self.clusterVersion);
}

function readIntroduction(reader: Reader): Introduction {
  return {
    protocol: reader.number(),
    clusterId: reader.text(),
    initialCluster: reader.text(),
    memberId: reader.text(),
    directoryId: reader.text(),
    name: reader.text(),
    peerAddress: reader.text(),
    clientAddress: reader.text(),
    fresh: reader.flag(),
    ...readVersions(reader),
  };
}

/** A build that says nothing of cluster versions is from before there were any: it knows the first. */
function readVersions(reader: Reader): Pick<Introduction, 'versions' | 'clusterVersion'> {
  if (reader.atEnd) return { versions: { lowest: 1, highest: 1 }, clusterVersion: 0 };
  const versions = { lowest: reader.number(), highest: reader.number() };
  return { versions, clusterVersion: reader.number() };
}

/** How a member introduces itself. @param state whether it is fresh, and whether its machine has applied anything. */
export function introductionOf(
  member: Omit<Introduction, 'protocol' | 'fresh' | 'versions' | 'clusterVersion'>,
  state: { readonly fresh: boolean; readonly applied: boolean; readonly machine: Machine },
): Introduction {
  const { fresh, applied, machine } = state;
  return {
    protocol: peerProtocolVersion,
    clusterId: member.clusterId,
    initialCluster: member.initialCluster,
    memberId: member.memberId,
    directoryId: member.directoryId,
    name: member.name,
    peerAddress: member.peerAddress,
    clientAddress: member.clientAddress,
    fresh,
    versions: machine.build.versions,
    clusterVersion: applied ? machine.clusterVersion : 0,
  };
}
