/** Bytes as text that a terminal shows as it is: what does not print is written with Go's escapes. */

const named: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
const prints = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What is text stays, but for characters that do not print; other bytes show as \xff. */
export function printable(bytes: Uint8Array): string {
  return escaped(bytes, /[^\s\S]/);
}

/** A string in double quotes as Go's %q writes it, which etcdctl's scripts expect. */
export function goQuoted(bytes: Uint8Array): string {
  return `"${escaped(bytes, /["\\]/)}"`;
}

/** The text of bytes that are UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function escaped(bytes: Uint8Array, also: RegExp): string {
  const whole = textOf(bytes);
  if (whole !== undefined) return Array.from(whole, (one) => escapedCharacter(one, also)).join('');
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    const character = textOf(bytes.subarray(at, at + length));
    if (character === undefined) {
      text += `\\x${hex(bytes[at] ?? 0, 2)}`;
      at++;
    } else {
      text += escapedCharacter(character, also);
      at += length;
    }
  }
  return text;
}

/** How many bytes the character has that begins here, if it is one. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

function escapedCharacter(character: string, also: RegExp): string {
  if (also.test(character)) return `\\${character}`;
  if (prints.test(character)) return character;
  const name = named[character];
  if (name !== undefined) return name;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
