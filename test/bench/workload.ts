/** The keys and values that both systems get: 16-byte keys, 256-byte values, all ASCII. */
const keyDigits = 10;
const valueBytes = 256;
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export function keyOf(index: number): string {
  return `bench/${String(index).padStart(keyDigits, '0')}`;
}

/** Letters that do not repeat with a short period, the same in every run. */
export const value = Array.from(
  { length: valueBytes },
  (_, at) => alphabet[(at * at * 7 + at * 13) % alphabet.length],
).join('');
