/**
 * A backup is the row of frames that a snapshot file is (see `snapshot-format.ts`), then zeros up to a
 * multiple of the block. Behind that may be a SHA-256 of all of it: etcd's clients take a snapshot for
 * whole only if it has one, and a door that speaks etcd's protocol adds it.
 */
export const backupBlockBytes = 512;
export const backupDigestBytes = 32;

/** How many zeros follow the frames. */
export function backupPadding(frameBytes: number): number {
  return (backupBlockBytes - (frameBytes % backupBlockBytes)) % backupBlockBytes;
}
