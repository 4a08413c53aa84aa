import { GrpcError, grpcCodes } from './status.ts';

/** A flag byte and four of length stand before each message (gRPC over HTTP2, Length-Prefixed-Message). */
export const prefixBytes = 5;

/** Takes the bytes of a stream apart into its messages. */
export class MessageReader {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #held = 0;

  /** @param bytesMax a larger message is refused before it is held. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** True while a message has begun and is not whole. */
  get isInside(): boolean {
    return this.#held > 0;
  }

  /**
   * @returns the messages that are whole by now; each is valid until the buffers are used again.
   * @throws GrpcError `unimplemented` for a compressed message, `resourceExhausted` for one that is too large.
   */
  push(chunk: Buffer): Buffer[] {
    this.#parts.push(chunk);
    this.#held += chunk.length;
    const messages: Buffer[] = [];
    while (this.#held >= prefixBytes) {
      const all = this.#joined();
      const length = all.readUInt32BE(1);
      if (all[0] !== 0) {
        throw new GrpcError(
          grpcCodes.unimplemented,
          'grpc: compressed messages are not taken: send them with grpc-encoding identity',
        );
      }
      if (length > this.#bytesMax) {
        throw new GrpcError(
          grpcCodes.resourceExhausted,
          `grpc: received message larger than max (${length} vs. ${this.#bytesMax})`,
        );
      }
      const end = prefixBytes + length;
      if (all.length < end) break;
      messages.push(all.subarray(prefixBytes, end));
      this.#keep(all.subarray(end));
    }
    return messages;
  }

  /** A large message comes in many parts; they are joined when its length, or all of it, is there. */
  #joined(): Buffer {
    const first = this.#parts[0];
    if (this.#parts.length === 1 && first !== undefined) return first;
    if (first !== undefined && first.length >= prefixBytes) {
      const end = prefixBytes + first.readUInt32BE(1);
      if (end <= prefixBytes + this.#bytesMax && this.#held < end) return first;
    }
    const all = Buffer.concat(this.#parts, this.#held);
    this.#parts = [all];
    return all;
  }

  #keep(rest: Buffer): void {
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
  }
}

/** A message with its prefix, for what writes the message itself behind it. */
export function writePrefix(frame: Buffer, length: number): void {
  frame[0] = 0;
  frame.writeUInt32BE(length, 1);
}
