import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** What every client of HTTP/2 says first (RFC 9113, 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export interface ProtocolSwitchOptions {
  /** A connection that has said nothing for so many milliseconds is closed without a word. */
  readonly firstBytesMs: number;
  /** Takes a connection that speaks HTTP/2. */
  http2(socket: Socket): void;
}

/** One port for HTTP/1.1 and HTTP/2: each connection goes where its first bytes belong. */
export class ProtocolSwitch {
  readonly #http1: (socket: Socket) => void;
  readonly #options: ProtocolSwitchOptions;

  /** @param server listens, and goes on to serve what is HTTP/1.1. */
  constructor(server: Server, options: ProtocolSwitchOptions) {
    this.#options = options;
    // Node's own listener, the first there is, begins to parse at once; it is asked when the first bytes are known.
    const [http1] = server.listeners('connection');
    if (http1 === undefined) throw new Error('the server takes no connections');
    server.off('connection', http1 as (socket: Socket) => void);
    this.#http1 = (socket) => http1.call(server, socket);
    server.on('connection', (socket) => this.#listen(socket));
  }

  #listen(socket: Socket): void {
    const giveUp = (): void => {
      socket.destroy();
    };
    let first: Buffer = Buffer.alloc(0);
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      first = first.length === 0 ? chunk : Buffer.concat([first, chunk]);
      const known = Math.min(first.length, preface.length);
      const isLike = first.subarray(0, known).equals(preface.subarray(0, known));
      if (isLike && known < preface.length) return;
      socket.setTimeout(0);
      socket.off('timeout', giveUp);
      socket.off('readable', look);
      socket.off('end', giveUp);
      socket.unshift(first);
      if (isLike) this.#options.http2(socket);
      else this.#http1(socket);
      socket.off('error', giveUp);
    };
    socket.setTimeout(this.#options.firstBytesMs, giveUp);
    socket.on('readable', look);
    socket.on('error', giveUp);
    socket.on('end', giveUp);
  }
}
