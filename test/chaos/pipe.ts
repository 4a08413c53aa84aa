import type { Socket } from 'node:net';
import type { Passage } from './links.ts';

/** So much may wait in one direction of one connection; then its sender is not read. */
const waitingBytesMax = 1024 * 1024;

/** One direction of a connection: bytes come out in order, when they are due and nothing holds them. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #passage: () => Passage;
  readonly #waiting: { readonly dueAt: number; readonly bytes: Uint8Array }[] = [];
  #waitingBytes = 0;
  #isClogged = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, passage: () => Passage) {
    this.#from = from;
    this.#to = to;
    this.#passage = passage;
    from.on('data', (bytes: Uint8Array) => this.take(bytes));
    to.on('drain', () => {
      this.#isClogged = false;
      this.pump();
    });
    to.once('close', () => clearTimeout(this.#timer));
    from.resume();
  }

  take(bytes: Uint8Array): void {
    const dueAt = performance.now() + this.#passage().delayMs;
    this.#waiting.push({ dueAt, bytes });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > waitingBytesMax) this.#from.pause();
    this.pump();
  }

  /** Passes on what may pass by now. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#to.destroyed) return;
    while (!this.#isClogged && !this.#passage().isHeld) {
      const next = this.#waiting[0];
      if (next === undefined) break;
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(waitMs));
        break;
      }
      this.#waiting.shift();
      this.#waitingBytes -= next.bytes.length;
      this.#isClogged = !this.#to.write(next.bytes);
    }
    if (this.#waitingBytes <= waitingBytesMax) this.#from.resume();
  }
}
