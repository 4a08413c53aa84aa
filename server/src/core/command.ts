import type { ByteString, LeaseId, MemberId } from '@lockstep/client/protocol';
import { unreachable } from './base/assert.ts';
import { DecodeError, Reader, Writer } from './base/codec.ts';

/**
 * Who proposed a command, so that the proposer finds its waiting caller when the command is applied.
 * `incarnation` is drawn anew at each start: numbers of an earlier life never match.
 */
export interface Origin {
  readonly incarnation: number;
  readonly sequence: number;
}

export interface PutCommand {
  readonly type: 'put';
  readonly key: ByteString;
  readonly value: ByteString;
  readonly lease: LeaseId;
  readonly prevKv: boolean;
}

export interface DeleteRangeCommand {
  readonly type: 'deleteRange';
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
  readonly prevKv: boolean;
}

/** Binds a member's id to the one data directory that may act under it, and tells its addresses. */
export interface RegisterCommand {
  readonly type: 'register';
  readonly memberId: MemberId;
  readonly directoryId: string;
  readonly name: string;
  readonly clientAddress: string;
  readonly peerAddress: string;
}

export type Command = PutCommand | DeleteRangeCommand | RegisterCommand;

export interface Envelope {
  readonly origin: Origin;
  readonly command: Command;
}

/** Raised when the bytes of a command change meaning; a member refuses what is newer than it knows. */
const formatVersion = 1;
const tags = { put: 1, deleteRange: 2, register: 3 } as const;

/** Commands are encoded one at a time and copied out, so one buffer serves all. */
const writer = new Writer(4096);

export function encodeCommand(origin: Origin, command: Command): Uint8Array {
  writer.reset();
  writer
    .u8(formatVersion)
    .u8(tags[command.type])
    .number(origin.incarnation)
    .number(origin.sequence);
  switch (command.type) {
    case 'put':
      return writer
        .string(command.key)
        .string(command.value)
        .text(command.lease)
        .flag(command.prevKv)
        .finish();
    case 'deleteRange':
      return writer.string(command.key).string(command.rangeEnd).flag(command.prevKv).finish();
    case 'register':
      return writer
        .text(command.memberId)
        .text(command.directoryId)
        .text(command.name)
        .text(command.clientAddress)
        .text(command.peerAddress)
        .finish();
    default:
      return unreachable(command);
  }
}

/** @throws DecodeError when the payload is of a newer format or not a command at all. */
export function decodeCommand(payload: Uint8Array): Envelope {
  const reader = new Reader(payload);
  const version = reader.u8();
  if (version !== formatVersion) {
    throw new DecodeError(`a command of format ${version}; this build knows ${formatVersion}`);
  }
  const tag = reader.u8();
  const origin = { incarnation: reader.number(), sequence: reader.number() };
  return { origin, command: decodeBody(tag, reader) };
}

function decodeBody(tag: number, reader: Reader): Command {
  switch (tag) {
    case tags.put:
      return {
        type: 'put',
        key: reader.string(),
        value: reader.string(),
        lease: reader.text(),
        prevKv: reader.flag(),
      };
    case tags.deleteRange:
      return {
        type: 'deleteRange',
        key: reader.string(),
        rangeEnd: reader.string(),
        prevKv: reader.flag(),
      };
    case tags.register:
      return {
        type: 'register',
        memberId: reader.text(),
        directoryId: reader.text(),
        name: reader.text(),
        clientAddress: reader.text(),
        peerAddress: reader.text(),
      };
    default:
      throw new DecodeError(`a command of unknown type ${tag}`);
  }
}
