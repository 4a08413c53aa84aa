import { GrpcError, grpcCodes } from '../grpc/status.ts';

const quote = 0x22;
const backslash = 0x5c;
const openers: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const closers: ReadonlySet<number> = new Set([0x7d, 0x5d]);
const spaces: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Takes a stream of JSON values apart, with or without space between them. It looks for their ends only. */
export class JsonReader {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #held = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** @param bytesMax a larger value is refused before it is held. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** True while a value has begun and is not whole. */
  get isInside(): boolean {
    return this.#held > 0;
  }

  /**
   * Yields the values that are whole by now, as text.
   * @throws GrpcError `invalidArgument` for what is neither object nor array, `resourceExhausted` for a value that is too large.
   */
  *push(chunk: Buffer): Generator<string, void> {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#depth === 0) {
        if (openers.has(byte)) this.#depth = 1;
        else if (spaces.has(byte)) from = at + 1;
        else throw notAnObject(chunk.subarray(at, at + 20));
      } else if (this.#step(byte)) {
        const value = this.#whole(chunk.subarray(from, at + 1));
        from = at + 1;
        yield value;
      }
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  /** @returns true for the byte that ends the value. */
  #step(byte: number): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === backslash) this.#isEscaped = true;
      else if (byte === quote) this.#isInString = false;
      return false;
    }
    if (byte === quote) this.#isInString = true;
    else if (openers.has(byte)) this.#depth++;
    else if (closers.has(byte)) this.#depth--;
    return this.#depth === 0;
  }

  #whole(last: Buffer): string {
    this.#keep(last);
    const text = Buffer.concat(this.#parts, this.#held).toString('utf8');
    this.#parts = [];
    this.#held = 0;
    return text;
  }

  #keep(part: Buffer): void {
    this.#held += part.length;
    if (this.#held > this.#bytesMax) {
      throw new GrpcError(
        grpcCodes.resourceExhausted,
        `a request may have ${this.#bytesMax} bytes of JSON, and this one has more`,
      );
    }
    this.#parts.push(part);
  }
}

function notAnObject(start: Buffer): GrpcError {
  return new GrpcError(
    grpcCodes.invalidArgument,
    `the body is not JSON: a request is an object, as {"key":"aGk="}; got ${JSON.stringify(start.toString('latin1'))}`,
  );
}
