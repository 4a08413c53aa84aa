/**
 * CRC-32C (Castagnoli), the checksum of every record, chunk and frame. It finds all errors of up to
 * 3 bits in anything Lockstep writes and every burst of up to 32 bits. Eight bytes a step ("slicing
 * by eight"): Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC
 * Generation", 2008. Parameters: RFC 3720, appendix B.4.
 */
const reversedPolynomial = 0x82f63b78;
const tables = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ reversedPolynomial : crc >>> 1;
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const previous = made[at - 256] as number;
    made[at] = (previous >>> 8) ^ (made[previous & 0xff] as number);
  }
  return made;
}

/**
 * The checksum of `bytes[start, end)`, an unsigned 32-bit number. `seed` is the checksum of what
 * comes before, so that a long text can be taken in pieces.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  const table = tables;
  let crc = ~seed;
  let at = start;
  // The casts only say what the loop bounds already ensure: every index is inside its array.
  for (const whole = end - 7; at < whole; at += 8) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (table[0x700 | (crc & 0xff)] as number) ^
      (table[0x600 | ((crc >>> 8) & 0xff)] as number) ^
      (table[0x500 | ((crc >>> 16) & 0xff)] as number) ^
      (table[0x400 | (crc >>> 24)] as number) ^
      (table[0x300 | (bytes[at + 4] as number)] as number) ^
      (table[0x200 | (bytes[at + 5] as number)] as number) ^
      (table[0x100 | (bytes[at + 6] as number)] as number) ^
      (table[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) {
    crc = (table[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
