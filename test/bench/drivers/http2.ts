import type { Endpoint } from '../model.ts';
import { FrameSocket } from './frame-socket.ts';

/**
 * The client half of HTTP/2 (RFC 9113) as far as one gRPC method needs it: prepared HEADERS and
 * DATA frames out, frame headers read in, settings and pings answered, windows kept open. Answer
 * headers are never decoded; an answer that carries no DATA is a gRPC error.
 */
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
export const frameHeaderBytes = 9;
const typeData = 0;
const typeHeaders = 1;
const typeResetStream = 3;
const typeSettings = 4;
const typePing = 6;
const typeGoAway = 7;
const typeWindowUpdate = 8;
const flagEndStream = 1;
const flagAck = 1;
const flagEndHeaders = 4;
const settingHeaderTableSize = 1;
const settingInitialWindowSize = 4;
const windowMax = 2 ** 31 - 1;
const windowDefault = 65_535;
/** Credit is given back in large steps, far from running dry. */
const windowStep = 2 ** 29;

export interface Http2Events {
  open(): void;
  data(stream: number, bytes: Buffer, from: number, to: number): void;
  streamEnded(stream: number): void;
  readDone(): void;
  lost(reason: string): void;
}

export class Http2Connection {
  readonly #events: Http2Events;
  readonly #socket: FrameSocket;
  #received = 0;
  #sendWindow = windowDefault;

  constructor(endpoint: Endpoint, events: Http2Events) {
    this.#events = events;
    this.#socket = new FrameSocket(
      endpoint,
      {
        frame: (bytes, at) => this.#frame(bytes, at),
        readDone: () => events.readDone(),
        lost: (reason) => events.lost(reason),
      },
      () => {
        this.#socket.write(opening());
        events.open();
      },
    );
  }

  /** Sends whole frames; `dataBytes` of them count against the server's flow control. */
  write(frames: Buffer, dataBytes: number): void {
    this.#sendWindow -= dataBytes;
    if (this.#sendWindow < 0) this.#socket.fail('the flow control window of the server ran dry');
    this.#socket.write(frames);
  }

  close(): void {
    this.#socket.close();
  }

  #frame(bytes: Buffer, at: number): number {
    if (bytes.length < at + frameHeaderBytes) return -1;
    const length = bytes.readUIntBE(at, 3);
    const from = at + frameHeaderBytes;
    const to = from + length;
    if (bytes.length < to) return -1;
    const type = bytes[at + 3] ?? 0;
    const flags = bytes[at + 4] ?? 0;
    const stream = bytes.readUInt32BE(at + 5) & windowMax;
    if (type === typeData) {
      this.#events.data(stream, bytes, from, to);
      this.#giveCredit(stream, length);
    }
    if ((type === typeHeaders || type === typeData) && (flags & flagEndStream) !== 0) {
      this.#events.streamEnded(stream);
    } else if (type === typeSettings && (flags & flagAck) === 0) {
      this.#socket.write(frame(typeSettings, flagAck, 0));
    } else if (type === typePing && (flags & flagAck) === 0) {
      this.#socket.write(frame(typePing, flagAck, 0, Buffer.from(bytes.subarray(from, to))));
    } else if (type === typeWindowUpdate && stream === 0) {
      this.#sendWindow += bytes.readUInt32BE(from);
    } else if (type === typeResetStream || type === typeGoAway) {
      this.#socket.fail(`the server sent HTTP/2 frame type ${type}`);
    }
    return to;
  }

  #giveCredit(stream: number, bytes: number): void {
    this.#received += bytes;
    if (this.#received < windowStep) return;
    const updates = [windowUpdate(0, this.#received), windowUpdate(stream, this.#received)];
    this.#socket.write(Buffer.concat(updates));
    this.#received = 0;
  }
}

/** Preface, settings (no dynamic table for us to keep, wide windows) and connection credit. */
function opening(): Buffer {
  const settings = Buffer.alloc(12);
  settings.writeUInt16BE(settingHeaderTableSize, 0);
  settings.writeUInt32BE(0, 2);
  settings.writeUInt16BE(settingInitialWindowSize, 6);
  settings.writeUInt32BE(windowMax, 8);
  return Buffer.concat([
    Buffer.from(preface),
    frame(typeSettings, 0, 0, settings),
    windowUpdate(0, windowMax - windowDefault),
  ]);
}

function windowUpdate(stream: number, credit: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(credit);
  return frame(typeWindowUpdate, 0, stream, payload);
}

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** Where the stream id of a frame made by {@link headersFrame} or {@link dataFrame} is written. */
export const streamIdOffset = 5;

export function headersFrame(block: Buffer): Buffer {
  return frame(typeHeaders, flagEndHeaders, 0, block);
}

export function dataFrame(payload: Buffer, endStream: boolean): Buffer {
  return frame(typeData, endStream ? flagEndStream : 0, 0, payload);
}

/**
 * Header block of a gRPC call (RFC 7541): the first one on a connection puts the four literals
 * into the server's table, every later one is six bytes of indexes, as any HTTP/2 client does it.
 */
export function firstHeaderBlock(endpoint: Endpoint, path: string): Buffer {
  const methodPost = 0x83;
  const schemeHttp = 0x86;
  return Buffer.concat([
    Buffer.from([methodPost, schemeHttp]),
    literal(0x40 | 4, path),
    literal(0x40 | 1, `${endpoint.host}:${endpoint.port}`),
    literal(0x40 | 31, 'application/grpc'),
    Buffer.from([0x40, 2]),
    Buffer.from('te'),
    lengthAndText('trailers'),
  ]);
}

/** The table's newest entry has index 62: te, content-type, authority, path. */
export const laterHeaderBlock = Buffer.from([
  0x83,
  0x86,
  0x80 | 65,
  0x80 | 64,
  0x80 | 63,
  0x80 | 62,
]);

/** A later call of another method: its path stands there in full and changes no table. */
export function otherHeaderBlock(path: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x86]),
    literal(4, path),
    Buffer.from([0x80 | 64, 0x80 | 63, 0x80 | 62]),
  ]);
}

function literal(nameIndex: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([nameIndex]), lengthAndText(text)]);
}

function lengthAndText(text: string): Buffer {
  if (text.length > 126) throw new RangeError('a driver header is shorter than 127 bytes');
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}
