/** Whose files these are. Every file of a data directory says so, and is refused elsewhere. */
export interface StorageIdentity {
  readonly clusterId: string;
  readonly memberId: string;
  /** Random, made with the directory: a directory that was wiped and made anew is another one. */
  readonly directoryId: string;
}

export const storageFormat = 1;

/** The first difference between two identities in words, or undefined when they are the same. */
export function differenceOf(
  found: StorageIdentity,
  expected: StorageIdentity,
): string | undefined {
  if (found.clusterId !== expected.clusterId) {
    return `it belongs to cluster ${found.clusterId}, not ${expected.clusterId}`;
  }
  if (found.memberId !== expected.memberId) {
    return `it belongs to member ${found.memberId}, not ${expected.memberId}`;
  }
  if (found.directoryId !== expected.directoryId) {
    return 'it was written for another data directory of the same member';
  }
  return undefined;
}
