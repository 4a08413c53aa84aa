import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { readyEvent } from './tls-front.ts';

/** Connections that have not asked for anything yet; nothing is owed to them when the door closes. */
export class SilentSockets {
  readonly #sockets = new Set<Duplex>();

  constructor(server: Server) {
    const spoke = (request: IncomingMessage) => this.spoke(request.socket);
    server.on('request', spoke);
    server.on('checkContinue', spoke);
    server.on('checkExpectation', spoke);
    server.on('upgrade', spoke);
    server.on(readyEvent(server), (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  spoke(socket: Duplex): void {
    this.#sockets.delete(socket);
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
