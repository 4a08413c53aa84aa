import type { ByteString } from '@lockstep/client/protocol';
import { assert } from './assert.ts';
import { decodeLatin1 } from './latin1.ts';

/** Names, ids and addresses are far shorter; a longer text is damage, or somebody's who means harm. */
export const textLengthMax = 65_536;
const leaseIdPattern = /^-?\d{1,20}$/;

/** Writes binary records: little-endian, lengths and numbers as varints. Grows as needed. */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    this.#room(4);
    this.#bytes[this.#length++] = value & 0xff;
    this.#bytes[this.#length++] = (value >>> 8) & 0xff;
    this.#bytes[this.#length++] = (value >>> 16) & 0xff;
    this.#bytes[this.#length++] = value >>> 24;
    return this;
  }

  flag(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** A safe integer that is not negative; 7 bits per byte, low first. */
  number(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} cannot be encoded as a varint`);
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** A string whose characters are bytes. */
  string(value: ByteString): this {
    const length = value.length;
    this.number(length);
    this.#room(length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = 0; index < length; index++) bytes[at++] = value.charCodeAt(index);
    this.#length = at;
    return this;
  }

  /** Any text, as UTF-16 code units; for the few names and addresses. */
  text(value: string): this {
    this.number(value.length);
    for (let index = 0; index < value.length; index++) this.number(value.charCodeAt(index));
    return this;
  }

  bytes(value: Uint8Array): this {
    this.number(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** A copy of what was written, exactly as long as it is. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  reset(): void {
    this.#length = 0;
  }
}

/** A record that does not hold what its reader expects. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Reads what {@link Writer} wrote. Throws DecodeError at the end of the bytes. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  get position(): number {
    return this.#at;
  }

  u8(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new DecodeError('the record ends too early');
    return byte;
  }

  u32(): number {
    return (this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24)) >>> 0;
  }

  flag(): boolean {
    return this.u8() !== 0;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80 && Number.isSafeInteger(value)) return value;
      if (byte < 0x80) break;
      scale *= 0x80;
    }
    throw new DecodeError('a number is larger than any that is written');
  }

  string(): ByteString {
    const length = this.number();
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new DecodeError('the record ends too early');
    this.#at += length;
    return decodeLatin1(this.#bytes, start, this.#at);
  }

  /** How many items of a list follow: never more than there are bytes, since each takes at least one. */
  count(): number {
    const count = this.number();
    if (count > this.#bytes.length - this.#at) {
      throw new DecodeError('a list is longer than what is there of it');
    }
    return count;
  }

  text(): string {
    const length = this.count();
    if (length > textLengthMax) {
      throw new DecodeError(`a text of ${length} characters; none may have over ${textLengthMax}`);
    }
    let value = '';
    for (let left = length; left > 0; left--) {
      const unit = this.number();
      if (unit > 0xffff) throw new DecodeError('a text holds what is no character');
      value += String.fromCharCode(unit);
    }
    return value;
  }

  /** A text that is a 64-bit number, which whoever compares ids relies on. */
  leaseId(): string {
    const id = this.text();
    if (!leaseIdPattern.test(id)) throw new DecodeError('a lease id that is no number');
    return id;
  }

  /** A view, not a copy: who keeps it keeps the whole buffer alive. */
  bytes(): Uint8Array {
    const length = this.number();
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new DecodeError('the record ends too early');
    this.#at += length;
    return this.#bytes.subarray(start, start + length);
  }
}
