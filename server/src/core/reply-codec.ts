/** Remembered replies as bytes, inside a snapshot. */
import type { Alarm } from '@lockstep/client/protocol';
import { unreachable } from './base/assert.ts';
import { DecodeError, type Reader, type Writer } from './base/codec.ts';
import type { KeyValue } from './mvcc/key-value.ts';
import { readKeyValue, writeKeyValue } from './mvcc/request-codec.ts';
import type { TxnOperationReply, TxnReply } from './mvcc/requests.ts';
import type { Refusal, Reply } from './reply.ts';

const types = [
  'refused',
  'put',
  'deleteRange',
  'txn',
  'leaseGrant',
  'leaseRenew',
  'registerClient',
  'clearAlarm',
  'hashCheck',
  'register',
  'done',
] as const satisfies readonly Reply['type'][];
const refusals = [
  'key_not_found',
  'lease_not_found',
  'compacted',
  'future_revision',
  'lease_exists',
  'no_space',
  'client_expired',
  'reply_evicted',
  'too_many_requests',
  'cluster_too_old',
  'root_user_missing',
  'root_role_missing',
  'user_name_empty',
  'role_name_empty',
  'user_exists',
  'user_not_found',
  'role_exists',
  'role_not_found',
  'role_not_granted',
  'permission_not_granted',
  'permission_not_given',
  'invalid_auth_management',
  'permission_denied',
  'auth_revision_old',
] as const satisfies readonly Refusal['code'][];
const operations = ['range', 'put', 'deleteRange', 'txn'] as const;
const alarms = ['nospace', 'corrupt'] as const;
/** As for the transactions that are answered. */
const depthMax = 256;

export function writeReply(writer: Writer, reply: Reply): void {
  writer.u8(types.indexOf(reply.type));
  switch (reply.type) {
    case 'refused':
      writer
        .u8(refusals.indexOf(reply.code))
        .number(reply.compactRevision ?? 0)
        .number(reply.revision ?? 0);
      return;
    case 'put':
      return writePairs(writer, reply.prevKv === undefined ? [] : [reply.prevKv]);
    case 'deleteRange':
      writer.number(reply.deleted);
      return writePairs(writer, reply.prevKvs);
    case 'txn':
      return writeTxnReply(writer, reply);
    case 'leaseGrant':
      writer.text(reply.id).number(reply.ttl);
      return;
    case 'leaseRenew':
      writer.number(reply.ttls.length);
      for (const ttl of reply.ttls) writer.number(ttl);
      return;
    case 'registerClient':
      writer.text(reply.clientId);
      return;
    case 'clearAlarm':
      return writeAlarms(writer, reply.alarms);
    case 'hashCheck':
      writer.number(reply.check);
      return;
    case 'register':
      writer.text(reply.refused?.registeredDirectory ?? '');
      return;
    case 'done':
      return;
    default:
      return unreachable(reply);
  }
}

export function readReply(reader: Reader): Reply {
  const type = readOf(types, reader);
  switch (type) {
    case 'refused': {
      const code = readOf(refusals, reader);
      const compactRevision = reader.number();
      const revision = reader.number();
      return {
        type,
        code,
        ...(compactRevision === 0 ? {} : { compactRevision }),
        ...(revision === 0 ? {} : { revision }),
      };
    }
    case 'put':
      return { type, prevKv: readPairs(reader)[0] };
    case 'deleteRange':
      return { type, deleted: reader.number(), prevKvs: readPairs(reader) };
    case 'txn':
      return { type, ...readTxnReply(reader) };
    case 'leaseGrant':
      return { type, id: reader.text(), ttl: reader.number() };
    case 'leaseRenew': {
      const ttls: number[] = [];
      for (let left = reader.count(); left > 0; left--) ttls.push(reader.number());
      return { type, ttls };
    }
    case 'registerClient':
      return { type, clientId: reader.text() };
    case 'clearAlarm':
      return { type, alarms: readAlarms(reader) };
    case 'hashCheck':
      return { type, check: reader.number() };
    case 'register': {
      const registeredDirectory = reader.text();
      return { type, refused: registeredDirectory === '' ? undefined : { registeredDirectory } };
    }
    case 'done':
      return { type };
  }
}

function readOf<Name>(names: readonly Name[], reader: Reader): Name {
  const name = names[reader.u8()];
  if (name === undefined) throw new DecodeError('a reply of unknown type');
  return name;
}

export function writeAlarms(writer: Writer, list: readonly Alarm[]): void {
  writer.number(list.length);
  for (const { memberId, alarm } of list) writer.text(memberId).u8(alarms.indexOf(alarm));
}

export function readAlarms(reader: Reader): Alarm[] {
  const list: Alarm[] = [];
  for (let left = reader.count(); left > 0; left--) {
    list.push({ memberId: reader.text(), alarm: readOf(alarms, reader) });
  }
  return list;
}

function writePairs(writer: Writer, kvs: readonly KeyValue[]): void {
  writer.number(kvs.length);
  for (const kv of kvs) writeKeyValue(writer, kv);
}

function readPairs(reader: Reader): KeyValue[] {
  const kvs: KeyValue[] = [];
  for (let left = reader.count(); left > 0; left--) kvs.push(readKeyValue(reader));
  return kvs;
}

function writeTxnReply(writer: Writer, reply: TxnReply): void {
  writer.flag(reply.succeeded).number(reply.results.length);
  for (const result of reply.results) {
    writer.u8(operations.indexOf(result.type)).number(result.revision);
    switch (result.type) {
      case 'range':
        writePairs(writer, result.reply.kvs);
        writer.flag(result.reply.more).number(result.reply.count);
        break;
      case 'put':
        writePairs(writer, result.reply.prevKv === undefined ? [] : [result.reply.prevKv]);
        break;
      case 'deleteRange':
        writer.number(result.reply.deleted);
        writePairs(writer, result.reply.prevKvs);
        break;
      case 'txn':
        writeTxnReply(writer, result.reply);
        break;
    }
  }
}

function readTxnReply(reader: Reader, depth = 0): TxnReply {
  if (depth > depthMax) throw new DecodeError('a reply is nested too deep');
  const succeeded = reader.flag();
  const results: TxnOperationReply[] = [];
  for (let left = reader.count(); left > 0; left--) results.push(readOperationReply(reader, depth));
  return { succeeded, results };
}

function readOperationReply(reader: Reader, depth: number): TxnOperationReply {
  const type = readOf(operations, reader);
  const revision = reader.number();
  switch (type) {
    case 'range': {
      const kvs = readPairs(reader);
      return { type, reply: { kvs, more: reader.flag(), count: reader.number() }, revision };
    }
    case 'put':
      return { type, reply: { prevKv: readPairs(reader)[0] }, revision };
    case 'deleteRange':
      return { type, reply: { deleted: reader.number(), prevKvs: readPairs(reader) }, revision };
    case 'txn':
      return { type, reply: readTxnReply(reader, depth + 1), revision };
  }
}
