import type net from 'node:net';
import { TLSSocket } from 'node:tls';
import { crc32c } from '../core/base/crc32c.ts';
import type { PeerLink, PeerLinkHandler } from '../ports.ts';
import { handshakeFailure, looksLikeTls } from '../tls/handshake-failure.ts';

export interface TcpPeerLinkOptions {
  readonly address: string;
  readonly side: 'dialed' | 'accepted';
  readonly silenceMsMax: number;
  readonly frameBytesMax: number;
}

/** u32 length and u32 crc32c of the payload, little endian, stand before each frame. */
const prefixBytes = 8;
const keepAliveMs = 5_000;
/** A caller's first frame says who it is. Before that it is nobody, for whom no more is kept. */
const firstFrameBytesMax = 64 * 1024;

/** One TCP connection to another member, cut into checksummed frames. */
export class TcpPeerLink implements PeerLink {
  readonly address: string;
  readonly #socket: net.Socket;
  readonly #options: TcpPeerLinkOptions;
  #handler: PeerLinkHandler | undefined;
  #queuedBytes = 0;
  /** Handed over in this turn and not written yet. */
  #frames: Uint8Array[] = [];
  #ended = false;
  #silence: NodeJS.Timeout | undefined;
  /** What arrived and is not a whole frame yet, and how many bytes the next step needs. */
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #needed = prefixBytes;
  #prefix: { length: number; crc: number } | undefined;
  #frameBytesMax: number;

  constructor(socket: net.Socket, options: TcpPeerLinkOptions) {
    this.address = options.address;
    this.#socket = socket;
    this.#options = options;
    const first = options.side === 'accepted' ? firstFrameBytesMax : Number.POSITIVE_INFINITY;
    this.#frameBytesMax = Math.min(options.frameBytesMax, first);
  }

  start(handler: PeerLinkHandler): void {
    this.#handler = handler;
    const socket = this.#socket;
    // Set here, because a socket that is made before it connects ignores the option of connect().
    // With Nagle's algorithm a small message waits up to 40 ms for the other side's delayed ACK.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.on(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      // One that has the wrong name was destroyed a moment ago.
      if (socket.destroyed) return;
      clearTimeout(this.#silence);
      handler.opened();
    });
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    socket.on('error', (error) => this.fail(handshakeFailure(error)));
    socket.on('end', () => this.fail('closed by the other side'));
    socket.on('close', () => this.fail('closed'));
    const waitsFor = this.#options.side === 'dialed' ? 'no connection' : 'no frame';
    this.#silence = setTimeout(
      () => this.fail(`${waitsFor} within ${this.#options.silenceMsMax} ms`),
      this.#options.silenceMsMax,
    );
  }

  send(frame: Uint8Array): void {
    if (this.#ended) return;
    if (frame.length > this.#options.frameBytesMax) {
      throw new RangeError(
        `a frame of ${frame.length} bytes is over the limit of ${this.#options.frameBytesMax}`,
      );
    }
    if (this.#frames.length === 0) process.nextTick(() => this.#flush());
    this.#frames.push(frame);
    this.#queuedBytes += prefixBytes + frame.length;
  }

  /** All frames of a turn leave together: joined, one write and one system call. */
  #flush(): void {
    if (this.#ended) return;
    const frames = this.#frames;
    this.#frames = [];
    const bytes = frames.reduce((sum, frame) => sum + prefixBytes + frame.length, 0);
    const joined = new Uint8Array(bytes);
    const view = new DataView(joined.buffer);
    let at = 0;
    for (const frame of frames) {
      view.setUint32(at, frame.length, true);
      view.setUint32(at + 4, crc32c(frame), true);
      joined.set(frame, at + prefixBytes);
      at += prefixBytes + frame.length;
    }
    this.#socket.write(joined, (error) => this.#sent(bytes, error ?? undefined));
  }

  queuedBytes(): number {
    return this.#queuedBytes;
  }

  close(): void {
    if (this.#ended) return;
    this.#end();
  }

  /** Ends the link and tells the handler why. */
  fail(reason: string): void {
    if (this.#ended) return;
    this.#end();
    // Later, so that a dial that fails at once does not call back before it returned.
    process.nextTick(() => this.#handler?.closed(reason));
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#silence);
    this.#chunks = [];
    this.#frames = [];
    this.#queuedBytes = 0;
    this.#socket.destroy();
  }

  #sent(bytes: number, error: Error | undefined): void {
    if (this.#ended || error !== undefined) return;
    this.#queuedBytes -= bytes;
    if (this.#queuedBytes === 0) this.#handler?.drained();
  }

  #receive(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    while (!this.#ended && this.#chunkBytes >= this.#needed) {
      const prefix = this.#prefix;
      if (prefix === undefined) this.#readPrefix(this.#take(prefixBytes));
      else {
        this.#prefix = undefined;
        this.#needed = prefixBytes;
        this.#readFrame(this.#take(prefix.length), prefix.crc);
      }
    }
  }

  #readPrefix(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer);
    const length = view.getUint32(0, true);
    const max = this.#frameBytesMax;
    if (looksLikeTls(bytes) && length > max) {
      this.fail('the other side speaks TLS to members, and this one does not: give all the same');
      return;
    }
    if (length > max) {
      this.fail(`a frame of ${length} bytes is over the limit of ${max}`);
      return;
    }
    this.#prefix = { length, crc: view.getUint32(4, true) };
    this.#needed = length;
  }

  #readFrame(frame: Uint8Array, crc: number): void {
    if (crc32c(frame) !== crc) {
      this.fail('a frame arrived damaged');
      return;
    }
    if (this.#options.side === 'accepted') clearTimeout(this.#silence);
    this.#frameBytesMax = this.#options.frameBytesMax;
    this.#handler?.frame(frame);
  }

  /** The first `length` bytes of what arrived, copied: frames are kept, receive buffers are not. */
  #take(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const chunk = this.#chunks[used];
      if (chunk === undefined) break;
      const part = chunk.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) used++;
      else this.#chunks[used] = chunk.subarray(part.length);
    }
    this.#chunks.splice(0, used);
    this.#chunkBytes -= length;
    return bytes;
  }
}
