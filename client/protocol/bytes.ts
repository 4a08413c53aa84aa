/**
 * Keys and values are bytes. Inside every Lockstep process they travel as *byte strings*: one
 * character per byte, each in the range 0..255. JavaScript compares such strings in byte order
 * (which plain strings do not: '😀' sorts before U+FFFD as UTF-16, after it as UTF-8), and V8
 * stores them with one byte per character. On the wire they are {@link WireBytes}.
 */
declare const byteStringBrand: unique symbol;
export type ByteString = string & { readonly [byteStringBrand]: true };

/** PROTOCOL [W-20]: text where the bytes are valid UTF-8, base64 where they are not. */
export type WireBytes = string | { readonly base64: string };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII, on purpose.
const ascii = /^[\x00-\x7f]*$/;
const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;
const base64Alphabet = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const charactersPerCall = 8192;

/** The empty key or value. */
export const emptyBytes = '' as ByteString;

/** Text to byte string (its UTF-8 encoding), or undefined if the text holds a lone surrogate. */
export function bytesFromText(text: string): ByteString | undefined {
  if (ascii.test(text)) return text as ByteString;
  if (loneSurrogate.test(text)) return undefined;
  return bytesFromArray(encoder.encode(text));
}

/** Byte string to text, or undefined if the bytes are not valid UTF-8. */
export function textFromBytes(bytes: ByteString): string | undefined {
  if (ascii.test(bytes)) return bytes;
  try {
    return decoder.decode(arrayFromBytes(bytes));
  } catch {
    return undefined;
  }
}

export function bytesFromArray(array: Uint8Array): ByteString {
  let bytes = '';
  for (let at = 0; at < array.length; at += charactersPerCall) {
    bytes += String.fromCharCode(...array.subarray(at, at + charactersPerCall));
  }
  return bytes as ByteString;
}

export function arrayFromBytes(bytes: ByteString): Uint8Array {
  const array = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) array[at] = bytes.charCodeAt(at);
  return array;
}

/** PROTOCOL [W-20]: what is valid UTF-8 always comes back as a string. */
export function wireFromBytes(bytes: ByteString): WireBytes {
  return textFromBytes(bytes) ?? { base64: btoa(bytes) };
}

/** Wire form to byte string, or undefined when it is neither valid text nor canonical base64. */
export function bytesFromWire(wire: WireBytes): ByteString | undefined {
  if (typeof wire === 'string') return bytesFromText(wire);
  if (!base64Alphabet.test(wire.base64)) return undefined;
  return atob(wire.base64) as ByteString;
}

/**
 * The `range_end` of all keys that start with `prefix`: the prefix with its last byte that is not
 * 0xff raised by one. An empty prefix, or one of 0xff bytes only, ends at "\0": "every key from
 * here on" (etcd API, RangeRequest.range_end).
 */
export function prefixEnd(prefix: ByteString): ByteString {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const byte = prefix.charCodeAt(at);
    if (byte < 0xff) return (prefix.slice(0, at) + String.fromCharCode(byte + 1)) as ByteString;
  }
  return fromKeyEnd;
}

/** As a `range_end`: every key that is greater than or equal to the start. */
export const fromKeyEnd = '\0' as ByteString;
