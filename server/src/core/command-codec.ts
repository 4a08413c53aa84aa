import type { AlarmKind, Once } from '@lockstep/client/protocol';
import { readAuthAction, writeAuthAction } from './auth/auth-codec.ts';
import { unreachable } from './base/assert.ts';
import { DecodeError, Reader, Writer } from './base/codec.ts';
import type { Asker, Command, Envelope, Origin } from './command.ts';
import type { LeaseMark } from './lease/types.ts';
import { readPut, readRangeEnd, readTxn, writePut, writeTxn } from './mvcc/request-codec.ts';

/** Never reused. */
const tags = {
  put: 1,
  deleteRange: 2,
  register: 3,
  txn: 4,
  compact: 5,
  leaseGrant: 6,
  leaseRevoke: 7,
  leaseRenew: 8,
  leaseExpire: 9,
  leaseCheckpoint: 10,
  registerClient: 11,
  raiseAlarm: 12,
  clearAlarm: 13,
  hashCheck: 14,
  hashReport: 15,
  raiseClusterVersion: 16,
  auth: 17,
} as const;
/** Added to the tag of a command that carries a `Once`. */
const onceTag = 128;
/** And to that of one that carries an {@link Asker}, which cluster version 2 brought. */
const askerTag = 64;
const alarmTags = ['', 'nospace', 'corrupt'] as const;

/** Commands are encoded one at a time and copied out, so one buffer serves all. */
const writer = new Writer(4096);

/** @param version the cluster version that gives the command its meaning; the first byte. */
export function encodeCommand(
  origin: Origin,
  command: Command,
  once?: Once,
  version = 1,
  asker?: Asker,
): Uint8Array {
  writer.reset();
  const flags = (once === undefined ? 0 : onceTag) + (asker === undefined ? 0 : askerTag);
  writer
    .u8(version)
    .u8(tags[command.type] + flags)
    .number(origin.incarnation)
    .number(origin.sequence);
  if (once !== undefined) {
    writer.text(once.clientId).number(once.sequence).number(once.ackedBelow);
  }
  if (asker !== undefined) writer.text(asker.user).number(asker.authRevision);
  writeBody(command);
  return writer.finish();
}

function writeBody(command: Command): void {
  switch (command.type) {
    case 'put':
      return writePut(writer, command);
    case 'deleteRange':
      writer.string(command.key).string(command.rangeEnd).flag(command.prevKv);
      return;
    case 'txn':
      return writeTxn(writer, command);
    case 'compact':
      writer.number(command.revision);
      return;
    case 'leaseGrant':
      writer.text(command.id).number(command.ttl);
      return;
    case 'leaseRevoke':
      writer.text(command.id);
      return;
    case 'leaseRenew':
      return writeList(command.ids, (id) => writer.text(id));
    case 'leaseExpire':
      return writeList(command.marks, writeMark);
    case 'leaseCheckpoint':
      return writeList(command.checkpoints, ({ mark, remaining }) => {
        writeMark(mark);
        writer.number(remaining);
      });
    case 'raiseAlarm':
    case 'clearAlarm':
      writer.text(command.memberId).u8(alarmTags.indexOf(command.alarm));
      return;
    case 'hashReport':
      writer.text(command.memberId).number(command.check).number(command.hash);
      return;
    case 'register':
      writer
        .text(command.memberId)
        .text(command.directoryId)
        .text(command.name)
        .text(command.clientAddress)
        .text(command.peerAddress);
      return;
    case 'raiseClusterVersion':
      writer.number(command.version);
      return;
    case 'auth':
      return writeAuthAction(writer, command.change);
    case 'registerClient':
    case 'hashCheck':
      return;
    default:
      return unreachable(command);
  }
}

function writeList<Item>(items: readonly Item[], write: (item: Item) => void): void {
  writer.number(items.length);
  for (const item of items) write(item);
}

function writeMark(mark: LeaseMark): void {
  writer.text(mark.id).number(mark.renewals);
}

