/** Between the 64-bit numbers of etcd's messages and our own, which stop at 2^53-1: what is beyond saturates. */

const most = BigInt(Number.MAX_SAFE_INTEGER);

/** What is negative stands for 0, as etcd takes a revision or a limit below it. */
export function countOf(value: bigint): number {
  if (value <= 0n) return 0;
  return value > most ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** Revisions, ids of watches: what may be negative. */
export function numberOf(value: bigint): number {
  if (value > most) return Number.MAX_SAFE_INTEGER;
  return value < -most ? -Number.MAX_SAFE_INTEGER : Number(value);
}
