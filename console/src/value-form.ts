import {
  arrayFromBytes,
  type ByteString,
  bytesFromArray,
  bytesFromText,
  bytesFromWire,
  textFromBytes,
} from '@lockstep/client/protocol';
import { compactJson, indentJson, isJson, jsonFault } from './json-layout.ts';

/** How the bytes of a value are shown and typed. */
export type ValueForm = 'text' | 'json' | 'base64' | 'hex';

export const valueForms: readonly { readonly form: ValueForm; readonly label: string }[] = [
  { form: 'text', label: 'Text' },
  { form: 'json', label: 'JSON' },
  { form: 'base64', label: 'Base64' },
  { form: 'hex', label: 'Hex' },
];

/** Text, or a sentence about why there is none. */
export type Shown = { readonly text: string } | { readonly fault: string };

/** Bytes, or a sentence about what is wrong with what was typed. */
export type Typed = { readonly bytes: ByteString } | { readonly fault: string };

/** The form in which a person reads these bytes best. */
export function bestForm(bytes: ByteString): ValueForm {
  const text = textFromBytes(bytes);
  if (text === undefined) return 'hex';
  return /^\s*[[{]/.test(text) && isJson(text) ? 'json' : 'text';
}

export function show(bytes: ByteString, form: ValueForm): Shown {
  if (form === 'hex') return { text: hexOf(bytes) };
  if (form === 'base64') return { text: btoa(bytes) };
  const text = textFromBytes(bytes);
  if (text === undefined) {
    return { fault: 'These bytes are not text (not valid UTF-8); see them as Hex or Base64.' };
  }
  if (form === 'text') return { text };
  return isJson(text) ? { text: indentJson(text) } : { fault: 'This value is not JSON.' };
}

/** @param before the value that is edited: JSON that was compact is made compact again. */
export function parse(typed: string, form: ValueForm, before: ByteString | undefined): Typed {
  if (form === 'hex') return parseHex(typed);
  if (form === 'base64') return parseBase64(typed);
  if (form === 'json') {
    const fault = jsonFault(typed);
    if (fault !== undefined) return { fault };
    const old = before === undefined ? undefined : textFromBytes(before);
    const wasCompact = old !== undefined && isJson(old) && compactJson(old) === old;
    return parseText(wasCompact ? compactJson(typed) : typed);
  }
  return parseText(typed);
}

function parseText(typed: string): Typed {
  const bytes = bytesFromText(typed);
  return bytes === undefined ? { fault: 'This text holds half a character.' } : { bytes };
}

function parseHex(typed: string): Typed {
  const digits = typed.replace(/\s+/g, '');
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong !== null) return { fault: `"${wrong[0]}" is no hexadecimal digit.` };
  if (digits.length % 2 === 1) {
    return { fault: 'A byte is two hexadecimal digits, and the number of digits here is odd.' };
  }
  const pairs = digits.match(/../g) ?? [];
  return { bytes: bytesFromArray(Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))) };
}

function parseBase64(typed: string): Typed {
  const base64 = typed.replace(/\s+/g, '');
  const bytes = bytesFromWire({ base64 });
  const fault = 'This is not base64 (A to Z, a to z, 0 to 9, + and /, filled with = to fours).';
  return bytes === undefined ? { fault } : { bytes };
}

/** Sixteen bytes a line, in groups of eight. */
function hexOf(bytes: ByteString): string {
  const lines: string[] = [];
  const array = arrayFromBytes(bytes);
  for (let at = 0; at < array.length; at += 16) {
    const pairs = [...array.subarray(at, at + 16)].map((byte) =>
      byte.toString(16).padStart(2, '0'),
    );
    lines.push([pairs.slice(0, 8).join(' '), pairs.slice(8).join(' ')].join('  ').trimEnd());
  }
  return lines.join('\n');
}
