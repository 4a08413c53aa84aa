/** Bytes of answers that a process holds for all of its connections. */
export interface HeldBytes {
  bytes: number;
}

export interface AnswerRoomOptions {
  /** What one connection may hold before its next answer waits as a reply of the store, which is not written yet. */
  readonly bytesMax: number;
  /** What all connections may hold together. */
  readonly allBytesMax: number;
  readonly all: HeldBytes;
}

/** Answers of one connection that its client has not taken yet. They are bounded, whatever the client reads. */
export class AnswerRoom {
  readonly #options: AnswerRoomOptions;
  /** At most one for each stream. */
  readonly #waiting: (() => void)[] = [];
  #held = 0;
  #movedAt = 0;

  constructor(options: AnswerRoomOptions) {
    this.#options = options;
  }

  /** False when so much is held for everybody that the answer must be refused. */
  get isOpen(): boolean {
    const { all, allBytesMax } = this.#options;
    return all.bytes < allBytesMax;
  }

  /** Runs `write` as soon as the client has taken enough; it holds what it writes before it returns. */
  whenFree(write: () => void): void {
    if (this.#held < this.#options.bytesMax && this.#waiting.length === 0) write();
    else this.#waiting.push(write);
  }

  /** @param now in milliseconds of a clock that does not jump. */
  hold(bytes: number, now: number): void {
    if (this.#held === 0) this.#movedAt = now;
    this.#held += bytes;
    this.#options.all.bytes += bytes;
  }

  release(bytes: number, now: number): void {
    this.#movedAt = now;
    this.#held -= bytes;
    this.#options.all.bytes -= bytes;
    while (this.#held < this.#options.bytesMax) {
      const write = this.#waiting.shift();
      if (write === undefined) return;
      write();
    }
  }

  /** How long the client has taken nothing of what is held for it; 0 when nothing is. */
  stalledMs(now: number): number {
    return this.#held === 0 ? 0 : now - this.#movedAt;
  }
}
