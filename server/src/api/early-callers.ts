import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { readyEvent } from './tls-front.ts';

const asks = ['request', 'checkContinue', 'upgrade'] as const;

/**
 * Requests that come when the port is bound and the doors are not open yet: they wait, as many as connections are
 * allowed. Node would let a request that nobody listens for hang, and cut off an upgrade.
 */
export class EarlyCallers {
  readonly #holds: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();
  #waiting: (() => void)[] = [];

  constructor(server: Server) {
    for (const ask of asks) {
      const hold = (...what: unknown[]): void => {
        this.#waiting.push(() => server.emit(ask, ...what));
      };
      server.on(ask, hold);
      this.#holds.push(() => server.off(ask, hold));
    }
    const connected = (socket: Socket): void => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    };
    const ready = readyEvent(server);
    server.on(ready, connected);
    this.#holds.push(() => server.off(ready, connected));
  }

  /** Whoever listens for requests by now hears those that waited. */
  letIn(): void {
    const waiting = this.#waiting;
    this.#forget();
    for (const ask of waiting) ask();
  }

  /** No door will ever open. */
  turnAway(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#forget();
  }

  #forget(): void {
    for (const off of this.#holds) off();
    this.#waiting = [];
    this.#sockets.clear();
  }
}
