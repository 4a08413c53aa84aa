import { connect, type Socket } from 'node:net';
import type { Endpoint } from '../model.ts';

const readBufferBytes = 128 * 1024;
const nothing = Buffer.alloc(0);

/** Told what arrives on a {@link FrameSocket}. */
export interface FrameHandler {
  /** Takes one frame that starts at `at`. Returns the position after it, or -1 if it is not whole. */
  frame(bytes: Buffer, at: number): number;
  /** All frames of one read have been taken: the moment to answer them together. */
  readDone(): void;
  /** The socket is gone and nobody asked for it. */
  lost(reason: string): void;
}

/**
 * A TCP connection cut into frames, with as little work as Node allows: one read buffer that is
 * used again and again, no stream events, no copies except for a frame that is not whole yet.
 */
export class FrameSocket {
  readonly #socket: Socket;
  readonly #handler: FrameHandler;
  #tail: Buffer = nothing;
  #closed = false;

  constructor(endpoint: Endpoint, handler: FrameHandler, onConnect: () => void) {
    this.#handler = handler;
    this.#socket = connect({
      host: endpoint.host,
      port: endpoint.port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(readBufferBytes),
        callback: (length: number, buffer: Uint8Array) => {
          this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
    this.#socket.once('connect', onConnect);
    this.#socket.once('error', (error) => this.#lost(error.message));
    this.#socket.once('close', () => this.#lost('the server closed the connection'));
  }

  write(bytes: Buffer): void {
    if (!this.#closed) this.#socket.write(bytes);
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  /** Gives up on a connection that broke the rules. */
  fail(reason: string): void {
    this.#socket.destroy();
    this.#lost(reason);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    let at = 0;
    while (at < bytes.length && !this.#closed) {
      const next = this.#handler.frame(bytes, at);
      if (next < 0) break;
      at = next;
    }
    this.#tail = at >= bytes.length ? nothing : Buffer.from(bytes.subarray(at));
    if (!this.#closed) this.#handler.readDone();
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handler.lost(reason);
  }
}
