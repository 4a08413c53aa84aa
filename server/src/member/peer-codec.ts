import { DecodeError, type Reader, type Writer } from '../core/base/codec.ts';
import type { Message } from '../core/raft/message.ts';
import type { Entry, EntryKind, Membership, SnapshotMeta } from '../core/raft/types.ts';

/** The binary form of Raft messages between members. Entry payloads travel as they stand in the log. */
const messageTags = {
  voteRequest: 1,
  voteReply: 2,
  appendRequest: 3,
  appendReply: 4,
  heartbeat: 5,
  heartbeatReply: 6,
  installSnapshot: 7,
  forwardedProposal: 8,
  proposalDropped: 9,
  readIndexRequest: 10,
  readIndexReply: 11,
  transferRequest: 12,
  timeoutNow: 13,
  commitNotice: 14,
} as const satisfies Record<Message['type'], number>;

const dropReasons = ['no_leader', 'too_many_requests', 'transferring'] as const;
const entryKinds: readonly EntryKind[] = ['command', 'membership'];
/** Far more than fit the bytes of one message; what is read takes many times the bytes that say it. */
const listMax = 262_144;

export function writeMessage(writer: Writer, message: Message): void {
  writer.u8(messageTags[message.type]).text(message.from).text(message.to).number(message.term);
  switch (message.type) {
    case 'voteRequest':
      writer.flag(message.preVote).flag(message.transfer);
      writer.number(message.lastIndex).number(message.lastTerm);
      return;
    case 'voteReply':
      writer.flag(message.preVote).flag(message.granted);
      writer.number(message.committed?.index ?? 0).number(message.committed?.term ?? 0);
      return;
    case 'appendRequest':
      writer.number(message.prevIndex).number(message.prevTerm).number(message.commit);
      writer.number(message.entries.length);
      for (const entry of message.entries) writeEntry(writer, entry);
      return;
    case 'appendReply':
      writer.flag(message.success).number(message.index);
      writer.number(message.hintIndex).number(message.hintTerm);
      return;
    case 'heartbeat':
      writer.number(message.commit).number(message.round);
      return;
    case 'commitNotice':
      writer.number(message.commit);
      return;
    case 'heartbeatReply':
      writer.number(message.round);
      return;
    case 'installSnapshot':
      writeMeta(writer, message.snapshot);
      return;
    case 'forwardedProposal':
      writer.number(message.batch).number(message.payloads.length);
      for (const payload of message.payloads) writer.bytes(payload);
      return;
    case 'proposalDropped':
      writer.number(message.batch).u8(dropReasons.indexOf(message.reason));
      return;
    case 'readIndexRequest':
      writer.number(message.context);
      return;
    case 'readIndexReply':
      writer.number(message.context).number(message.index);
      return;
    case 'transferRequest':
      writer.text(message.target);
      return;
    case 'timeoutNow':
      return;
  }
}

/** @throws DecodeError on bytes that no message of this build's format has. */
export function readMessage(reader: Reader): Message {
  const tag = reader.u8();
  const envelope = { from: reader.text(), to: reader.text(), term: reader.number() };
  switch (tag) {
    case messageTags.voteRequest:
      return {
        type: 'voteRequest',
        ...envelope,
        preVote: reader.flag(),
        transfer: reader.flag(),
        lastIndex: reader.number(),
        lastTerm: reader.number(),
      };
    case messageTags.voteReply:
      return {
        type: 'voteReply',
        ...envelope,
        preVote: reader.flag(),
        granted: reader.flag(),
        committed: { index: reader.number(), term: reader.number() },
      };
    case messageTags.appendRequest: {
      const prevIndex = reader.number();
      const prevTerm = reader.number();
      const commit = reader.number();
      const entries = readEntries(reader, prevIndex + 1);
      return { type: 'appendRequest', ...envelope, prevIndex, prevTerm, commit, entries };
    }
    case messageTags.appendReply:
      return {
        type: 'appendReply',
        ...envelope,
        success: reader.flag(),
        index: reader.number(),
        hintIndex: reader.number(),
        hintTerm: reader.number(),
      };
    case messageTags.heartbeat:
      return { type: 'heartbeat', ...envelope, commit: reader.number(), round: reader.number() };
    case messageTags.commitNotice:
      return { type: 'commitNotice', ...envelope, commit: reader.number() };
    case messageTags.heartbeatReply:
      return { type: 'heartbeatReply', ...envelope, round: reader.number() };
    case messageTags.installSnapshot:
      return { type: 'installSnapshot', ...envelope, snapshot: readMeta(reader) };
    case messageTags.forwardedProposal: {
      const batch = reader.number();
      return { type: 'forwardedProposal', ...envelope, batch, payloads: readPayloads(reader) };
    }
    case messageTags.proposalDropped: {
      const batch = reader.number();
      const reason = dropReasons[reader.u8()];
      if (reason === undefined) throw new DecodeError('an unknown reason for a dropped proposal');
      return { type: 'proposalDropped', ...envelope, batch, reason };
    }
    case messageTags.readIndexRequest:
      return { type: 'readIndexRequest', ...envelope, context: reader.number() };
    case messageTags.readIndexReply:
      return {
        type: 'readIndexReply',
        ...envelope,
        context: reader.number(),
        index: reader.number(),
      };
    case messageTags.transferRequest:
      return { type: 'transferRequest', ...envelope, target: reader.text() };
    case messageTags.timeoutNow:
      return { type: 'timeoutNow', ...envelope };
    default:
      throw new DecodeError(`a peer message of unknown type ${tag}`);
  }
}

function writeEntry(writer: Writer, entry: Entry): void {
  writer.number(entry.term).u8(entryKinds.indexOf(entry.kind)).bytes(entry.payload);
}

/** Entries of one message are consecutive, so their indexes are not sent. */
function readEntries(reader: Reader, firstIndex: number): Entry[] {
  const entries: Entry[] = [];
  const count = listLength(reader);
  for (let at = 0; at < count; at++) {
    const term = reader.number();
    const kind = entryKinds[reader.u8()];
    if (kind === undefined) throw new DecodeError('an entry of unknown kind');
    entries.push({ index: firstIndex + at, term, kind, payload: reader.bytes() });
  }
  return entries;
}

function readPayloads(reader: Reader): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (let left = listLength(reader); left > 0; left--) payloads.push(reader.bytes());
  return payloads;
}

export function listLength(reader: Reader): number {
  const length = reader.count();
  if (length > listMax)
    throw new DecodeError(`a list of ${length}; no member sends over ${listMax}`);
  return length;
}

export function writeMeta(writer: Writer, meta: SnapshotMeta): void {
  const { membership } = meta;
  writer.number(meta.index).number(meta.term);
  writeIds(writer, membership.voters);
  writeIds(writer, membership.outgoing);
  writeIds(writer, membership.learners);
  writeIds(writer, membership.learnersNext);
  writer.flag(membership.autoLeave);
}

export function readMeta(reader: Reader): SnapshotMeta {
  const index = reader.number();
  const term = reader.number();
  const membership: Membership = {
    voters: readIds(reader),
    outgoing: readIds(reader),
    learners: readIds(reader),
    learnersNext: readIds(reader),
    autoLeave: reader.flag(),
  };
  return { index, term, membership };
}

function writeIds(writer: Writer, ids: readonly string[]): void {
  writer.number(ids.length);
  for (const id of ids) writer.text(id);
}

function readIds(reader: Reader): string[] {
  const ids: string[] = [];
  for (let left = reader.count(); left > 0; left--) ids.push(reader.text());
  return ids;
}
