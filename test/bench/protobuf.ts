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

/** LockRequest of etcd's lock service. */
export function lockRequest(name: string, lease: string): Buffer {
  return Buffer.concat([bytesField(1, Buffer.from(name)), numberField(2, BigInt(lease))]);
}

/** UnlockRequest, and DeleteRangeRequest of one key: both have nothing but the key. */
export function keyRequest(key: string): Buffer {
  return bytesField(1, Buffer.from(key));
}

/**
 * The TxnRequest with which etcd's Go client enters a lock's queue: puts the key with its lease unless it is there, and
 * reads the oldest key of the queue.
 */
export function enterQueueRequest(queue: string, key: string, lease: string): Buffer {
  const [targetCreate, ascending] = [1n, 1n];
  const compare = Buffer.concat([
    numberField(2, targetCreate),
    bytesField(3, Buffer.from(key)),
    numberField(5, 0n),
  ]);
  const put = Buffer.concat([putRequest(key, ''), numberField(3, BigInt(lease))]);
  const oldest = Buffer.concat([
    bytesField(1, Buffer.from(`${queue}/`)),
    // The first key behind all that begin with the queue's name and a slash.
    bytesField(2, Buffer.from(`${queue}0`)),
    numberField(3, 1n),
    numberField(5, ascending),
    numberField(6, 2n),
  ]);
  const own = rangeRequest(key);
  return Buffer.concat([
    bytesField(1, compare),
    bytesField(2, bytesField(2, put)),
    bytesField(2, bytesField(1, oldest)),
    bytesField(3, bytesField(1, own)),
    bytesField(3, bytesField(1, oldest)),
  ]);
}

/** Whether the conditions of the TxnResponse in `bytes` held. */
export function hasSucceeded(bytes: Buffer): boolean {
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at++] ?? 0;
    const [value, next] = readVarint(bytes, at);
    at = next;
    if ((tag & 7) === lengthDelimited) at += value;
    else if (tag >> 3 === txnResponseSucceeded) return value !== 0;
  }
  return false;
}

const txnResponseSucceeded = 2;
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

function numberField(field: number, value: bigint): Buffer {
  const bytes = [field << 3];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
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
