const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size for people, as etcdctl has it: `2.1 MB`. */
export function byteCount(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  const digits = unit > 0 && amount < 9.95 ? 1 : 0;
  return `${amount.toFixed(digits)} ${units[unit]}`;
}

/** A checksum, as etcdctl has it. */
export function hexHash(hash: number): string {
  return hash.toString(16).padStart(8, '0');
}
