/**
 * Writes messages of protobuf where their number counts: the answers of watches. The general codec builds
 * an object with 64-bit numbers for each first. Fields that are zero or empty are left out, as proto3 has it.
 */
export class ProtoWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(bytes = 128) {
    this.#buffer = Buffer.allocUnsafe(bytes);
  }

  /** What was written; a view of the writer's memory, which it leaves. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  #varint(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest > 0x7f) {
      // Numbers reach 2^53, where shifts stop at 32 bits.
      this.#buffer[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** A whole number from 0 to 2^53-1. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#varint(field * 8);
    this.#varint(value);
  }

  /** A number with a sign, as int64 has it: what is negative takes ten bytes. */
  signed(field: number, value: number): void {
    if (value >= 0) this.number(field, value);
    else this.big(field, BigInt.asUintN(64, BigInt(value)));
  }

  /** A 64-bit number without a sign. */
  big(field: number, value: bigint): void {
    if (value === 0n) return;
    this.#varint(field * 8);
    this.#room(10);
    let rest = value;
    while (rest > 0x7fn) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  flag(field: number, value: boolean): void {
    if (value) this.number(field, 1);
  }

  /** A string of which each character is one byte. */
  bytes(field: number, value: string): void {
    if (value === '') return;
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#room(value.length);
    this.#length += this.#buffer.write(value, this.#length, 'latin1');
  }

  text(field: number, value: string): void {
    this.bytes(field, Buffer.from(value, 'utf8').toString('latin1'));
  }

  /** Fields that were written before. */
  raw(fields: Buffer): void {
    this.#room(fields.length);
    this.#length += fields.copy(this.#buffer, this.#length);
  }

  /** A message whose fields `write` writes, of `length` bytes exactly. */
  nested(field: number, length: number, write: () => void): void {
    this.#varint(field * 8 + 2);
    this.#varint(length);
    write();
  }
}

/** Bytes that {@link ProtoWriter.number} takes for a field below 16. */
export function numberBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

/** Bytes that {@link ProtoWriter.bytes} takes for a field below 16. */
export function bytesBytes(length: number): number {
  return length === 0 ? 0 : 1 + varintBytes(length) + length;
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
