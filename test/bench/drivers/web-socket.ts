import { randomBytes } from 'node:crypto';
import { subprotocol, webSocketPath } from '@lockstep/client/protocol';
import type { Endpoint } from '../model.ts';
import { FrameSocket } from './frame-socket.ts';

const opcodeText = 1;
const opcodeClose = 8;
const opcodePing = 9;
const opcodePong = 10;
/** Not zero, so that the server has to unmask like for any client. */
export const mask = Buffer.from([0x5a, 0x11, 0xc3, 0x7e]);
const pingPeriodMs = 2_000;
const headEnd = '\r\n\r\n';

export interface WebSocketEvents {
  open(): void;
  /** A text message in `bytes[from, to)`; the buffer is used again after the call. */
  text(bytes: Buffer, from: number, to: number): void;
  readDone(): void;
  lost(reason: string): void;
}

/** A client's text frame (RFC 6455, 5.2), whole and masked. */
export function clientFrame(payload: Buffer, opcode = opcodeText): Buffer {
  const header = [0x80 | opcode];
  if (payload.length < 126) header.push(0x80 | payload.length);
  else if (payload.length < 65_536)
    header.push(0x80 | 126, payload.length >> 8, payload.length & 255);
  else throw new Error('a driver frame is shorter than 64 KiB');
  const masked = Buffer.from(payload);
  for (let at = 0; at < masked.length; at++) masked[at] = (masked[at] ?? 0) ^ (mask[at & 3] ?? 0);
  return Buffer.concat([Buffer.from(header), mask, masked]);
}

/** A WebSocket client of the least possible cost: it trusts the server to keep to the RFC. */
export class WebSocketConnection {
  readonly #events: WebSocketEvents;
  readonly #socket: FrameSocket;
  readonly #pings: NodeJS.Timeout;
  #isOpen = false;

  constructor(endpoint: Endpoint, events: WebSocketEvents) {
    this.#events = events;
    this.#socket = new FrameSocket(
      endpoint,
      {
        frame: (bytes, at) => (this.#isOpen ? this.#frame(bytes, at) : this.#handshake(bytes, at)),
        readDone: () => events.readDone(),
        lost: (reason) => {
          clearInterval(this.#pings);
          events.lost(reason);
        },
      },
      () => this.#socket.write(handshakeRequest(endpoint)),
    );
    const ping = clientFrame(Buffer.alloc(0), opcodePing);
    this.#pings = setInterval(() => {
      if (this.#isOpen) this.#socket.write(ping);
    }, pingPeriodMs);
  }

  write(frames: Buffer): void {
    this.#socket.write(frames);
  }

  close(): void {
    clearInterval(this.#pings);
    this.#socket.close();
  }

  #handshake(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(headEnd, at);
    if (end < 0) return -1;
    const head = bytes.toString('latin1', at, end);
    if (head.startsWith('HTTP/1.1 101 ')) {
      this.#isOpen = true;
      this.#events.open();
    } else {
      this.#socket.fail(`no WebSocket at ${webSocketPath}: ${head.split('\r\n')[0]}`);
    }
    return end + headEnd.length;
  }

  #frame(bytes: Buffer, at: number): number {
    if (bytes.length < at + 2) return -1;
    let length = (bytes[at + 1] ?? 0) & 0x7f;
    let from = at + 2;
    if (length === 126) {
      if (bytes.length < from + 2) return -1;
      length = bytes.readUInt16BE(from);
      from += 2;
    } else if (length === 127) {
      if (bytes.length < from + 8) return -1;
      length = Number(bytes.readBigUInt64BE(from));
      from += 8;
    }
    const to = from + length;
    if (bytes.length < to) return -1;
    const opcode = (bytes[at] ?? 0) & 15;
    if (opcode === opcodeText) this.#events.text(bytes, from, to);
    else if (opcode === opcodePing) this.write(clientFrame(bytes.subarray(from, to), opcodePong));
    else if (opcode === opcodeClose) {
      this.#socket.fail(`the server closed: ${bytes.toString('utf8', from + 2, to)}`);
    }
    return to;
  }
}

function handshakeRequest(endpoint: Endpoint): Buffer {
  return Buffer.from(
    [
      `GET ${webSocketPath} HTTP/1.1`,
      `Host: ${endpoint.host}:${endpoint.port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Protocol: ${subprotocol}`,
    ].join('\r\n') + headEnd,
  );
}
