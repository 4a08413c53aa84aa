import type { Socket } from 'node:net';

/** Connections that wait until somebody is there to take them; as many as the port allows. */
export class SocketQueue {
  readonly #waiting = new Set<Socket>();
  #take: ((socket: Socket) => void) | undefined;

  add(socket: Socket): void {
    if (this.#take !== undefined) return this.#take(socket);
    this.#waiting.add(socket);
    socket.once('close', () => this.#waiting.delete(socket));
  }

  open(take: (socket: Socket) => void): void {
    this.#take = take;
    for (const socket of this.#waiting) take(socket);
    this.#waiting.clear();
  }
}