/** The cluster version that gives the command its meaning. */
export function versionOf(payload: Uint8Array): number {
  return payload[0] ?? 0;
}

/** The cluster version that the command raises to, if it is one that does. */
export function raisedVersion(payload: Uint8Array): number | undefined {
  if (payload[1] !== tags.raiseClusterVersion) return undefined;
  const { command } = decodeCommand(payload);
  return command.type === 'raiseClusterVersion' ? command.version : undefined;
}

/**
 * @param highest the newest cluster version whose meanings the reader knows; whoever acts on what a
 * command says gives its build's.
 * @throws DecodeError when the payload means something newer, or is not a command at all.
 */
export function decodeCommand(payload: Uint8Array, highest = Number.MAX_SAFE_INTEGER): Envelope {
  const reader = new Reader(payload);
  const version = reader.u8();
  if (version < 1 || version > highest) {
    throw new DecodeError(`a command of cluster version ${version}; this build knows ${highest}`);
  }
  const tag = reader.u8();
  const origin = { incarnation: reader.number(), sequence: reader.number() };
  const once =
    (tag & onceTag) === 0
      ? undefined
      : { clientId: reader.text(), sequence: reader.number(), ackedBelow: reader.number() };
  const asker =
    (tag & askerTag) === 0 ? undefined : { user: reader.text(), authRevision: reader.number() };
  return { origin, once, asker, command: readBody(tag & ~(onceTag | askerTag), reader) };
}

function readBody(tag: number, reader: Reader): Command {
  switch (tag) {
    case tags.put:
      return { type: 'put', ...readPut(reader) };
    case tags.deleteRange:
      return { type: 'deleteRange', ...readRangeEnd(reader), prevKv: reader.flag() };
    case tags.txn:
      return { type: 'txn', ...readTxn(reader) };
    case tags.compact:
      return { type: 'compact', revision: reader.number() };
    case tags.leaseGrant:
      return { type: 'leaseGrant', id: reader.leaseId(), ttl: reader.number() };
    case tags.leaseRevoke:
      return { type: 'leaseRevoke', id: reader.text() };
    case tags.leaseRenew:
      return { type: 'leaseRenew', ids: readList(reader, () => reader.text()) };
    case tags.leaseExpire:
      return { type: 'leaseExpire', marks: readList(reader, () => readMark(reader)) };
    case tags.leaseCheckpoint:
      return {
        type: 'leaseCheckpoint',
        checkpoints: readList(reader, () => ({
          mark: readMark(reader),
          remaining: reader.number(),
        })),
      };
    case tags.registerClient:
      return { type: 'registerClient' };
    case tags.raiseAlarm: {
      const memberId = reader.text();
      const alarm = readAlarm(reader);
      if (alarm === '') throw new DecodeError('an alarm of no kind');
      return { type: 'raiseAlarm', memberId, alarm };
    }
    case tags.clearAlarm:
      return { type: 'clearAlarm', memberId: reader.text(), alarm: readAlarm(reader) };
    case tags.hashCheck:
      return { type: 'hashCheck' };
    case tags.hashReport:
      return {
        type: 'hashReport',
        memberId: reader.text(),
        check: reader.number(),
        hash: reader.number(),
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
    case tags.raiseClusterVersion:
      return { type: 'raiseClusterVersion', version: reader.number() };
    case tags.auth:
      return { type: 'auth', change: readAuthAction(reader) };
    default:
      throw new DecodeError(`a command of unknown type ${tag}`);
  }
}

function readList<Item>(reader: Reader, read: () => Item): Item[] {
  const items: Item[] = [];
  for (let left = reader.count(); left > 0; left--) items.push(read());
  return items;
}

function readMark(reader: Reader): LeaseMark {
  return { id: reader.text(), renewals: reader.number() };
}

function readAlarm(reader: Reader): AlarmKind | '' {
  const alarm = alarmTags[reader.u8()];
  if (alarm === undefined) throw new DecodeError('an alarm of unknown kind');
  return alarm;
}
