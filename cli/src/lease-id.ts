import { UsageError } from './failure.ts';

/**
 * A lease id as people give it: decimal as this command prints it, or hexadecimal after 0x as
 * etcdctl does without it. @throws UsageError
 */
export function leaseId(given: string, what: string): string {
  const isHex = /^0x[0-9a-f]{1,16}$/i.test(given);
  if (isHex || /^-?\d+$/.test(given)) {
    const id = isHex ? BigInt.asIntN(64, BigInt(given)) : BigInt(given);
    if (BigInt.asIntN(64, id) === id) return String(id);
  }
  const hex = /^[0-9a-f]{1,16}$/i.test(given) ? `; for hexadecimal write 0x${given}` : '';
  throw new UsageError(`${what} is "${given}"; it must be a whole number of 64 bits${hex}`);
}
