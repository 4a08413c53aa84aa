import type { Readable } from 'node:stream';

const bytesMax = 4096;

/** The beginning and the end of what a stream gives, so that a program which never stops talking costs no memory. */
export class CapturedOutput {
  #head: Buffer = Buffer.alloc(0);
  #tail: Buffer = Buffer.alloc(0);

  /** Reads it to its end. */
  constructor(stream: Readable | null) {
    stream?.on('data', (chunk: Buffer) => this.#add(chunk));
    stream?.on('error', () => {}); // What was read until then is all there is.
  }

  /** The first 4 KiB, as UTF-8. */
  get head(): string {
    return this.#head.toString('utf8');
  }

  /** The last 4 KiB, as UTF-8. */
  get tail(): string {
    return this.#tail.toString('utf8');
  }

  #add(chunk: Buffer): void {
    if (this.#head.length < bytesMax) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, bytesMax - this.#head.length)]);
    }
    // Copied, since a piece of a chunk would keep the whole of it.
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-bytesMax)]);
    if (this.#tail.length > bytesMax) this.#tail = Buffer.from(this.#tail.subarray(-bytesMax));
  }
}
