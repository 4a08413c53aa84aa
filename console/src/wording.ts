import {
  type ByteString,
  bytesFromWire,
  emptyBytes,
  textFromBytes,
  type WireBytes,
} from '@lockstep/client/protocol';

/** The bytes of what is on the wire; what the client hands out is always well formed. */
export function bytesOf(wire: WireBytes): ByteString {
  return bytesFromWire(wire) ?? emptyBytes;
}

/** A key on one line: text, with what cannot be seen escaped; or its bytes in hexadecimal. */
export function keyText(key: ByteString): string {
  const text = textFromBytes(key);
  return text === undefined ? `0x${hex(key)}` : visible(text);
}

/** The beginning of a value on one line. */
export function preview(value: ByteString, charactersMax = 120): string {
  // The cut may fall within a character, so a few bytes more are looked at and fewer are shown.
  const isCut = value.length > charactersMax * 4;
  const begin = (isCut ? value.slice(0, charactersMax * 4) : value) as ByteString;
  const text = textFromBytes(begin) ?? (isCut ? textOfBegin(begin) : undefined);
  if (text === undefined) return `0x${hex(begin.slice(0, charactersMax / 2))}`;
  const line = visible(text.slice(0, charactersMax).replace(/\s+/g, ' '));
  return isCut || text.length > charactersMax ? `${line}…` : line;
}

function textOfBegin(begin: ByteString): string | undefined {
  for (let cut = 1; cut <= 3; cut++) {
    const text = textFromBytes(begin.slice(0, -cut) as ByteString);
    if (text !== undefined) return text;
  }
  return undefined;
}

// Control characters, and those that turn the direction of the text around them.
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function visible(text: string): string {
  return text.replace(unseen, (one) => `\\u{${one.codePointAt(0)?.toString(16) ?? ''}}`);
}

function hex(bytes: string): string {
  return Array.from(bytes, (one) => one.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytesText(count: number): string {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(count || 1) / 10)));
  const amount = count / 1024 ** power;
  return `${power === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[power]}`;
}

const numbers = new Intl.NumberFormat('en');

export function countText(count: number): string {
  return numbers.format(count);
}

/** "1 key", "1,200 keys". */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

export function secondsText(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function clockText(time: Date): string {
  return time.toLocaleTimeString('en-GB');
}

const moments = new Intl.DateTimeFormat('en-GB', {
  ...{ weekday: 'short', day: 'numeric', month: 'short' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
});

/** A moment in the time zone of whoever looks. @param time milliseconds since 1970. */
export function momentText(time: number): string {
  return moments.format(time);
}

/** A sentence about what went wrong. */
export function failureText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
