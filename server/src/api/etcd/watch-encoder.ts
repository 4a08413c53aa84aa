/** Answers of the Watch service as bytes; numbers of the fields are those of rpc.proto and kv.proto. */
import { type Header, noLease } from '@lockstep/client/protocol';
import type { KeyValue, WatchBatch, WatchEvent } from '../../store.ts';
import { bytesBytes, numberBytes, ProtoWriter, varintBytes } from './proto-writer.ts';

/** What an answer says besides its events. */
export interface WatchAnswer {
  readonly watchId: number;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compactRevision?: number;
  readonly cancelReason?: string;
  readonly fragment?: boolean;
}

let known = { clusterId: '', memberId: '', written: Buffer.alloc(0) };

/** Cluster and member as a header begins with them: a process has one member, and they are large numbers. */
function idsOf({ clusterId, memberId }: Header): Buffer {
  if (known.clusterId !== clusterId || known.memberId !== memberId) {
    const writer = new ProtoWriter(32);
    writer.big(1, BigInt(clusterId));
    writer.big(2, BigInt(memberId));
    known = { clusterId, memberId, written: Buffer.from(writer.finish()) };
  }
  return known.written;
}

export function writeHeader(writer: ProtoWriter, header: Header): void {
  const own = idsOf(header);
  const length = own.length + numberBytes(header.revision) + numberBytes(header.term);
  writer.nested(1, length, () => {
    writer.raw(own);
    writer.number(3, header.revision);
    writer.number(4, header.term);
  });
}

/** The header of an answer as its field: the same for all that are told of a revision at once. */
export function headerField(header: Header): Buffer {
  const writer = new ProtoWriter(48);
  writeHeader(writer, header);
  return writer.finish();
}

/** An answer without its header and its events. */
export function answerFields(answer: WatchAnswer): Buffer {
  const writer = new ProtoWriter(32);
  writer.signed(2, answer.watchId);
  writer.flag(3, answer.created === true);
  writer.flag(4, answer.canceled === true);
  writer.number(5, answer.compactRevision ?? 0);
  writer.text(6, answer.cancelReason ?? '');
  writer.flag(7, answer.fragment === true);
  return writer.finish();
}

const written = new WeakMap<WatchBatch, Buffer>();

/** The events of a revision as fields of an answer. The same batch reaches every connection, and is written once. */
export function eventsOf(batch: WatchBatch): Buffer {
  let events = written.get(batch);
  if (events === undefined) {
    const writer = new ProtoWriter(256);
    for (const event of batch.events) writeEvent(writer, event);
    events = writer.finish();
    written.set(batch, events);
  }
  return events;
}

/** The events of a revision in parts of about `bytesMax`, at least one event each. */
export function fragmentsOf(batch: WatchBatch, bytesMax: number): Buffer[] {
  const parts: Buffer[] = [];
  let writer = new ProtoWriter(256);
  for (const event of batch.events) {
    const bytes = eventLength(event) + 6;
    if (writer.length > 0 && writer.length + bytes > bytesMax) {
      parts.push(writer.finish());
      writer = new ProtoWriter(256);
    }
    writeEvent(writer, event);
  }
  parts.push(writer.finish());
  return parts;
}

function eventLength({ kv, prevKv }: WatchEvent): number {
  const pair = pairLength(kv);
  const before = prevKv === undefined ? 0 : pairLength(prevKv);
  return (
    numberBytes(kv.version === 0 ? 1 : 0) +
    (1 + varintBytes(pair) + pair) +
    (prevKv === undefined ? 0 : 1 + varintBytes(before) + before)
  );
}

function writeEvent(writer: ProtoWriter, event: WatchEvent): void {
  const { kv, prevKv } = event;
  writer.nested(11, eventLength(event), () => {
    writer.number(1, kv.version === 0 ? 1 : 0);
    writePair(writer, 2, kv);
    if (prevKv !== undefined) writePair(writer, 3, prevKv);
  });
}

function leaseLength({ lease }: KeyValue): number {
  if (lease === noLease) return 0;
  let bytes = 2;
  for (let rest = BigInt.asUintN(64, BigInt(lease)); rest > 0x7fn; rest >>= 7n) bytes++;
  return bytes;
}

function pairLength(kv: KeyValue): number {
  // Of a delete etcd tells the key and the revision.
  if (kv.version === 0) return bytesBytes(kv.key.length) + numberBytes(kv.modRevision);
  return (
    bytesBytes(kv.key.length) +
    numberBytes(kv.createRevision) +
    numberBytes(kv.modRevision) +
    numberBytes(kv.version) +
    bytesBytes(kv.value.length) +
    leaseLength(kv)
  );
}

/** A pair as a field of its message. */
export function writePair(writer: ProtoWriter, field: number, kv: KeyValue): void {
  writer.nested(field, pairLength(kv), () => {
    writer.bytes(1, kv.key);
    if (kv.version === 0) {
      writer.number(3, kv.modRevision);
      return;
    }
    writer.number(2, kv.createRevision);
    writer.number(3, kv.modRevision);
    writer.number(4, kv.version);
    writer.bytes(5, kv.value);
    if (kv.lease !== noLease) writer.big(6, BigInt.asUintN(64, BigInt(kv.lease)));
  });
}
