/** Where an outbox writes: the socket under a WebSocket. */
export interface ByteSink {
  /** False once no more frames may be sent (closing, closed). */
  isOpen(): boolean;
  /** `done` is called when the operating system has taken the bytes, or never if the socket died. */
  write(bytes: Uint8Array, done: () => void): void;
}

/** What all connections of a member hold together; a plain count, shared. */
export interface UnsentBudget {
  bytes: number;
  readonly bytesMax: number;
}

/** Lets every outbox that was given something in this turn of the event loop write once, at its end. */
export class FlushTurn {
  #waiting: Outbox[] = [];

  add(outbox: Outbox): void {
    if (this.#waiting.push(outbox) === 1) setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const outboxes = this.#waiting;
    this.#waiting = [];
    for (const outbox of outboxes) outbox.flush();
  };
}

export interface OutboxOptions {
  readonly sink: ByteSink;
  readonly turn: FlushTurn;
  readonly budget: UnsentBudget;
  /** Held bytes from which on the outbox is full; it has room again at half of it. */
  readonly unsentBytesMax: number;
  /** Called when there is room again after the outbox was full. */
  readonly onRoom: () => void;
}

/** One write's worth. Also the largest frame: longer messages leave in fragments (RFC 6455, 5.4). */
const writeBytesMax = 256 * 1024;
/** Before the payload of an unmasked frame: 2 bytes and up to 8 of length (RFC 6455, 5.2). */
const headerBytesMax = 10;
/** So many texts that have left may still be referenced. */
const takenMax = 1024;
const textFrame = 0x1;
const continuationFrame = 0x0;
const finalBit = 0x80;

/**
 * The text messages that wait for one WebSocket, and the only writer of its data frames. Messages
 * of one turn are framed into one buffer and leave in one system call; one write is under way at a
 * time, so that {@link writesDone} tells whether the other side takes anything. Messages wait as
 * strings until their turn. The `ws` library writes the control frames; they are whole writes too,
 * and between fragments they are allowed.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #texts: string[] = [];
  /** The UTF-8 length of each text. */
  #sizes: number[] = [];
  /** Index of the first text not yet taken. */
  #head = 0;
  /** A long message under way, and how much of it has left. */
  #long: { readonly bytes: Buffer; at: number } | undefined;
  #unsentBytes = 0;
  #writingBytes = 0;
  #scheduled = false;
  #full = false;
  #closed = false;
  #onEmpty: (() => void) | undefined;
  /** Completed writes so far. */
  writesDone = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  get isFull(): boolean {
    return this.#full;
  }

  send(text: string): void {
    if (this.#closed) return;
    const size = Buffer.byteLength(text);
    this.#texts.push(text);
    this.#sizes.push(size);
    this.#count(size);
    const { budget, unsentBytesMax, turn } = this.#options;
    if (this.#unsentBytes >= unsentBytesMax || budget.bytes >= budget.bytesMax) this.#full = true;
    if (this.#scheduled || this.#writingBytes > 0) return;
    this.#scheduled = true;
    turn.add(this);
  }

  /** Calls `onEmpty` once everything sent so far has left; at once if it has. */
  end(onEmpty: () => void): void {
    if (this.#unsentBytes === 0) onEmpty();
    else this.#onEmpty = onEmpty;
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    this.#texts = [];
    this.#sizes = [];
    this.#head = 0;
    this.#long = undefined;
    this.#count(-this.#unsentBytes);
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#closed || this.#writingBytes > 0) return;
    if (!this.#options.sink.isOpen()) {
      this.close();
      return;
    }
    const chunk = this.#long === undefined ? this.#frames() : this.#fragment();
    if (chunk !== undefined) this.#options.sink.write(chunk, this.#written);
  }

  readonly #written = (): void => {
    if (this.#closed) return;
    this.writesDone++;
    this.#count(-this.#writingBytes);
    this.#writingBytes = 0;
    this.flush();
    if (this.#full && this.#hasRoom()) {
      this.#full = false;
      this.#options.onRoom();
    }
    if (this.#unsentBytes > 0) return;
    const onEmpty = this.#onEmpty;
    this.#onEmpty = undefined;
    onEmpty?.();
  };

  #hasRoom(): boolean {
    if (this.#unsentBytes === 0) return true;
    const { budget, unsentBytesMax } = this.#options;
    return this.#unsentBytes < unsentBytesMax / 2 && budget.bytes < budget.bytesMax;
  }

  #count(bytes: number): void {
    this.#unsentBytes += bytes;
    this.#options.budget.bytes += bytes;
  }

  /** As many whole messages as fit into one write, framed; undefined when none waits. */
  #frames(): Uint8Array | undefined {
    const sizes = this.#sizes;
    let end = this.#head;
    let bytes = 0;
    let payload = 0;
    for (; end < sizes.length; end++) {
      const size = sizes[end] ?? 0;
      if (bytes + size + headerBytesMax > writeBytesMax) break;
      bytes += size + headerBytes(size);
      payload += size;
    }
    if (end === this.#head) return end === sizes.length ? undefined : this.#startLong();
    const target = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (let index = this.#head; index < end; index++) {
      at = writeHeader(target, at, textFrame | finalBit, sizes[index] ?? 0);
      at += target.write(this.#texts[index] ?? '', at);
    }
    this.#take(end);
    this.#writingBytes = payload;
    return target;
  }

  /** Forgets the texts before `end`, and gives their room back once they are the greater part. */
  #take(end: number): void {
    this.#head = end;
    if (end < this.#texts.length && end < takenMax) return;
    this.#texts = this.#texts.slice(end);
    this.#sizes = this.#sizes.slice(end);
    this.#head = 0;
  }

  #startLong(): Uint8Array | undefined {
    this.#long = { bytes: Buffer.from(this.#texts[this.#head] ?? ''), at: 0 };
    this.#take(this.#head + 1);
    return this.#fragment();
  }

  #fragment(): Uint8Array | undefined {
    const long = this.#long;
    if (long === undefined) return undefined;
    const part = long.bytes.subarray(long.at, long.at + writeBytesMax);
    const opcode = long.at === 0 ? textFrame : continuationFrame;
    long.at += part.length;
    const isLast = long.at === long.bytes.length;
    const chunk = Buffer.allocUnsafe(part.length + headerBytesMax);
    const start = writeHeader(chunk, 0, isLast ? opcode | finalBit : opcode, part.length);
    part.copy(chunk, start);
    if (isLast) this.#long = undefined;
    this.#writingBytes = part.length;
    return chunk.subarray(0, start + part.length);
  }
}

function writeHeader(target: Buffer, at: number, first: number, length: number): number {
  target[at] = first;
  if (length < 126) {
    target[at + 1] = length;
    return at + 2;
  }
  if (length < 65536) {
    target[at + 1] = 126;
    return target.writeUInt16BE(length, at + 2);
  }
  target[at + 1] = 127;
  target.writeUInt32BE(0, at + 2);
  return target.writeUInt32BE(length, at + 6);
}

function headerBytes(length: number): number {
  if (length < 126) return 2;
  return length < 65536 ? 4 : headerBytesMax;
}
