/**
 * A snapshot file is a row of frames:
 *
 *   ├ header: whose, meta (JSON) ├ chunk 0 ├ chunk 1 ├ ... ├ trailer: count, bytes, chain ┤ end
 *
 * Each frame has its own checksum; the chain is the checksum of the checksums before it.
 */
export const snapshotKind = { header: 1, chunk: 2, trailer: 3 } as const;

export const chunkBytesMax = 4 * 1024 * 1024;
/** A header with the membership of any cluster of sane size. */
export const headerBytesMax = 1024 * 1024;
/** So many first bytes of each frame go into the chain: its checksum. */
export const chainBytes = 4;

const namePattern = /^snapshot-([0-9a-f]{16})-([0-9a-f]{16})\.snap$/;

export function snapshotName(at: { readonly index: number; readonly term: number }): string {
  return `snapshot-${hex(at.index)}-${hex(at.term)}.snap`;
}

/** What the name of a snapshot says, or undefined if it is another file's. */
export function parseSnapshotName(name: string): { index: number; term: number } | undefined {
  const match = namePattern.exec(name);
  if (match === null) return undefined;
  const [, index = '', term = ''] = match;
  return { index: Number.parseInt(index, 16), term: Number.parseInt(term, 16) };
}

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}
