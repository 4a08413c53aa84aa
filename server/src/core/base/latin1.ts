import type { ByteString } from '@lockstep/client/protocol';

/** Both ways between bytes and strings of one character per byte (ISO 8859-1). */
export interface Latin1 {
  /** The string of `bytes[start, end)`; it shares no memory with them. */
  decode(bytes: Uint8Array, start: number, end: number): string;
}

const batch = 4096;

/** What the language itself offers: right everywhere, and a tenth as fast as a platform's own. */
export const portableLatin1: Latin1 = {
  decode(bytes, start, end) {
    let text = '';
    for (let at = start; at < end; at += batch) {
      const part = bytes.subarray(at, Math.min(end, at + batch));
      // fromCharCode takes any list of numbers; its type asks for an array.
      text += String.fromCharCode.apply(null, part as unknown as number[]);
    }
    return text;
  },
};

let chosen = portableLatin1;

/**
 * Lets the platform decode from now on. Nothing but speed depends on it, which is why one switch for
 * the whole process is harmless: a test holds every platform's to {@link portableLatin1}.
 */
export function chooseLatin1(platform: Latin1): void {
  chosen = platform;
}

export function decodeLatin1(bytes: Uint8Array, start: number, end: number): ByteString {
  return chosen.decode(bytes, start, end) as ByteString;
}
