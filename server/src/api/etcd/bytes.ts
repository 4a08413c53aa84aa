import type { ByteString } from '@lockstep/client/protocol';

/** Copies: what a message was read from is not held. */
export function bytesOf(array: Uint8Array): ByteString {
  const { buffer, byteOffset, byteLength } = array;
  // One character per byte is what a byte string is.
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1') as ByteString;
}

export function arrayOf(bytes: ByteString): Uint8Array {
  return Buffer.from(bytes, 'latin1');
}
