import { arrayFromBytes, type ByteString, bytesFromArray } from '@lockstep/client/protocol';
import { UsageError } from './failure.ts';

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

const blank = /\s/;

/** A quoted or bare word of a line, and where the rest of the line begins. */
interface Word {
  readonly bytes: ByteString;
  readonly end: number;
}

/**
 * The words of a line, as bytes: parted by blanks; a word that begins with a double quote is a Go
 * string with its escapes, one that begins with a single quote is taken as it is.
 * @throws UsageError
 */
export function words(line: string): ByteString[] {
  const found: ByteString[] = [];
  let at = skipBlanks(line, 0);
  while (at < line.length) {
    const { bytes, end } = wordAt(line, at);
    if (end < line.length && !blank.test(line.charAt(end))) {
      throw new UsageError(`after ${line.slice(at, end)} there must be a blank`);
    }
    found.push(bytes);
    at = skipBlanks(line, end);
  }
  return found;
}

export function skipBlanks(line: string, from: number): number {
  let at = from;
  while (at < line.length && blank.test(line.charAt(at))) at++;
  return at;
}

function wordAt(line: string, at: number): Word {
  const first = line.charAt(at);
  if (first === '"') return goString(line, at);
  if (first === "'") {
    const close = line.indexOf("'", at + 1);
    if (close < 0) throw new UsageError(`${line.slice(at)} has no closing quote`);
    return { bytes: utf8(line.slice(at + 1, close)), end: close + 1 };
  }
  let end = at;
  while (end < line.length && !blank.test(line.charAt(end))) end++;
  return { bytes: utf8(line.slice(at, end)), end };
}

/**
 * A string in double quotes as Go writes them: \n and its like, \\, \", three octal digits and \x
 * for a byte, \u and \U for a code point. @throws UsageError
 */
export function goString(line: string, at: number): Word {
  let bytes = '';
  let next = at + 1;
  for (;;) {
    const from = next;
    while (next < line.length && line[next] !== '"' && line[next] !== '\\') next++;
    bytes += utf8(line.slice(from, next));
    if (next >= line.length) throw new UsageError(`${line.slice(at)} has no closing quote`);
    if (line[next] === '"') return { bytes: bytes as ByteString, end: next + 1 };
    const escaped = escapeAt(line, next);
    bytes += escaped.bytes;
    next = escaped.end;
  }
}

const numeric = /\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;

function escapeAt(line: string, at: number): Word {
  const plain = escapes[line.charAt(at + 1)];
  if (plain !== undefined) return { bytes: plain as ByteString, end: at + 2 };
  numeric.lastIndex = at;
  const [whole, hex, octal, short, long] = numeric.exec(line) ?? [];
  if (whole !== undefined) {
    const end = at + whole.length;
    if (hex !== undefined) return { bytes: byte(Number.parseInt(hex, 16)), end };
    if (octal !== undefined) return { bytes: byte(Number.parseInt(octal, 8)), end };
    const point = Number.parseInt(short ?? long ?? '', 16);
    if (point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)) {
      return { bytes: utf8(String.fromCodePoint(point)), end };
    }
  }
  throw new UsageError(
    `${line.slice(at, at + 2)} is no escape: there are \\n \\t \\r \\a \\b \\f \\v \\\\ \\" \\x41 \\101 \\u0041 \\U00000041`,
  );
}

function byte(code: number): ByteString {
  return String.fromCharCode(code) as ByteString;
}

const encoder = new TextEncoder();

function utf8(text: string): ByteString {
  return bytesFromArray(encoder.encode(text));
}

/** What a word says, for messages: bytes that are not text show as such. */
export function shown(bytes: ByteString): string {
  return new TextDecoder().decode(arrayFromBytes(bytes));
}
