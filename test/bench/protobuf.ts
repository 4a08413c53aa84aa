/**
 * The few etcd v3 messages the drivers speak, encoded by hand (etcd's rpc.proto and kv.proto), so
 * that encoding costs the driver nothing while it measures.
 */
const lengthDelimited = 2;

/** `grpc` length-prefixed message: no compression, 32-bit length, body. */
export function grpcMessage(body: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

export function putRequest(key: string, value: string): Buffer {
  return Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, Buffer.from(value))]);
}

export function rangeRequest(key: string): Buffer {
  return bytesField(1, Buffer.from(key));
}

/** WatchRequest with a WatchCreateRequest for one key. */
export function watchCreateRequest(key: string): Buffer {
  return bytesField(1, bytesField(1, Buffer.from(key)));
}

const watchResponseCreated = 3;
const watchResponseCanceled = 4;
const watchResponseEvents = 11;

export interface WatchResponseSummary {
  readonly created: boolean;
  readonly canceled: boolean;
  readonly events: number;
}

/** Counts the events of the WatchResponse in `bytes[from, to)` without decoding them. */
export function summarizeWatchResponse(
  bytes: Buffer,
  from: number,
  to: number,
): WatchResponseSummary {
  let created = false;
  let canceled = false;
  let events = 0;
  let at = from;
  while (at < to) {
    const tag = bytes[at++] ?? 0;
    const field = tag >> 3;
    const [value, next] = readVarint(bytes, at);
    at = next;
    if ((tag & 7) === lengthDelimited) at += value;
    if (field === watchResponseEvents) events++;
    else if (field === watchResponseCreated) created = value !== 0;
    else if (field === watchResponseCanceled) canceled = value !== 0;
  }
  return { created, canceled, events };
}

function bytesField(field: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | lengthDelimited]), varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** The value and the position after it; beyond 2^53 the value is inexact, which nobody here minds. */
function readVarint(bytes: Buffer, from: number): [value: number, next: number] {
  let value = 0;
  let scale = 1;
  let at = from;
  for (;;) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at];
    scale *= 128;
  }
}
